"""What a password has to be like."""

from __future__ import annotations

from asgi_auth.config import PasswordOptions
from asgi_auth.errors import PasswordTooCommon, PasswordTooLong, PasswordTooShort


class PasswordRules:
    """The rules of one configuration."""

    def __init__(self, options: PasswordOptions) -> None:
        self._options = options
        self._blocklist = frozenset(password.lower() for password in options.blocklist or ())

    def check_new(self, password: str) -> None:
        """Refuse a password that nobody may choose: PasswordTooShort, PasswordTooLong, PasswordTooCommon."""
        if _length(password) < self._options.min_length:
            raise PasswordTooShort
        self.check_given(password)
        if password.lower() in self._blocklist:
            raise PasswordTooCommon

    def check_given(self, password: str) -> None:
        """Refuse a password that nobody can have, before anything that long is hashed: PasswordTooLong."""
        if _length(password) > self._options.max_length:
            raise PasswordTooLong


def _length(password: str) -> int:
    """In UTF-16 code units, as JavaScript counts."""
    return len(password.encode("utf-16-le", "surrogatepass")) // 2

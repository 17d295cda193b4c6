"""What a password has to be like."""

from __future__ import annotations

from asgi_auth.config import PasswordOptions
from asgi_auth.crypto.javascript import length
from asgi_auth.errors import PasswordTooCommon, PasswordTooLong, PasswordTooShort


class PasswordRules:
    """The rules of one configuration."""

    def __init__(self, options: PasswordOptions) -> None:
        self._options = options
        self._blocklist = frozenset(password.lower() for password in options.blocklist or ())

    def check_new(self, password: str) -> None:
        """Refuse a password that nobody may choose: PasswordTooShort, PasswordTooLong, PasswordTooCommon."""
        if length(password) < self._options.min_length:
            raise PasswordTooShort
        self.check_given(password)
        if password.lower() in self._blocklist:
            raise PasswordTooCommon

    def check_given(self, password: str) -> None:
        """Refuse a password that nobody can have, before anything that long is hashed: PasswordTooLong."""
        if length(password) > self._options.max_length:
            raise PasswordTooLong

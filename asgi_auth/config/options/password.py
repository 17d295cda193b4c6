"""Signing up and in with e-mail and password."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from asgi_auth.config.options.checks import check_types, require


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordOptions:
    """Signing up and in with e-mail and password.

    Attributes:
        is_enabled: whether passwords are a way in at all (default True).
        allows_sign_up: whether strangers may create an account (default True).
        min_length: in UTF-16 code units, as JavaScript counts (default 8).
        max_length: likewise (default 128).
        signs_in_after_sign_up: a new user is signed in at once (default True).
        requires_verified_email: nobody signs in before the address is verified (default False).
        reset_lifetime: of the link in the letter for those who forgot (default 1 hour).
        revokes_sessions_on_reset: choosing a new password that way ends all sessions (default None: in production).
        tells_existing_user: where a sign-up does not tell that an address is taken, its owner gets a letter (default
            False).
        blocklist: passwords nobody may choose, in lower case; compared without regard to case (default None:
            ``common_passwords()`` in production, else none).
    """

    is_enabled: bool = True
    allows_sign_up: bool = True
    min_length: int = 8
    max_length: int = 128
    signs_in_after_sign_up: bool = True
    requires_verified_email: bool = False
    reset_lifetime: timedelta = timedelta(hours=1)
    revokes_sessions_on_reset: bool | None = None
    tells_existing_user: bool = False
    blocklist: frozenset[str] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        check_types(self, "password")
        require(0 < self.min_length <= self.max_length, "password.min_length: at least 1, at most max_length")
        require(self.max_length <= 4096, "password.max_length: 4096 at most")
        require(self.reset_lifetime >= timedelta(seconds=1), "password.reset_lifetime: at least 1 second")

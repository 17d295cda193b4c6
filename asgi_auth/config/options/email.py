"""Proving that an address is one's own, and changing it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from asgi_auth.config.options.checks import check_types, require


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailOptions:
    """Proving that an address is one's own, and changing it. All of it needs ``mail.sender``.

    Attributes:
        verification_lifetime: of the links (default 1 hour).
        verifies_on_sign_up: new users get a letter (default None: where ``password.requires_verified_email``).
        verifies_on_sign_in: so do users who are refused for want of a verified address (default False).
        signs_in_after_verification: following the link starts a session (default False).
        allows_change: users may change their address (default False).
        confirms_change: the old, verified address has to agree first (default False).
        changes_unverified_at_once: an address that was never verified is replaced without a letter (default False).
        answers_strangers_after: somebody who is not signed in and asks for a letter waits at least so long, so that
            the time does not tell whether the address is known (default 500 milliseconds).
    """

    verification_lifetime: timedelta = timedelta(hours=1)
    verifies_on_sign_up: bool | None = None
    verifies_on_sign_in: bool = False
    signs_in_after_verification: bool = False
    allows_change: bool = False
    confirms_change: bool = False
    changes_unverified_at_once: bool = False
    answers_strangers_after: timedelta = timedelta(milliseconds=500)

    def __post_init__(self) -> None:
        check_types(self, "email")
        require(self.verification_lifetime >= timedelta(seconds=1), "email.verification_lifetime: at least 1 second")
        require(self.answers_strangers_after >= timedelta(), "email.answers_strangers_after: not negative")

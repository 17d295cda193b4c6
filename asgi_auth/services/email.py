"""Addresses: proved with a letter, and exchanged for others."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from msgspec import UNSET

from asgi_auth.clock import Clock
from asgi_auth.config import AuthConfig
from asgi_auth.crypto.signing import Signer
from asgi_auth.engine import Engine
from asgi_auth.errors import (
    EmailAlreadyVerified,
    EmailMismatch,
    InvalidEmail,
    InvalidVerificationToken,
    VerificationDisabled,
    VerifiedUserMismatch,
    VerifiedUserNotFound,
)
from asgi_auth.events import EventBus
from asgi_auth.models import User
from asgi_auth.services.answer_time import AnswerTime
from asgi_auth.services.email_address import is_email, normalize
from asgi_auth.services.email_change import EmailChangeService
from asgi_auth.services.email_letters import EmailLetters, Lead
from asgi_auth.services.email_tokens import EmailClaims, EmailTokens
from asgi_auth.services.rooms import Rooms
from asgi_auth.services.session import Device
from asgi_auth.services.sign_in import SignedIn

METHOD = "email-verification"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Who opened a link.

    Attributes:
        user_id: of the session that came along, if one did.
        device: where from.
        is_remembered: False asks for a short session.
    """

    user_id: str | None = None
    device: Device | None = None
    is_remembered: bool = True


FindAsker = Callable[[], Awaitable[Asker]]


async def nobody() -> Asker:
    """Nobody in particular."""
    return Asker()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What a link has brought about.

    Attributes:
        user: as it is now.
        outcome: the address is "verified"; or the old one has agreed ("confirmed") and the new one has a letter; or
            the address is "changed".
        signed_in: the session that began with it, if one did.
        renews_session: the session that came along, if any, goes on with the user as it is now.
    """

    user: User
    outcome: Literal["verified", "confirmed", "changed"]
    signed_in: SignedIn | None = None
    renews_session: bool = False


class EmailService:
    """The addresses of one Auth's users."""

    def __init__(
        self,
        engine: Engine,
        config: AuthConfig,
        rooms: Rooms,
        *,
        signer: Signer,
        clock: Clock,
        events: EventBus,
        answer_time: AnswerTime | None = None,
    ) -> None:
        self._options = config.email
        verifies = config.email.verifies_on_sign_up
        self._greets = config.password.requires_verified_email if verifies is None else verifies
        self._users = rooms.users
        self._accounts = rooms.accounts
        self._sign_in = rooms.sign_in
        self._tokens = EmailTokens(signer, lifetime=config.email.verification_lifetime, clock=clock)
        self._letters = EmailLetters(config, rooms.mails, self._tokens)
        self._changes = EmailChangeService(engine, config.email, rooms, letters=self._letters, events=events)
        self._answer_time = answer_time or AnswerTime(config.email.answers_strangers_after)

    async def send_verification_email(self, email: str, *, lead: Lead | None = None) -> None:
        """Send a letter to an address if it is a user's and not yet verified, for somebody who is not signed in.

        Whether it is, nobody learns: this always takes ``email.answers_strangers_after``, and the letter goes out
        beside it. Raises VerificationDisabled, InvalidEmail, Unavailable.
        """
        self._require_letters()
        if not is_email(email):
            raise InvalidEmail
        async with self._answer_time.floor():
            user = await self._users.find_by_email(email, reads_record=True)
            self._letters.verification(None if user is None or user.email_verified else user, lead)

    def send_own_verification_email(self, user: User, email: str, *, lead: Lead | None = None) -> None:
        """Send a signed-in user a letter to verify the address that it names as its own.

        Raises VerificationDisabled, EmailMismatch, EmailAlreadyVerified.
        """
        self._require_letters()
        if normalize(email) != user.email:
            raise EmailMismatch
        if user.email_verified:
            raise EmailAlreadyVerified
        self._letters.verification(user, lead)

    def greet(self, user: User, *, lead: Lead | None = None) -> None:
        """Send a new user a letter, where ``email.verifies_on_sign_up`` says so and the address is not verified."""
        if self._greets and not user.email_verified and self._letters.is_enabled:
            self._letters.verification(user, lead)

    def welcome(self, user: User, *, is_required: bool, lead: Lead | None = None) -> None:
        """Send a new user of a provider a letter, where the provider requires a verified address, or as configured.

        That password.requires_verified_email says nothing here: these users have no password.
        """
        is_asked = self._options.verifies_on_sign_up or is_required
        if is_asked and not user.email_verified and self._letters.is_enabled:
            self._letters.verification(user, lead)

    def remind(self, user: User, *, lead: Lead | None = None) -> None:
        """Send a letter to a user who was refused for want of a verified address, if configured."""
        if self._options.verifies_on_sign_in and self._letters.is_enabled:
            self._letters.verification(user, lead)

    async def verify_email(self, token: str, *, find_asker: FindAsker = nobody, lead: Lead | None = None) -> Verified:
        """Do what the token of a letter was made for. It works again until it expires (Better Auth contract).

        It works for one user, and as long as that user has the address that it was made for; a change of address only
        as long as the password stays what it was. With
        ``email.signs_in_after_verification`` the first one who verifies an address with it is signed in. ``find_asker``
        is awaited where it matters who opened the link; ``lead`` is for the letter that may follow.

        Raises InvalidVerificationToken, VerificationTokenExpired, VerifiedUserNotFound; for a change also
        VerifiedUserMismatch where somebody else is signed in, EmailTaken where somebody was quicker, and
        EmailChangeNotSent; and whatever a step on the door raises.
        """
        claims = self._tokens.verify(token)
        user = await self._users.find_by_email(claims.email, reads_record=True)
        if isinstance(claims.update_to, str):
            return await self._follow_change(user, claims, claims.update_to, find_asker, lead)
        if user is None:
            raise VerifiedUserNotFound
        if user.id != claims.user_id:
            raise InvalidVerificationToken
        return await self._verify(user, find_asker)

    async def change_email(self, user: User, new_email: str, *, lead: Lead | None = None) -> User:
        """Begin to change a signed-in user's address, or change it at once where that is configured.

        A new address that is taken is answered as one that is free, and nothing is sent.

        Returns the user as it is now. Raises EmailChangeDisabled, InvalidEmail, EmailUnchanged, EmailChangeNotSent
        where nobody sends letters, and Conflict where the user's address changes at the same time.
        """
        return await self._changes.begin(user, new_email, lead)

    def _require_letters(self) -> None:
        if not self._letters.is_enabled:
            raise VerificationDisabled

    async def _verify(self, user: User, find_asker: FindAsker) -> Verified:
        if user.email_verified:
            return Verified(user=user, outcome="verified")
        verified = await self._users.note_verified(user)
        if verified is None:
            return Verified(user=await self._verified_meanwhile(user), outcome="verified")
        return await self._let_in(verified, find_asker)

    async def _verified_meanwhile(self, user: User) -> User:
        """After another click was quicker, or the address has changed; only a fresh look tells which."""
        fresh = await self._users.find_by_email(user.email, reads_record=True)
        if fresh is None or fresh.id != user.id:
            raise VerifiedUserNotFound
        return fresh

    async def _let_in(self, user: User, find_asker: FindAsker) -> Verified:
        if not self._options.signs_in_after_verification:
            return Verified(user=user, outcome="verified")
        asker = await find_asker()
        if asker.user_id == user.id:
            return Verified(user=user, outcome="verified", renews_session=True)
        signed_in = await self._sign_in.complete(
            user, method=METHOD, device=asker.device, is_remembered=asker.is_remembered
        )
        return Verified(user=user, outcome="verified", signed_in=signed_in)

    async def _is_older_than_password(self, claims: EmailClaims) -> bool:
        """Whether a change was begun before the password was replaced: perhaps by whom that was to keep out."""
        account = await self._accounts.find_credential(claims.user_id)
        return account is not None and claims.iat < int(account.updated_at.timestamp())

    async def _follow_change(
        self,
        user: User | None,
        claims: EmailClaims,
        new_email: str,
        find_asker: FindAsker,
        lead: Lead | None,
    ) -> Verified:
        if user is None or user.id != claims.user_id or await self._is_older_than_password(claims):
            raise InvalidVerificationToken
        if (await find_asker()).user_id not in (None, user.id):
            raise VerifiedUserMismatch
        new_email = normalize(new_email)
        if claims.request_type == "change-email-confirmation":
            await self._changes.confirm(user, new_email, lead)
            return Verified(user=user, outcome="confirmed")
        if claims.request_type is UNSET:
            changed = await self._changes.finish_unproved(user, new_email, lead)
        else:
            changed = await self._changes.finish(user, new_email)
        return Verified(user=changed, outcome="changed", renews_session=True)

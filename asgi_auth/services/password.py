"""Signing up and in with e-mail and password."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from asgi_auth.config import AuthConfig
from asgi_auth.crypto.hash_pool import PasswordHasher
from asgi_auth.engine import Engine
from asgi_auth.errors import (
    CredentialAccountNotFound,
    EmailNotVerified,
    InvalidCredentials,
    InvalidEmail,
    InvalidPassword,
    PasswordSignInDisabled,
)
from asgi_auth.events import EventBus, PasswordRefused, SignInFailed
from asgi_auth.infrastructure.metrics import LOGIN_FAILURE, Metrics
from asgi_auth.models import Session, User
from asgi_auth.services.email import EmailService
from asgi_auth.services.email_address import is_email
from asgi_auth.services.email_letters import Lead
from asgi_auth.services.password_reset import PasswordResetService
from asgi_auth.services.password_rules import PasswordRules
from asgi_auth.services.password_sign_up import Applicant, PasswordSignUpService
from asgi_auth.services.rooms import Rooms
from asgi_auth.services.session import Device
from asgi_auth.services.sign_in import ProofOutdated, SignedIn

METHOD = "password"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedUp:
    """A new user, and the session it was given at once, if it was."""

    user: User
    session: Session | None = None


class PasswordAuthService:
    """E-mail and password as a way in."""

    def __init__(
        self,
        engine: Engine,
        config: AuthConfig,
        rooms: Rooms,
        *,
        hasher: PasswordHasher,
        metrics: Metrics,
        events: EventBus,
        emails: EmailService,
    ) -> None:
        self._engine = engine
        self._options = config.password
        self._rules = PasswordRules(config.password)
        self._resets = PasswordResetService(engine, config, rooms, rules=self._rules, hasher=hasher, events=events)
        self._sign_ups = PasswordSignUpService(engine, config, rooms, rules=self._rules, hasher=hasher, emails=emails)
        self._users = rooms.users
        self._accounts = rooms.accounts
        self._sessions = rooms.sessions
        self._sign_in = rooms.sign_in
        self._limits = rooms.rate_limits
        self._hasher = hasher
        self._metrics = metrics
        self._events = events
        self._emails = emails

    async def sign_up(
        self,
        email: str,
        password: str,
        name: str,
        metadata: Mapping[str, object] | None = None,
        *,
        image: str | None = None,
        device: Device | None = None,
        is_remembered: bool = True,
        lead: Lead | None = None,
    ) -> SignedUp:
        """Create a user with a password and, unless configured otherwise, sign it in.

        ``metadata`` are the declared additional fields; ``lead`` is for the letter that verifies the address, where
        one is sent (``email.verifies_on_sign_up``). Where a new user is not signed in at once, a taken address is
        answered with a user that is not stored, after the same work, so that nobody learns who has an account; with
        ``password.tells_existing_user`` the owner of the address gets a letter.

        Raises SignUpDisabled, InvalidEmail, PasswordTooShort, PasswordTooLong, PasswordTooCommon, FieldNotAllowed,
        MissingField, EmailTaken, UserNotCreated, Overloaded, and whatever a step on the door raises.
        """
        applicant = Applicant(email=email, password=password, name=name, image=image, metadata=metadata or {})
        user = await self._sign_ups.sign_up(applicant, lead=lead)
        if not self._sign_ups.signs_in:
            return SignedUp(user=user)
        signed_in = await self._sign_in.complete(user, method=METHOD, device=device, is_remembered=is_remembered)
        return SignedUp(user=user, session=signed_in.session)

    async def sign_in(
        self,
        email: str,
        password: str,
        *,
        device: Device | None = None,
        is_remembered: bool = True,
        lead: Lead | None = None,
    ) -> SignedIn:
        """Let a user in by password; an outdated hash is replaced on the way.

        ``lead`` is for the letter to a user who is refused for want of a verified address, where one is sent
        (``email.verifies_on_sign_in``).

        Raises InvalidCredentials, after the same work, for an unknown address, a user without a password and a
        wrong password; EmailNotVerified after a right one; PasswordSignInDisabled, InvalidEmail, PasswordTooLong,
        RateLimited, Overloaded, and whatever a step on the door raises. A password that is replaced meanwhile is judged
        again, against the new one.
        """
        while True:
            user, password_hash = await self._prove(email, password, device)
            if self._options.requires_verified_email and not user.email_verified:
                self._emails.remind(user, lead=lead)
                await self._events.publish(SignInFailed(METHOD, str(EmailNotVerified.code), user.id))
                raise EmailNotVerified
            holds = partial(self._accounts.has_password, user.id, password_hash)
            with suppress(ProofOutdated):
                return await self._sign_in.complete(
                    user, method=METHOD, device=device, is_remembered=is_remembered, holds=holds
                )

    async def verify(self, email: str, password: str, *, device: Device | None = None) -> User:
        """The user whom these credentials belong to; raises as ``sign_in`` does, but starts nothing."""
        user, _ = await self._prove(email, password, device)
        return user

    async def _prove(self, email: str, password: str, device: Device | None) -> tuple[User, str]:
        """The user, and the hash that the password was right for."""
        self._check_sign_in(email, password)
        async with self._limits.guess_at(email, client=device.ip_address if device else None):
            return await self._judge(email, password)

    async def _judge(self, email: str, password: str) -> tuple[User, str]:
        found = await self._users.find_with_password(email)
        user, stored = found or (None, None)
        check = await self._hasher.verify(password, stored)
        if user is None or stored is None or not check.is_valid:
            self._metrics.increment(LOGIN_FAILURE, method=METHOD)
            user_id = user.id if user else None
            await self._events.publish(SignInFailed(METHOD, str(InvalidCredentials.code), user_id))
            raise InvalidCredentials
        new = check.replacement
        if new is None or not await self._accounts.replace_password(user.id, old_hash=stored, new_hash=new):
            return user, stored
        return user, new

    async def send_verification_email(self, email: str, *, lead: Lead | None = None) -> None:
        """See EmailService."""
        await self._emails.send_verification_email(email, lead=lead)

    async def verify_email(self, token: str) -> User:
        """Do what the token of a letter was made for; returns the user as it is now. See EmailService."""
        return (await self._emails.verify_email(token)).user

    async def sign_out(self, token: str) -> bool:
        """End the session of a token; False where there was none."""
        return await self._sessions.revoke_token(token, reason="sign_out")

    async def verify_password(self, user_id: str, password: str) -> None:
        """Ask a signed-in user for the password again; raises InvalidPassword or PasswordTooLong."""
        self._rules.check_given(password)
        account = await self._accounts.find_credential(user_id)
        check = await self._hasher.verify(password, account.password if account else None)
        if not check.is_valid:
            await self._events.publish(PasswordRefused(user_id))
            raise InvalidPassword

    async def change_password(
        self,
        user_id: str,
        current: str,
        new: str,
        *,
        revokes_sessions: bool = False,
        device: Device | None = None,
        is_remembered: bool = True,
    ) -> Session | None:
        """Replace a password; with ``revokes_sessions`` every session ends and the new one that is returned begins.

        Raises PasswordTooShort, PasswordTooLong, PasswordTooCommon, CredentialAccountNotFound, InvalidPassword,
        Overloaded.
        """
        self._rules.check_new(new)
        account = await self._accounts.find_credential(user_id)
        if account is None or account.password is None:
            raise CredentialAccountNotFound
        self._rules.check_given(current)
        if not (await self._hasher.verify(current, account.password)).is_valid:
            await self._events.publish(PasswordRefused(user_id))
            raise InvalidPassword
        new_hash = await self._hasher.hash(new)
        async with self._engine.transaction():
            await self._engine.user_queries.lock(user_id)  # or a sign-in with the old password would not see this
            if not await self._accounts.replace_password(user_id, old_hash=account.password, new_hash=new_hash):
                raise InvalidPassword
            session = await self._restart(user_id, device, is_remembered) if revokes_sessions else None
            await self._resets.revoke_links(user_id)
            await self._resets.announce(user_id, how="change")
        return session

    async def forget_password(
        self, email: str, *, redirect_to: str = "", base_url: str | None = None, device: Device | None = None
    ) -> None:
        """Send a link to choose a new password to whoever has this address.

        Whether anybody has it is not told, neither by the answer nor by its time: the link is made and sent beside
        the caller. The link leads to ``redirect_to``, a page of the application that is known to be trusted, with
        the token; "" is for applications whose letters lead there by themselves. ``base_url`` is where people find
        the endpoints (default: as configured), ``device`` who asks.

        Raises ResetPasswordDisabled where nobody sends letters, InvalidEmail, Unavailable.
        """
        client = device.ip_address if device else ""
        await self._resets.forget_password(email, redirect_to=redirect_to, base_url=base_url, client=client)

    async def is_reset_token_live(self, token: str) -> bool:
        """Whether the token of a letter could be redeemed now; looking does not use it up."""
        return await self._resets.is_token_live(token)

    async def reset_password(self, token: str, new_password: str, *, device: Device | None = None) -> None:
        """Redeem the token of a letter for a new password, once; all other such letters to the user are worthless.

        A user who had no password has one from now on. With ``password.revokes_sessions_on_reset`` all sessions
        end (OWASP ASVS 7.4.3). Nobody is signed in, but ``device`` counts from now on as one of the user's own:
        strangers who guess at the account do not keep it out.

        Raises, in this order, InvalidResetToken for "", PasswordTooShort, PasswordTooLong, PasswordTooCommon,
        InvalidResetToken for a token that is unknown, used or expired, ResetUserNotFound, Overloaded; a refused
        password does not use the token up.
        """
        await self._resets.reset_password(token, new_password, client=device.ip_address if device else "")

    async def set_password(self, user_id: str, new_password: str) -> None:
        """Give a password to a user who has none: for the server's own code, which knows who is asking.

        Raises PasswordTooShort, PasswordTooLong, PasswordTooCommon, PasswordAlreadySet, NotFound, Overloaded.
        """
        await self._resets.set_password(user_id, new_password)

    async def _restart(self, user_id: str, device: Device | None, is_remembered: bool) -> Session:  # noqa: FBT001
        user = await self._users.get(user_id, reads_record=True)
        await self._sessions.revoke_all_user_sessions(user_id)
        return await self._sessions.create(user, device=device, is_remembered=is_remembered)

    def _check_sign_in(self, email: str, password: str) -> None:
        if not self._options.is_enabled:
            raise PasswordSignInDisabled
        if not is_email(email):
            raise InvalidEmail
        self._rules.check_given(password)

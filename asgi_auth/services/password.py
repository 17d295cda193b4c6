"""Signing up and in with e-mail and password."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from asgi_auth.config import PasswordOptions
from asgi_auth.crypto.hash_pool import PasswordHasher
from asgi_auth.engine import Engine, IntegrityViolation
from asgi_auth.errors import (
    CredentialAccountNotFound,
    EmailNotVerified,
    EmailTaken,
    InvalidCredentials,
    InvalidEmail,
    InvalidPassword,
    PasswordSignInDisabled,
    PasswordTooCommon,
    PasswordTooLong,
    PasswordTooShort,
    SignUpDisabled,
)
from asgi_auth.events import EventBus, PasswordChanged
from asgi_auth.infrastructure.metrics import LOGIN_FAILURE, Metrics
from asgi_auth.models import Session, User
from asgi_auth.services.account import AccountService
from asgi_auth.services.email_address import is_email
from asgi_auth.services.session import Device, SessionService
from asgi_auth.services.sign_in import SignedIn, SignInService
from asgi_auth.services.users import UserService

METHOD = "password"

_logger = structlog.get_logger("asgi_auth.password")


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedUp:
    """A new user, and the session it was given at once, if it was."""

    user: User
    session: Session | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rooms:
    """The services that this one rests on."""

    users: UserService
    accounts: AccountService
    sessions: SessionService
    sign_in: SignInService


class PasswordAuthService:
    """E-mail and password as a way in."""

    def __init__(
        self,
        engine: Engine,
        options: PasswordOptions,
        rooms: Rooms,
        *,
        hasher: PasswordHasher,
        metrics: Metrics,
        events: EventBus,
    ) -> None:
        self._engine = engine
        self._options = options
        self._blocklist = frozenset(password.lower() for password in options.blocklist or ())
        self._users = rooms.users
        self._accounts = rooms.accounts
        self._sessions = rooms.sessions
        self._sign_in = rooms.sign_in
        self._hasher = hasher
        self._metrics = metrics
        self._events = events

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
    ) -> SignedUp:
        """Create a user with a password and, unless configured otherwise, sign it in.

        ``metadata`` are the declared additional fields. Where a new user is not signed in at once, a taken address
        is answered with a user that is not stored, after the same work, so that nobody learns who has an account.

        Raises SignUpDisabled, InvalidEmail, PasswordTooShort, PasswordTooLong, PasswordTooCommon, FieldNotAllowed,
        MissingField, EmailTaken, UserNotCreated, Overloaded, and whatever a step on the door raises.
        """
        self._check_sign_up(email, password)
        fields = self._users.input_fields.for_create(metadata or {})
        user = self._users.new(email=email, name=name, image=image, fields=fields)
        signs_in = self._options.signs_in_after_sign_up and not self._options.requires_verified_email
        try:
            await self._store(user, password, is_told=signs_in)
        except EmailTaken:
            if signs_in:
                raise
            return SignedUp(user=user)
        await self._users.announce(user)
        if not signs_in:
            return SignedUp(user=user)
        signed_in = await self._sign_in.complete(user, method=METHOD, device=device, is_remembered=is_remembered)
        return SignedUp(user=user, session=signed_in.session)

    async def sign_in(
        self, email: str, password: str, *, device: Device | None = None, is_remembered: bool = True
    ) -> SignedIn:
        """Let a user in by password; an outdated hash is replaced on the way.

        Raises InvalidCredentials, after the same work, for an unknown address, a user without a password and a
        wrong password; EmailNotVerified after a right one; PasswordSignInDisabled, InvalidEmail, PasswordTooLong,
        Overloaded, and whatever a step on the door raises.
        """
        user = await self.verify(email, password)
        if self._options.requires_verified_email and not user.email_verified:
            raise EmailNotVerified
        return await self._sign_in.complete(user, method=METHOD, device=device, is_remembered=is_remembered)

    async def verify(self, email: str, password: str) -> User:
        """The user whom these credentials belong to; raises as ``sign_in`` does, but starts nothing."""
        self._check_sign_in(email, password)
        found = await self._users.find_with_password(email)
        user, stored = found or (None, None)
        check = await self._hasher.verify(password, stored)
        if user is None or stored is None or not check.is_valid:
            self._metrics.increment(LOGIN_FAILURE, method=METHOD)
            _logger.info("sign_in.refused", method=METHOD, user_id=user.id if user else None)
            raise InvalidCredentials
        if check.replacement is not None:
            await self._accounts.replace_password(user.id, old_hash=stored, new_hash=check.replacement)
        return user

    async def sign_out(self, token: str) -> bool:
        """End the session of a token; False where there was none."""
        return await self._sessions.revoke_token(token)

    async def verify_password(self, user_id: str, password: str) -> None:
        """Ask a signed-in user for the password again; raises InvalidPassword or PasswordTooLong."""
        if self._is_too_long(password):
            raise PasswordTooLong
        account = await self._accounts.find_credential(user_id)
        check = await self._hasher.verify(password, account.password if account else None)
        if not check.is_valid:
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
        self._check_new_password(new)
        account = await self._accounts.find_credential(user_id)
        if account is None or account.password is None:
            raise CredentialAccountNotFound
        if self._is_too_long(current):
            raise PasswordTooLong
        if not (await self._hasher.verify(current, account.password)).is_valid:
            raise InvalidPassword
        new_hash = await self._hasher.hash(new)
        async with self._engine.transaction():
            if not await self._accounts.replace_password(user_id, old_hash=account.password, new_hash=new_hash):
                raise InvalidPassword
            session = await self._restart(user_id, device, is_remembered) if revokes_sessions else None
        _logger.info("password.changed", user_id=user_id)
        await self._events.publish(PasswordChanged(user_id))
        return session

    async def _restart(self, user_id: str, device: Device | None, is_remembered: bool) -> Session:  # noqa: FBT001
        user = await self._users.get(user_id)
        await self._sessions.revoke_all_user_sessions(user_id)
        return await self._sessions.create(user, device=device, is_remembered=is_remembered)

    async def _store(self, user: User, password: str, *, is_told: bool) -> None:
        if await self._users.find_by_email(user.email) is not None:
            if not is_told:
                await self._hasher.hash(password)
            raise EmailTaken
        password_hash = await self._hasher.hash(password)
        try:
            async with self._engine.transaction():
                await self._users.add(user)
                await self._accounts.add_credential(user.id, password_hash)
        except IntegrityViolation:
            raise await self._users.refusal(user) from None

    def _check_sign_up(self, email: str, password: str) -> None:
        if not (self._options.is_enabled and self._options.allows_sign_up):
            raise SignUpDisabled
        if not is_email(email):
            raise InvalidEmail
        self._check_new_password(password)

    def _check_sign_in(self, email: str, password: str) -> None:
        if not self._options.is_enabled:
            raise PasswordSignInDisabled
        if not is_email(email):
            raise InvalidEmail
        if self._is_too_long(password):
            raise PasswordTooLong

    def _check_new_password(self, password: str) -> None:
        if _length(password) < self._options.min_length:
            raise PasswordTooShort
        if self._is_too_long(password):
            raise PasswordTooLong
        if password.lower() in self._blocklist:
            raise PasswordTooCommon

    def _is_too_long(self, password: str) -> bool:
        return _length(password) > self._options.max_length


def _length(password: str) -> int:
    return len(password.encode("utf-16-le", "surrogatepass")) // 2

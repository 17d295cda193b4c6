"""Forgotten passwords: a letter with a link that works once, and passwords set without the old one."""

from __future__ import annotations

from functools import partial
from typing import Literal

import structlog

from asgi_auth.config import AuthConfig
from asgi_auth.crypto.hash_pool import PasswordHasher
from asgi_auth.engine import Engine
from asgi_auth.errors import (
    ConfigurationError,
    InvalidEmail,
    InvalidResetToken,
    InvalidToken,
    NotFound,
    PasswordAlreadySet,
    ResetPasswordDisabled,
    ResetUserNotFound,
)
from asgi_auth.events import EventBus, PasswordChanged, PasswordResetRequested
from asgi_auth.mails import ResetPasswordMail
from asgi_auth.models import User
from asgi_auth.percent import encode_component
from asgi_auth.services.email_address import is_email
from asgi_auth.services.password_rules import PasswordRules
from asgi_auth.services.rooms import Rooms
from asgi_auth.services.verification import Purpose

TOKEN_LENGTH = 24

_logger = structlog.get_logger("asgi_auth.password")


class PasswordResetService:
    """Passwords for those who have forgotten theirs, or never had one."""

    def __init__(
        self,
        engine: Engine,
        config: AuthConfig,
        rooms: Rooms,
        *,
        rules: PasswordRules,
        hasher: PasswordHasher,
        events: EventBus,
    ) -> None:
        self._engine = engine
        self._config = config
        self._rooms = rooms
        self._rules = rules
        self._hasher = hasher
        self._events = events
        self._purpose = Purpose(prefix="reset-password:", length=TOKEN_LENGTH, lifetime=config.password.reset_lifetime)

    async def forget_password(
        self, email: str, *, redirect_to: str = "", base_url: str | None = None, client: str = ""
    ) -> None:
        """Send a link to choose a new password to whoever has this address; see PasswordAuthService."""
        if not self._rooms.mails.is_enabled:
            raise ResetPasswordDisabled
        if not is_email(email):
            raise InvalidEmail
        base_url = base_url or self._config.endpoints_url
        if base_url is None:
            raise ConfigurationError("without a base_url in the configuration, forget_password needs one")
        link = f"{base_url}/reset-password/{{token}}?callbackURL={encode_component(redirect_to)}"
        user = await self._rooms.users.find_by_email(email, reads_record=True)
        self._rooms.mails.send_later(partial(self._write, user, link), client=client)

    async def _write(self, user: User | None, link: str) -> ResetPasswordMail | None:
        await self._events.publish(PasswordResetRequested(None if user is None else user.id))
        if user is None:
            _logger.info("password.reset_not_sent", reason="unknown address")
            return None
        token = await self._issue(user)
        if token is None:
            _logger.info("password.reset_not_sent", reason="the address has changed")
            return None
        url = link.replace("{token}", token, 1)
        return ResetPasswordMail(to=user.email, app_name=self._config.app_name, user=user, url=url, token=token)

    async def _issue(self, user: User) -> str | None:
        """A token, unless the user is gone or has another address by now: what was sent to the old one is worthless."""
        async with self._engine.transaction():
            if not await self._engine.user_queries.lock(user.id):
                return None
            now = await self._rooms.users.find(user.id, reads_record=True)
            if now is None or now.email != user.email:
                return None
            return await self._rooms.verifications.issue(self._purpose, value=user.id)

    async def is_token_live(self, token: str) -> bool:
        """Whether a token could be redeemed now; looking does not use it up."""
        return await self._rooms.verifications.find(self._purpose, token) is not None

    async def reset_password(self, token: str, new_password: str, *, client: str = "") -> None:
        """Redeem the token of a letter for a new password; see PasswordAuthService."""
        if not token:
            raise InvalidResetToken
        self._rules.check_new(new_password)
        user_id = await self._rooms.verifications.find(self._purpose, token)
        if user_id is None:
            raise InvalidResetToken
        user = await self._rooms.users.find(user_id, reads_record=True)
        if user is None:
            raise ResetUserNotFound
        new_hash = await self._hasher.hash(new_password)
        async with self._engine.transaction():
            if not await self._engine.user_queries.lock(user_id):
                raise ResetUserNotFound
            await self._redeem(token)
            await self._rooms.accounts.set_password(user_id, new_hash)
            await self.revoke_links(user_id)
            if self._config.password.revokes_sessions_on_reset:
                await self._rooms.sessions.revoke_all_user_sessions(user_id)
            await self.announce(user_id, how="reset")
        await self._rooms.rate_limits.remember(user.email, client=client)

    async def set_password(self, user_id: str, new_password: str) -> None:
        """Give a password to a user who has none; see PasswordAuthService."""
        self._rules.check_new(new_password)
        await self._check_has_none(user_id)
        new_hash = await self._hasher.hash(new_password)
        async with self._engine.transaction():
            if not await self._engine.user_queries.lock(user_id):
                raise NotFound
            await self._check_has_none(user_id)
            await self._rooms.accounts.set_password(user_id, new_hash)
            await self.revoke_links(user_id)
            await self.announce(user_id, how="set")

    async def revoke_links(self, user_id: str) -> None:
        """Make every link in letters to this user worthless."""
        await self._rooms.verifications.revoke(self._purpose, value=user_id)

    async def announce(self, user_id: str, *, how: Literal["change", "reset", "set"]) -> None:
        """Tell listeners of a new password, once the transaction that stores it is over."""
        await self._engine.after_commit(partial(self._events.publish, PasswordChanged(user_id, how)))

    async def _redeem(self, token: str) -> None:
        try:
            await self._rooms.verifications.redeem(self._purpose, token)
        except InvalidToken:
            raise InvalidResetToken from None

    async def _check_has_none(self, user_id: str) -> None:
        account = await self._rooms.accounts.find_credential(user_id)
        if account is not None and account.password is not None:
            raise PasswordAlreadySet

"""Users who delete themselves, and all that goes with them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from asgi_auth.config import AuthConfig
from asgi_auth.crypto.tokens import LOWERCASE_AND_DIGITS
from asgi_auth.engine import Engine
from asgi_auth.errors import (
    CredentialAccountNotFound,
    DeletionDisabled,
    InvalidDeletionToken,
    InvalidPassword,
    InvalidToken,
    SessionExpired,
    SessionNotFresh,
)
from asgi_auth.events import EventBus, UserDeleted
from asgi_auth.mails import DeleteAccountMail
from asgi_auth.models import Session, User
from asgi_auth.services.email_letters import Lead
from asgi_auth.services.links import token_link
from asgi_auth.services.password import PasswordAuthService
from asgi_auth.services.rooms import Rooms
from asgi_auth.services.verification import Purpose

TOKEN_LENGTH = 32

DeletionStep = Callable[[User], Awaitable[None]]


class DeletionService:
    """The end of a user."""

    def __init__(
        self, engine: Engine, config: AuthConfig, rooms: Rooms, *, passwords: PasswordAuthService, events: EventBus
    ) -> None:
        self._engine = engine
        self._config = config
        self._rooms = rooms
        self._passwords = passwords
        self._events = events
        self._steps: list[DeletionStep] = []
        self._purpose = Purpose(
            prefix="delete-account-",
            length=TOKEN_LENGTH,
            alphabet=LOWERCASE_AND_DIGITS,
            lifetime=config.deletion.lifetime,
        )

    def add_step(self, step: DeletionStep) -> None:
        """Have ``step`` awaited with the user before its rows go, in the same transaction.

        It cleans up what is the feature's or the application's own, or refuses by raising an AuthError: then nothing
        is deleted. What is outside the database waits for the event UserDeleted.
        """
        self._steps.append(step)

    async def delete_self(
        self,
        user: User,
        session: Session,
        *,
        password: str | None = None,
        token: str | None = None,
        lead: Lead | None = None,
    ) -> bool:
        """Do what a signed-in user asks for: delete the account, or send a letter first.

        A password, if given, has to be right. The token of a letter deletes at once. Without one, a letter is sent
        where ``deletion.is_confirmed``; elsewhere only a right password or a fresh session deletes.

        Returns whether the user is gone; otherwise a letter is under way. Raises DeletionDisabled,
        CredentialAccountNotFound, InvalidPassword, PasswordTooLong, InvalidDeletionToken, SessionExpired, and
        whatever a step raises.
        """
        self.require_allowed()
        if password:
            await self._verify_password(user, password)
        if token:
            await self.redeem(user, token)
        elif self._config.deletion.is_confirmed:
            await self._send(user, lead or Lead())
            return False
        else:
            if not password:
                self._require_fresh(session)
            await self.delete(user.id)
        return True

    async def redeem(self, user: User, token: str) -> None:
        """Delete the signed-in user whom a letter's token was made for.

        Anybody else is refused, and the token stays good for its owner. Raises DeletionDisabled,
        InvalidDeletionToken, and whatever a step raises, which does not use the token up.
        """
        self.require_allowed()
        async with self._engine.transaction():
            try:
                await self._rooms.verifications.redeem(self._purpose, token, value=user.id)
            except InvalidToken:
                raise InvalidDeletionToken from None
            await self.delete(user.id)

    async def delete(self, user_id: str) -> bool:
        """Delete a user with sessions, accounts and open verifications: all of it or nothing.

        For the server's own code: nothing is asked. Returns False where there is no such user (any more); of many
        callers at once one gets True. Raises whatever a step raises.
        """
        async with self._engine.transaction():
            # Nobody may sign in between the end of the sessions and that of the user: such a session would go
            # unannounced.
            if not await self._engine.user_queries.lock(user_id):
                return False
            user = await self._engine.users.find(id=user_id)
            if user is None:
                return False
            for step in self._steps:
                await step(user)
            await self._rooms.sessions.revoke_all_user_sessions(user_id)
            await self._engine.accounts.remove(user_id=user_id)
            await self._rooms.verifications.revoke_all(value=user_id)
            await self._engine.users.remove(id=user_id)
            await self._engine.after_commit(partial(self._announce, user))
        return True

    def require_allowed(self) -> None:
        """Raise DeletionDisabled where users may not delete themselves."""
        if not self._config.deletion.is_allowed:
            raise DeletionDisabled

    async def _announce(self, user: User) -> None:
        await self._events.publish(UserDeleted(user))

    async def _verify_password(self, user: User, password: str) -> None:
        try:
            await self._passwords.verify_password(user.id, password)
        except InvalidPassword:
            if await self._rooms.accounts.find_credential(user.id) is None:
                raise CredentialAccountNotFound from None
            raise

    def _require_fresh(self, session: Session) -> None:
        try:
            self._rooms.sessions.require_fresh(session)
        except SessionNotFresh:
            raise SessionExpired from None

    async def _send(self, user: User, lead: Lead) -> None:
        token = await self._rooms.verifications.issue(self._purpose, value=user.id)
        base_url = lead.base_url or self._config.endpoints_url or self._config.base_path
        url = token_link(f"{base_url}/delete-user/callback", token=token, callback_url=lead.callback_url)
        self._rooms.mails.send(
            DeleteAccountMail(to=user.email, app_name=self._config.app_name, user=user, url=url, token=token),
            client=lead.client,
        )

"""Exchanging an address for another: the old one agrees, if it has to, and the new one proves itself."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from asgi_auth.config import EmailOptions
from asgi_auth.engine import Engine
from asgi_auth.errors import (
    Conflict,
    EmailChangeDisabled,
    EmailChangeNotSent,
    EmailTaken,
    EmailUnchanged,
    InvalidEmail,
    InvalidVerificationToken,
)
from asgi_auth.events import EmailChanged, EventBus
from asgi_auth.models import User
from asgi_auth.services.email_address import is_email, normalize
from asgi_auth.services.email_letters import EmailLetters, Lead
from asgi_auth.services.rooms import Rooms


class EmailChangeService:
    """The steps of a change; EmailService says what each raises."""

    def __init__(
        self,
        engine: Engine,
        options: EmailOptions,
        rooms: Rooms,
        *,
        letters: EmailLetters,
        events: EventBus,
    ) -> None:
        self._engine = engine
        self._options = options
        self._users = rooms.users
        self._verifications = rooms.verifications
        self._letters = letters
        self._events = events

    async def begin(self, user: User, new_email: str, lead: Lead | None) -> User:
        """Ask the addresses, or change it at once; returns the user as it is now."""
        new_email = self._checked(user, new_email)
        is_at_once = self._options.changes_unverified_at_once and not user.email_verified
        if not is_at_once:
            self._require_letters()
        is_free = await self._users.find_by_email(new_email, reads_record=True) is None
        if is_at_once:
            return await self._change_at_once(user, new_email, lead) if is_free else user
        confirms = self._options.confirms_change and user.email_verified
        write = self._letters.confirmation if confirms else self._letters.change
        write(user, new_email, lead, is_free=is_free)
        return user

    async def confirm(self, user: User, new_email: str, lead: Lead | None) -> None:
        """The old address has agreed: write to the new one, unless somebody has taken it meanwhile."""
        self._require_letters()
        is_free = await self._users.find_by_email(new_email, reads_record=True) is None
        self._letters.change(user, new_email, lead, is_free=is_free)

    async def finish(self, user: User, new_email: str) -> User:
        """The new address has proved itself; whether the old one was verified stays as it was."""
        return await self._replace(user, {"email": new_email})

    async def finish_unproved(self, user: User, new_email: str, lead: Lead | None) -> User:
        """The old address has agreed, and in an older Better Auth that was enough: the new one is to be verified."""
        changed = await self._replace(user, {"email": new_email, "email_verified": False})
        if self._letters.is_enabled:
            self._letters.verification(changed, lead)
        return changed

    def _checked(self, user: User, new_email: str) -> str:
        if not self._options.allows_change:
            raise EmailChangeDisabled
        if not is_email(new_email):
            raise InvalidEmail
        if normalize(new_email) == user.email:
            raise EmailUnchanged
        return normalize(new_email)

    def _require_letters(self) -> None:
        if not self._letters.is_enabled:
            raise EmailChangeNotSent

    async def _change_at_once(self, user: User, new_email: str, lead: Lead | None) -> User:
        try:
            changed = await self._replace(user, {"email": new_email, "email_verified": False})
        except EmailTaken:
            return user
        except InvalidVerificationToken:
            raise Conflict from None
        if self._letters.is_enabled:
            self._letters.verification(changed, lead)
        return changed

    async def _replace(self, user: User, values: Mapping[str, object]) -> User:
        """Change the address if it still is what it was; secrets sent to the old one are worthless from then on."""
        async with self._engine.transaction():
            changed = await self._users.exchange(user, **values)
            if changed is None:
                raise InvalidVerificationToken
            await self._verifications.revoke_all(value=user.id)
            await self._engine.after_commit(partial(self._events.publish, EmailChanged(changed, user.email)))
        return changed

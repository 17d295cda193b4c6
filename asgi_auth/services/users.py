"""Users: created, found, changed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import structlog

from asgi_auth.clock import Clock
from asgi_auth.crypto.tokens import generate_id
from asgi_auth.engine import Engine, UniqueViolation
from asgi_auth.errors import EmailTaken, NotFound, UserNotCreated, UserNotUpdated
from asgi_auth.events import EmailVerified, EventBus, SignUpFailed, UserChanged, UserCreated
from asgi_auth.infrastructure.cache.tiered import Load, TieredCache
from asgi_auth.models import User
from asgi_auth.services.email_address import normalize
from asgi_auth.services.input_fields import InputFields

_logger = structlog.get_logger("asgi_auth.users")


class UserService:
    """The users of one Auth."""

    def __init__(self, engine: Engine, *, cache: TieredCache[User], clock: Clock, events: EventBus) -> None:
        self._engine = engine
        self._cache = cache
        self._clock = clock
        self._events = events
        self.input_fields = InputFields(engine.users.record, User)

    def new(self, *, email: str, name: str, image: str | None = None, fields: Mapping[str, Any]) -> User:
        """A user that is not stored yet; ``fields`` are added fields, by Python name."""
        now = self._clock()
        return self._engine.users.record(
            name=name,
            email=normalize(email),
            image=image,
            created_at=now,
            updated_at=now,
            id=generate_id(),
            **fields,
        )

    async def add(self, user: User) -> None:
        """Store a new user; raises UniqueViolation or another IntegrityViolation, which ``refusal`` explains."""
        await self._engine.users.add(user)

    async def refusal(self, user: User) -> EmailTaken | UserNotCreated:
        """Why a user could not be stored; to be asked once its transaction is undone."""
        return EmailTaken() if await self.find_by_email(user.email, reads_record=True) is not None else UserNotCreated()

    async def announce(self, user: User) -> None:
        """Tell listeners of a new user, once the transaction that stores it is over."""
        await self._engine.after_commit(partial(self._tell, user))

    async def _tell(self, user: User) -> None:
        await self._events.publish(UserCreated(user))

    async def announce_taken(self) -> None:
        """Tell listeners of somebody who wanted an address that is taken: by its time, the same as ``announce``."""
        reason = str(EmailTaken.code)
        _logger.info("user.not_created", reason=reason)
        await self._events.publish(SignUpFailed(reason))

    async def find(self, user_id: str, *, reads_record: bool = False) -> User | None:
        """The user with this id, or None; no query where it is known, unless ``reads_record``."""
        load = partial(self._engine.users.find, id=user_id)
        return await self._find(f"id:{user_id}", load, reads_record=reads_record)

    async def find_by_email(self, email: str, *, reads_record: bool = False) -> User | None:
        """The user with this address, whatever its letter case, or None; no query where known, unless ``reads_record``.

        Whoever must not tell strangers by its time which addresses are known reads the record.
        """
        email = normalize(email)
        load = partial(self._engine.users.find, email=email)
        return await self._find(f"email:{email}", load, reads_record=reads_record)

    async def _find(self, key: str, load: Load[User], *, reads_record: bool) -> User | None:
        if reads_record or self._engine.is_in_transaction:
            return await load()
        return (await self._cache.find(key, load)).value

    async def find_with_password(self, email: str) -> tuple[User, str | None] | None:
        """The user with this address and its password hash, in one read."""
        return await self._engine.user_queries.find_with_password(normalize(email))

    async def get(self, user_id: str, *, reads_record: bool = False) -> User:
        """The user with this id, as ``find`` reads it; raises NotFound."""
        user = await self.find(user_id, reads_record=reads_record)
        if user is None:
            raise NotFound
        return user

    async def exchange(self, old: User, /, **values: object) -> User | None:
        """Set fields, by Python name, if each still is what it was in ``old``; None where somebody was quicker.

        Raises EmailTaken, or UserNotUpdated where another user has a value that has to be unique.
        """
        unchanged = {name: getattr(old, name) for name in values}
        return await self._change({"id": old.id, **unchanged}, values)

    async def note_verified(self, user: User) -> User | None:
        """Note that a user has proved its address, and tell listeners; None where it is another by now, or noted."""
        verified = await self.exchange(user, email=user.email, email_verified=True)
        if verified is not None:
            await self._engine.after_commit(partial(self._tell_verified, verified))
        return verified

    async def _tell_verified(self, user: User) -> None:
        await self._events.publish(EmailVerified(user))

    async def change(self, user_id: str, **values: object) -> User:
        """Set fields, by Python name, and ``updated_at``; returns the user as it is now.

        Raises NotFound, EmailTaken, or UserNotUpdated where another user has a value that has to be unique.
        """
        user = await self._change({"id": user_id}, values)
        if user is None:
            raise NotFound
        return user

    async def _change(self, where: Mapping[str, Any], values: Mapping[str, object]) -> User | None:
        return await self._engine.uninterrupted(self._changed(where, values))

    async def _changed(self, where: Mapping[str, Any], values: Mapping[str, object]) -> User | None:
        try:
            user = await self._engine.users.change(where, **values, updated_at=self._clock())
        except UniqueViolation:
            raise (EmailTaken if "email" in values else UserNotUpdated) from None
        if user is not None:
            await self._engine.after_commit(partial(self._events.publish, UserChanged(user.id)))
        return user

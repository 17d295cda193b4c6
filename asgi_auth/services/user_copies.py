"""Sessions in Redis hold a copy of their user: when the user changes, by whatever door, they are written anew."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from asgi_auth.clock import Clock
from asgi_auth.engine import Engine
from asgi_auth.errors import Unavailable
from asgi_auth.infrastructure.change_feed.base import Change
from asgi_auth.infrastructure.change_feed.hub import ChangeHub
from asgi_auth.infrastructure.secondary_storage.sessions import RedisSessions

AGAIN_AFTER = 0.5
"""Seconds until what could not be written is tried again."""

_logger = structlog.get_logger("asgi_auth.secondary_storage")


class UserCopies:
    """Keeps the users in Redis' sessions as they are in the database, and ends the sessions of those who are gone.

    Our own changes are awaited, so that whoever changed something sees it; what feeds tell of others' follows. What
    nobody has told of stays until the user changes again.
    """

    def __init__(self, engine: Engine, held: RedisSessions, hub: ChangeHub, *, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._held = held
        self._hub = hub
        self._ours: set[int] = set()
        self._renewing: set[asyncio.Task[None]] = set()
        hub.subscribe(self)
        engine.announce_to(self.publish)

    async def publish(self, changes: Sequence[Change]) -> None:
        """See to the copies, and tell everybody of changes of our own. Never raises."""
        for user_id in _users(changes):
            await self._renew_now(user_id)
        self._ours.add(id(changes))
        try:
            await self._hub.publish(changes)
        finally:
            self._ours.discard(id(changes))

    def forget(self, changes: Sequence[Change]) -> None:
        """See Rememberer."""
        if id(changes) in self._ours:
            return
        for user_id in _users(changes):
            self._renew_later(user_id)

    def forget_all(self) -> None:
        """See Rememberer."""

    async def close(self) -> None:
        """Give up what could not be written."""
        for task in self._renewing:
            task.cancel()
        await asyncio.gather(*self._renewing, return_exceptions=True)

    async def _renew_now(self, user_id: str) -> None:
        try:
            await self._renew(user_id)
        except Unavailable:
            _logger.error("secondary_storage.user_not_written", user_id=user_id)  # noqa: TRY400  (logged where it arose)
            self._renew_later(user_id)

    def _renew_later(self, user_id: str) -> None:
        task = asyncio.get_running_loop().create_task(
            self._renew_until_done(user_id), name="asgi_auth copies of a user"
        )
        self._renewing.add(task)
        task.add_done_callback(self._renewing.discard)

    async def _renew_until_done(self, user_id: str) -> None:
        while True:
            try:
                await self._renew(user_id)
            except Unavailable:
                await asyncio.sleep(AGAIN_AFTER)
            else:
                return

    async def _renew(self, user_id: str) -> None:
        if user_id == EVERYBODY:
            async for one in self._held.users():
                await self._renew(one)
            return
        # Locked, so that of two changes the later one is what remains.
        async with self._engine.transaction():
            await self._engine.user_queries.lock(user_id)
            user = await self._engine.users.find(id=user_id)
            if user is not None:
                await self._held.give_user(user)
            elif await self._held.list(user_id):
                await self._held.remove_all(user_id, before=self._clock())


EVERYBODY = ""
"""Whoever may have changed, where so many have that nobody is named."""


def _users(changes: Sequence[Change]) -> list[str]:
    told = [change for change in changes if change.table == "user" and not change.is_new]
    return list(dict.fromkeys(user_id for change in told for user_id in change.keys or (EVERYBODY,)))

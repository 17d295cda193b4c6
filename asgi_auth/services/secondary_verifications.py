"""Verifications in Redis, alone or beside the database: what a transaction does to them holds or falls with it."""

from __future__ import annotations

from functools import partial

from asgi_auth.clock import Timestamp
from asgi_auth.engine import Engine
from asgi_auth.infrastructure.secondary_storage.verifications import RedisVerifications
from asgi_auth.models import Verification
from asgi_auth.services.verification_storage import VerificationStorage


class SecondaryVerifications:
    """Verifications in Redis alone. See VerificationStorage."""

    def __init__(self, engine: Engine, held: RedisVerifications) -> None:
        self._engine = engine
        self._held = held

    async def add(self, verification: Verification) -> None:
        """Write a new one."""
        await self._engine.before_commit(partial(self._held.put, verification))

    async def find(self, identifier: str) -> Verification | None:
        """The one with this identifier, whether or not it has expired."""
        return await self._held.find(identifier)

    async def redeem(self, identifier: str, *, value: str | None = None) -> list[Verification]:
        """Delete what has this identifier, and this value if one is given; of many callers at once, one gets it.

        It cannot wait for the end of a transaction: where that is undone, it is written again.
        """
        taken = await self._engine.uninterrupted(self._take(identifier, value))
        return [] if taken is None else [taken]

    async def _take(self, identifier: str, value: str | None) -> Verification | None:
        taken = await self._held.take(identifier, value=value)
        if taken is not None:
            self._engine.if_undone(partial(self._held.put, taken))
        return taken

    async def remove_standing_for(self, value: str, *, prefix: str) -> int:
        """Delete what we have written of this value and with an identifier that begins like this.

        What a Better Auth server has written there is not found by its value.
        """
        if not self._engine.is_in_transaction:
            return await self._held.remove_standing_for(value, prefix=prefix)
        count = await self._held.count_standing_for(value, prefix=prefix)
        await self._engine.before_commit(partial(self._held.remove_standing_for, value, prefix=prefix))
        return count

    async def remove_expired(self, now: Timestamp) -> None:
        """Nothing: Redis does that by itself."""


class DoubledVerifications:
    """Verifications in the database, which decides, and in Redis for those who look there. See VerificationStorage."""

    def __init__(self, engine: Engine, record: VerificationStorage, held: RedisVerifications) -> None:
        self._engine = engine
        self._record = record
        self._held = held

    async def add(self, verification: Verification) -> None:
        """Write a new one."""
        async with self._engine.transaction():
            await self._record.add(verification)
            await self._engine.before_commit(partial(self._held.put, verification))

    async def find(self, identifier: str) -> Verification | None:
        """The one with this identifier, whether or not it has expired."""
        return await self._record.find(identifier)

    async def redeem(self, identifier: str, *, value: str | None = None) -> list[Verification]:
        """Delete what has this identifier, and this value if one is given; of many callers at once, one gets it."""
        async with self._engine.transaction():
            taken = list(await self._record.redeem(identifier, value=value))
            if taken:
                await self._engine.before_commit(partial(self._held.take, identifier))
        return taken

    async def remove_standing_for(self, value: str, *, prefix: str) -> int:
        """Delete what has this value and an identifier that begins like this; returns how many there were."""
        async with self._engine.transaction():
            count = await self._record.remove_standing_for(value, prefix=prefix)
            await self._engine.before_commit(partial(self._held.remove_standing_for, value, prefix=prefix))
        return count

    async def remove_expired(self, now: Timestamp) -> None:
        """Delete what can no longer be redeemed; Redis does that by itself."""
        await self._record.remove_expired(now)

"""Our own keys: kept in the table ``jwks``, as Better Auth keeps them, so that both sign and verify with the same."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Final

import structlog

from asgi_auth.clock import Clock, Timestamp, seconds_of
from asgi_auth.config import CacheLifetimes
from asgi_auth.context import Standing
from asgi_auth.crypto.cipher import Cipher
from asgi_auth.crypto.jwk import MOST_KEYS, SigningKey
from asgi_auth.crypto.key_pairs import KeyPair, generate_pair
from asgi_auth.crypto.tokens import generate_id
from asgi_auth.engine import Engine
from asgi_auth.errors import InvalidToken
from asgi_auth.events import EventBus
from asgi_auth.features.jwt.errors import SigningKeyUnreadable
from asgi_auth.features.jwt.events import SigningKeyCreated
from asgi_auth.features.jwt.key_set import KeySet, OwnKey
from asgi_auth.features.jwt.keys import KnownKey
from asgi_auth.features.jwt.models import StoredKey
from asgi_auth.features.jwt.options import JwtOptions
from asgi_auth.infrastructure.cache.flights import Flights
from asgi_auth.infrastructure.cache.tiered import CacheSpec, Found, TieredCache
from asgi_auth.services.registry import Services

LIFETIMES: Final = CacheLifetimes(timedelta(hours=1), timedelta(hours=24))
UNKNOWN_LIFETIME: Final = timedelta(seconds=10)

RELOAD_EVERY: Final = timedelta(seconds=10)
"""How often tokens that name unknown keys have the table read, whatever is known of it."""

MOST_ROWS: Final = MOST_KEYS
"""Keys that are looked at, the newest of them: whoever verifies reads no document with more."""

_ALL: Final = "all"

_logger = structlog.get_logger("asgi_auth.jwt")


def key_set_spec() -> CacheSpec[KeySet]:
    """What the set of our keys is to a cache: one value about a whole table. No other process is given private keys."""
    return CacheSpec(
        space="jwks",
        lifetimes=LIFETIMES,
        most=1,
        unknown_lifetime=UNKNOWN_LIFETIME,
        tags=lambda keys: [("jwks", row.id) for row in keys.rows],
        tables=frozenset({"jwks"}),
        codec=None,
        is_whole=True,
    )


class OwnKeys:
    """The keys of this Auth, a KeySource.

    What is known of them is dropped as soon as anybody writes to the table, so that a key whose row is deleted, or
    whose grace is over, verifies nothing any more, in no process.
    """

    def __init__(
        self,
        options: JwtOptions,
        engine: Engine,
        *,
        cache: TieredCache[KeySet],
        cipher: Cipher,
        clock: Clock,
        events: EventBus,
    ) -> None:
        self._options = options
        self._engine = engine
        self._store = engine.store("jwks", StoredKey)
        self._cache = cache
        self._cipher = cipher
        self._clock = clock
        self._seconds = seconds_of(clock)
        self._events = events
        self._read = KeySet((), algorithm=options.algorithm, grace=options.grace)
        self._flights: Flights[KeySet] = Flights()
        self._reloaded_at = float("-inf")

    @classmethod
    def of(cls, services: Services, options: JwtOptions) -> OwnKeys:
        """With what the services have."""
        return cls(
            options,
            services.engine,
            cache=services.remembering.caches.add(key_set_spec()),
            cipher=services.cipher,
            clock=services.clock,
            events=services.events,
        )

    async def get(self, kid: str | None, algorithm: str) -> KnownKey:
        """See ``KeySource.get``; a token that names no key is none of ours (Better Auth contract)."""
        found, now = await self._find(), self._seconds()
        own = None if found.value is None else found.value.find(kid, algorithm=algorithm, now=now)
        if own is None and kid is not None and await self.reload_for(kid):
            found = await self._find()
            own = None if found.value is None else found.value.find(kid, algorithm=algorithm, now=now)
        if own is None:
            raise InvalidToken(reason="a token of an unknown key")
        return KnownKey(own.key, None if found.cell is None else Standing(found.cell, own.until))

    async def published(self) -> Sequence[Mapping[str, object]]:
        """The public keys, those in grace included; where there is none at all, one is made."""
        keys = (await self._find()).value
        if keys is None:
            keys = await self._replenished()
        return keys.published(self._seconds())

    async def signing(self) -> SigningKey:
        """The key that signs now, made where there is none; raises SigningKeyUnreadable, Unavailable."""
        keys = (await self._find()).value
        own = None if keys is None else keys.signing(self._clock())
        if keys is None or own is None:
            keys = await self._replenished()
            own = keys.signing(self._clock())
        return self._opened(keys, own)

    async def rotate(self) -> str:
        """Make a new key that signs from now on, and end all others, each with its grace; returns its id."""
        pair = await self._generate()
        async with self._engine.transaction():
            await self._engine.locks.take("jwks")
            now = self._clock()
            for row in (await self._load()).rows:
                if row.expires_at is None or row.expires_at > now:
                    await self._store.change({"id": row.id}, expires_at=now)
            return (await self._add(pair, has_ended_others=True)).id

    async def reload(self) -> None:
        """Read all keys now and remember them."""
        if not self._engine.is_in_transaction:
            await self._cache.find_record(_ALL, self._load_any)

    async def reload_for(self, kid: str) -> bool:
        """Whether there is such a key, if need be after a look at the table, one in RELOAD_EVERY at most.

        Whoever adds a key is heard of, but a moment later; and nobody can have the table read for each forged token.
        """
        known = (await self._find()).value
        if (known is not None and known.has(kid)) or self._engine.is_in_transaction:
            return known is not None and known.has(kid)
        return (await self._flights.join("reload", partial(self._reloaded, known))).has(kid)

    async def _reloaded(self, known: KeySet | None) -> KeySet:
        now = self._seconds()
        if 0 <= now - self._reloaded_at < RELOAD_EVERY.total_seconds():
            return known or self._read
        keys = await self._load()
        self._reloaded_at = (
            now  # only now: as long as nobody can be asked, nobody can be told that there is no such key
        )
        if keys is not known:
            await self._cache.find_record(_ALL, self._load_any)
        return keys

    async def ask(self) -> None:
        """Raise SigningKeyUnreadable where nothing could be signed, Unavailable where nobody knows."""
        keys = (await self._find()).value
        own = None if keys is None else keys.signing(self._clock())
        if keys is not None and own is not None:
            self._opened(keys, own)

    async def close(self) -> None:
        """See ``KeySource.close``: nothing is ever under way beside a request."""

    async def _find(self) -> Found[KeySet]:
        if self._engine.is_in_transaction:
            return Found(await self._load_any(), "record")
        return await self._cache.find(_ALL, self._load_any)

    async def _load_any(self) -> KeySet | None:
        keys = await self._load()
        return keys if keys.rows else None

    async def _load(self) -> KeySet:
        rows = await self._store.page({}, limit=MOST_ROWS)
        return self._set_of(rows[::-1])

    def _set_of(self, rows: Sequence[StoredKey]) -> KeySet:
        """The set that was read last, where nothing has changed: its keys have been parsed."""
        if self._read.rows != tuple(rows):
            if len(rows) >= MOST_ROWS:
                _logger.warning("jwt.many_keys", consequence=f"of older ones than {MOST_ROWS} nothing is verified")
            self._read = KeySet(rows, algorithm=self._options.algorithm, grace=self._options.grace)
        return self._read

    def _opened(self, keys: KeySet, own: OwnKey | None) -> SigningKey:
        if own is None:  # it has ended since it was made, or cannot be used
            raise RuntimeError("there is no key to sign with")
        try:
            return keys.opened(own, self._cipher)
        except SigningKeyUnreadable as error:
            _logger.error("jwt.signing_key_unreadable", kid=error.kid)  # noqa: TRY400  (it is raised)
            raise

    async def _replenished(self) -> KeySet:
        """The keys with one that signs among them; all who find none at once wait for one."""
        if self._engine.is_in_transaction:  # which nobody else may have to wait for
            return await self._make()
        return await self._flights.join("make", self._make)

    async def _make(self) -> KeySet:
        pair = await self._generate()  # before the lock: others wait no longer than for a few statements
        async with self._engine.transaction():
            await self._engine.locks.take("jwks")
            keys = await self._load()
            if keys.signing(self._clock()) is not None:
                return keys
            return self._set_of([*keys.rows, await self._add(pair)])

    async def _add(self, pair: KeyPair, *, has_ended_others: bool = False) -> StoredKey:
        now, interval = self._clock(), self._options.rotation_interval
        row = StoredKey(
            public_key=_json(pair.public),
            private_key=self._sealed(_json(pair.private)),
            created_at=now,
            expires_at=None if interval is None else Timestamp.of(now + interval),
            alg=pair.algorithm,
            crv=pair.curve,
            id=generate_id(),
        )
        await self._store.add(row)
        event = SigningKeyCreated(row.id, pair.algorithm, has_ended_others)
        await self._engine.after_commit(partial(self._events.publish, event))
        return row

    def _sealed(self, private: str) -> str:
        return json.dumps(self._cipher.encrypt(private)) if self._options.encrypts_keys else private

    async def _generate(self) -> KeyPair:
        options = self._options
        making = partial(generate_pair, options.algorithm, curve=options.curve, modulus_length=options.modulus_length)
        return await asyncio.to_thread(making)


def _json(fields: Mapping[str, str]) -> str:
    return json.dumps(fields, separators=(",", ":"))

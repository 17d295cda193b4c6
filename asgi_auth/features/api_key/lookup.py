"""From a key to its row and its owner: remembered, else in one read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from math import inf
from typing import Any, Final, cast

import msgspec
from msgspec import structs

from asgi_auth.config import CacheLifetimes, CacheOptions
from asgi_auth.crypto.tokens import hash_token
from asgi_auth.features.api_key.configurations import Configurations
from asgi_auth.features.api_key.errors import InvalidApiKey
from asgi_auth.features.api_key.key_store import KeyStore
from asgi_auth.features.api_key.models import OwnedKey
from asgi_auth.features.api_key.unknown import TooManyUnknownKeys, UnknownKeys
from asgi_auth.infrastructure.cache.base import Tag
from asgi_auth.infrastructure.cache.tiered import CacheSpec, Found, Load
from asgi_auth.models import ApiKey, User, frozen
from asgi_auth.services.known import RecordForm, copier
from asgi_auth.services.registry import Services

LIFETIMES: Final = CacheLifetimes(timedelta(minutes=5), timedelta(minutes=15))


class KeyLookup:
    """Finds keys by what a request offers.

    What is found is remembered under the hash of the key, and dropped as soon as its row or its owner's changes,
    whoever changes it; only the counters of its use, which nobody is told of, are those of the moment it was read.
    """

    def __init__(
        self,
        services: Services,
        store: KeyStore,
        configurations: Configurations,
        *,
        unknown: UnknownKeys,
        is_remembered: bool = True,
    ) -> None:
        self._engine = services.engine
        self._store = store
        self._configurations = configurations
        self._unknown = unknown
        self._stores_plain = not all(each.hashes_keys for each in configurations.all)
        spec = owned_spec(services.config.cache, user=services.engine.users.record)
        self._cache = services.remembering.caches.add(spec, is_enabled=is_remembered)

    async def find(self, key: str, *, client: str | None) -> Found[OwnedKey]:
        """What is known of a key; raises InvalidApiKey, TooManyUnknownKeys or Unavailable."""
        digest = hash_token(key)
        load = partial(self._load, key, digest, client)
        while True:
            try:
                found = await self._found(digest, load)
            except TooManyUnknownKeys as refusal:
                if refusal.client != client:
                    continue  # somebody else was looking for the same key, and it is their limit
                raise
            if found.value is None:
                raise InvalidApiKey
            return found

    async def _found(self, digest: str, load: Load[OwnedKey]) -> Found[OwnedKey]:
        if self._engine.is_in_transaction:
            return Found(await load(), "record")
        return await self._cache.find(digest, load)

    async def _load(self, key: str, digest: str, client: str | None) -> OwnedKey | None:
        try:
            async with self._unknown.attempt(client):
                return await self._read(key, digest)
        except InvalidApiKey:
            return None

    async def _read(self, key: str, digest: str) -> OwnedKey:
        """The row of a key; raises InvalidApiKey where there is none."""
        found = await self._find_row(digest, is_hashed=True)
        if found is None and self._stores_plain:
            found = await self._find_row(key, is_hashed=False)
        if found is None:
            raise InvalidApiKey
        return found

    async def _find_row(self, stored: str, *, is_hashed: bool) -> OwnedKey | None:
        found = await self._store.find_with(self._engine.users, "reference_id", key=stored)
        if found is None:
            return None
        row, user = found
        options = self._configurations.find(row.config_id)
        # Whoever has read the hash of a key must not be let in by it where others are stored as they are.
        if options is None or options.hashes_keys is not is_hashed:
            return None
        return OwnedKey(key=row.public, user=user if options.references == "user" else None)


class OwnedKeyCodec:
    """How a key and its owner are written for all processes."""

    def __init__(self, user: type[User]) -> None:
        pair = msgspec.defstruct("_Stored", [("key", ApiKey), ("user", user | None)], array_like=True)
        self._form = RecordForm(pair, ApiKey, user)

    def encode(self, value: OwnedKey) -> bytes:
        """Both; of the key itself there is nothing in it."""
        return self._form.encode((value.key, value.user))

    def decode(self, data: bytes, *, key: str) -> OwnedKey:  # noqa: ARG002  (the pair says all)
        """Both; raises ``msgspec.MsgspecError`` or ValueError."""
        stored = self._form.decode(data)
        return OwnedKey(key=_frozen(stored.key), user=stored.user)


def _frozen(key: ApiKey) -> ApiKey:
    permissions, metadata = frozen(key.permissions), frozen(key.metadata)
    return structs.replace(key, permissions=cast("Any", permissions), metadata=cast("Any", metadata))


def owned_spec(options: CacheOptions, *, user: type[User]) -> CacheSpec[OwnedKey]:
    """What keys are to a cache: known by their hash, resting on their row and their owner's."""
    copied = copier(user)
    return CacheSpec(
        space="apikey",
        lifetimes=LIFETIMES,
        most=options.max_entries,
        unknown_lifetime=options.unknown_lifetime,
        tags=_rests_on,
        tables=frozenset({"apikey", "user"}),
        codec=OwnedKeyCodec(user),
        expires_at=lambda value: inf if value.key.expires_at is None else value.key.expires_at.timestamp(),
        copied=None if copied is None else lambda value: _with_own_user(value, copied),
    )


def _with_own_user(value: OwnedKey, copied: Callable[[User], User]) -> OwnedKey:
    return value if value.user is None else structs.replace(value, user=copied(value.user))


def _rests_on(value: OwnedKey) -> Sequence[Tag]:
    return (("apikey", value.key.id), ("user", value.key.reference_id))

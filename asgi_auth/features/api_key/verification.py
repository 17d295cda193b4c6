"""Whether a key is good, and what its use costs it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from inspect import isawaitable
from typing import Final

from msgspec import structs

from asgi_auth.config import RateLimit
from asgi_auth.context import Standing
from asgi_auth.errors import AuthError, RateLimited, Unavailable
from asgi_auth.features.api_key.configurations import Configurations
from asgi_auth.features.api_key.errors import (
    ApiKeyDisabled,
    ApiKeyExpired,
    ApiKeyLacksPermission,
    InvalidApiKey,
    InvalidOwner,
    UsageExceeded,
)
from asgi_auth.features.api_key.key_store import KeyStore
from asgi_auth.features.api_key.leases import Leases
from asgi_auth.features.api_key.lookup import KeyLookup
from asgi_auth.features.api_key.meters import Limit
from asgi_auth.features.api_key.models import OwnedKey
from asgi_auth.features.api_key.options import PREFIX_CHARACTERS, ApiKeyOptions
from asgi_auth.features.api_key.remaining import RemainingUses
from asgi_auth.features.api_key.unknown import UnknownKeys
from asgi_auth.features.api_key.usage import KeyUsage
from asgi_auth.infrastructure.cache.tiered import Found
from asgi_auth.models import ApiKey, User
from asgi_auth.services.registry import Services

VALIDATE: Final = "auth.apikey.validate"

LONGEST_KEY: Final = 512
"""Characters of a key, its prefix included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedKey:
    """A key that is good, after this use of it was counted.

    Attributes:
        api_key: its record, with its counters as if they had been written at once.
        user: the user who owns it; None where an organization does.
        standing: for how long the same key is good unless something changes; None where each use has to be judged.
    """

    api_key: ApiKey
    user: User | None
    standing: Standing | None


class ApiKeyVerifier:
    """Judges keys and counts their use. The order of its checks is Better Auth's (its contract).

    Attributes:
        configurations: what keys follow.
        usage: how they are used.
    """

    def __init__(
        self,
        services: Services,
        store: KeyStore,
        configurations: Configurations,
        *,
        unknown_keys: RateLimit | None = None,
        is_remembered: bool = True,
    ) -> None:
        redis = services.remembering.redis
        is_compatible = services.config.is_compatible
        self._clock = services.clock
        self._metrics = services.metrics
        self._store = store
        self.configurations = configurations
        unknown = UnknownKeys(unknown_keys, clock=services.clock, metrics=services.metrics)
        self._lookup = KeyLookup(services, store, configurations, unknown=unknown, is_remembered=is_remembered)
        self._remaining = RemainingUses(store, clock=services.clock)
        self.usage = KeyUsage(
            services.engine,
            store,
            clock=services.clock,
            metrics=services.metrics,
            # Better Auth's servers know of no leases: with them we meet in the row.
            leases=None if redis is None or is_compatible else Leases(redis),
            restarts=is_compatible,
        )

    async def verify(
        self,
        key: str,
        *,
        config_id: str | None = None,
        required_permissions: Mapping[str, Sequence[str]] | None = None,
    ) -> ApiKey:
        """The record of a key, after this use of it was counted; raises as ``judge`` does."""
        wanted = None if config_id is None else {self.configurations.named(config_id).config_id}
        judged = await self.judge(key, config_ids=wanted, required_permissions=required_permissions)
        return judged.api_key

    async def judge(
        self,
        key: str,
        *,
        config_ids: Collection[str] | None = None,
        required_permissions: Mapping[str, Sequence[str]] | None = None,
        client: str | None = None,
        counted: ApiKey | None = None,
    ) -> JudgedKey:
        """A key with its owner, after this use of it was counted.

        Args:
            key: as a request offers it.
            config_ids: of which configurations it has to be (default: any).
            required_permissions: what it has to allow.
            client: the address that it comes from, whose unknown keys are limited; None for the server's own code.
            counted: a key that this request was accepted by already: if it is the same, this is the same use of it.

        Raises InvalidApiKey, ApiKeyDisabled, ApiKeyExpired (its row is deleted), ApiKeyLacksPermission, InvalidOwner
        (its user is gone), UsageExceeded, ApiKeyRateLimited, TooManyUnknownKeys, Unavailable.
        """
        try:
            owned, standing, is_remembered = await self._found(key, config_ids, required_permissions or {}, client)
            if counted is not None and counted.id == owned.key.id:
                return JudgedKey(api_key=self.shown(owned.key), user=owned.user, standing=standing)
            used = await self._use(owned, is_remembered=is_remembered)
        except AuthError as error:
            self._metrics.increment(VALIDATE, outcome=_outcome(error))
            raise
        self._metrics.increment(VALIDATE, outcome="accepted")
        return JudgedKey(api_key=self.shown(used), user=owned.user, standing=standing)

    def count_known(self, key: ApiKey) -> bool:
        """Count a use of a key that was judged before; False where it has to be judged again: nothing is counted."""
        if not self.usage.count_known(key.id):
            return False
        self._metrics.increment(VALIDATE, outcome="accepted")
        return True

    def shown(self, key: ApiKey) -> ApiKey:
        """A key with its counters as if all its use had been written at once."""
        use = self.usage.shown(key)
        return structs.replace(
            key, request_count=use.request_count, last_request=use.last_request, updated_at=use.updated_at
        )

    async def _found(
        self,
        key: str,
        config_ids: Collection[str] | None,
        required_permissions: Mapping[str, Sequence[str]],
        client: str | None,
    ) -> tuple[OwnedKey, Standing | None, bool]:
        """A key that is good, before anything is counted; and whether it was read before."""
        if not await self.may_be_key(key, config_ids):
            raise InvalidApiKey
        found = await self._lookup.find(key, client=client)
        owned = found.value
        options = None if owned is None else self.configurations.find(owned.key.config_id)
        if owned is None or options is None or not (config_ids is None or owned.key.config_id in config_ids):
            raise InvalidApiKey
        await self._check(owned, options, required_permissions)
        return owned, _standing(found, options), found.layer != "record"

    async def _use(self, owned: OwnedKey, *, is_remembered: bool) -> ApiKey:
        """The key after one more use of it."""
        options = self.configurations.find(owned.key.config_id)
        if owned.key.remaining is None:
            used = owned.key
        else:
            used, is_remembered = await self._remaining.use(owned.key), False
        limit = Limit.of(used) if options is None or options.limits_requests else None
        await self.usage.count(used, limit, is_remembered=is_remembered)
        return used

    async def _check(
        self, owned: OwnedKey, options: ApiKeyOptions, required_permissions: Mapping[str, Sequence[str]]
    ) -> None:
        key = owned.key
        if not key.enabled:
            raise ApiKeyDisabled
        if key.expires_at is not None and key.expires_at <= self._clock():
            await self._store.remove(id=key.id, expires_at=key.expires_at)
            raise ApiKeyExpired
        if required_permissions and not key.allows(required_permissions):
            raise ApiKeyLacksPermission
        if options.references == "user" and owned.user is None:
            raise InvalidOwner

    async def may_be_key(self, key: str, config_ids: Collection[str] | None = None) -> bool:
        """Whether this can be a key of one of these configurations at all; nobody looks for what cannot."""
        if len(key) > LONGEST_KEY or not (key.isascii() and key.isprintable()):
            return False
        for options in self.configurations.all:
            if (config_ids is None or options.config_id in config_ids) and await _accepts(options, key):
                return True
        return False


async def _accepts(options: ApiKeyOptions, key: str) -> bool:
    if options.validator is None:
        is_ours = options.generator is not None or PREFIX_CHARACTERS.issuperset(key)
        return is_ours and len(key) >= options.key_length
    accepted = options.validator(key)
    return bool(await accepted if isawaitable(accepted) else accepted)


def _standing(found: Found[OwnedKey], options: ApiKeyOptions) -> Standing | None:
    owned, cell = found.value, found.cell
    if cell is None or owned is None or owned.key.remaining is not None or options.validator is not None:
        return None
    return Standing(cell, cell.until)


def _outcome(error: AuthError) -> str:
    if isinstance(error, Unavailable):
        return "fault"
    return "limited" if isinstance(error, RateLimited | UsageExceeded) else "refused"

"""API keys as a feature."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import ClassVar, Final, Literal

from sqlalchemy import Table

from asgi_auth.config import RateLimit
from asgi_auth.config.options.checks import require
from asgi_auth.endpoints.hooks import EndpointHooks
from asgi_auth.endpoints.routing import Endpoints
from asgi_auth.errors import ConfigurationError
from asgi_auth.feature import Feature
from asgi_auth.features.api_key.configurations import Configurations
from asgi_auth.features.api_key.endpoints import ApiKeyEndpoints
from asgi_auth.features.api_key.events import tell_of_keys
from asgi_auth.features.api_key.key_store import KeyStore
from asgi_auth.features.api_key.mirrored_keys import MirroredKeys
from asgi_auth.features.api_key.models import KeyName, StoredApiKey
from asgi_auth.features.api_key.options import ApiKeyOptions
from asgi_auth.features.api_key.secondary_keys import SecondaryKeys
from asgi_auth.features.api_key.service import ApiKeyService
from asgi_auth.features.api_key.session_hook import KeySessions
from asgi_auth.features.api_key.source import sources_of
from asgi_auth.features.api_key.tables import API_KEY, WATCH
from asgi_auth.features.api_key.verification import VALIDATE, ApiKeyVerifier
from asgi_auth.infrastructure.change_feed.base import Watch
from asgi_auth.infrastructure.metrics import MetricSpec
from asgi_auth.middleware import CredentialSource
from asgi_auth.services.registry import Services

UNKNOWN_KEYS: Final = RateLimit(60, timedelta(minutes=1))


class ApiKeys(Feature):
    """Keys with which programs act for users and organizations.

    Args:
        options: the configurations, each with a ``config_id`` of its own (default: one, ``ApiKeyOptions()``).
        unknown_keys: how many unknown keys of one address each process looks for; beyond it the address is answered 429
            for the rest of the window, but for keys that are known in memory or in Redis (default 60 a minute; None: no
            limit). All whose address cannot be told are one address.

        storage: where keys live: in the "database" (default), or "secondary": in Redis, as a Better Auth server with
            ``storage: "secondary-storage"`` holds them there. Such a server tells nobody of its changes, so nothing of
            them is remembered: each use reads Redis. "both" is for one that has ``fallbackToDatabase`` as well: the
            database is what counts here, and Redis is told of each change before it is committed.

    Raises:
        ConfigurationError: two configurations have one id, or there is no Redis for keys that live there.
    """

    name = "api_key"
    tables: ClassVar[tuple[Table, ...]] = (API_KEY,)
    watches: ClassVar[tuple[Watch, ...]] = (WATCH,)
    metrics: ClassVar[tuple[MetricSpec, ...]] = (
        MetricSpec(name=VALIDATE, kind="counter", help="API keys that were judged, by outcome.", labels=("outcome",)),
    )

    def __init__(
        self,
        *options: ApiKeyOptions,
        unknown_keys: RateLimit | None = UNKNOWN_KEYS,
        storage: Literal["database", "secondary", "both"] = "database",
    ) -> None:
        require(storage in ("database", "secondary", "both"), 'ApiKeys: storage is "database", "secondary" or "both"')
        is_rate = unknown_keys is None or isinstance(unknown_keys, RateLimit)
        require(is_rate, "ApiKeys: unknown_keys: RateLimit or None")
        self._options = options or (ApiKeyOptions(),)
        self._unknown_keys = unknown_keys
        self._storage = storage
        Configurations(self._options)

    def install(self, services: Services) -> None:
        """Add the service, and what judges keys; the use of keys is written as long as the services are open."""
        is_compatible = services.config.is_compatible
        configurations = Configurations(each.resolved(is_compatible=is_compatible) for each in self._options)
        store = self._store(services)
        is_told = self._storage != "secondary"
        verifier = ApiKeyVerifier(
            services, store, configurations, unknown_keys=self._unknown_keys, is_remembered=is_told
        )
        services.engine.when_ready(verifier.usage.writer.resume)
        services.on_close(verifier.usage.stop)
        # In Redis it is written before that is closed.
        is_last = self._storage == "database"
        services.add(verifier, close=verifier.usage.writer.close, is_closed_last=is_last)
        service = ApiKeyService(services, store, configurations=configurations, verifier=verifier)
        services.add(service, close=service.settle)
        services.deletions.add_step(service.forget_user)
        tell_of_keys(services.audit)

    def _store(self, services: Services) -> KeyStore:
        table = services.engine.store("apikey", StoredApiKey)
        if self._storage == "database":
            return table
        redis = services.remembering.redis
        if redis is None:
            raise ConfigurationError(f"ApiKeys(storage={self._storage!r}) needs AuthConfig.redis")
        if self._storage == "both":
            names = services.engine.store("apikey", KeyName)
            return MirroredKeys(table, redis, services.engine, names=names, clock=services.clock)
        return SecondaryKeys(redis, services.engine, find_user=services.users.find, clock=services.clock)

    def endpoints(self, services: Services) -> Iterable[Endpoints]:
        """Managing one's own keys, and those of one's organizations."""
        return (ApiKeyEndpoints(services.get(ApiKeyService)),)

    def hooks(self, services: Services) -> Iterable[EndpointHooks]:
        """Keys that act as sessions."""
        verifier = services.get(ApiKeyVerifier)
        return (KeySessions(services, verifier),) if verifier.configurations.with_sessions else ()

    def sources(self, services: Services) -> Iterable[CredentialSource]:
        """Keys in front of the application."""
        return sources_of(services)

"""What an Auth remembers, and what tells it of changes: put together as configured."""

from __future__ import annotations

from hashlib import blake2b

from asgi_auth.clock import Clock, seconds_of
from asgi_auth.config import AuthConfig
from asgi_auth.crypto.keys import derive_key
from asgi_auth.engine import Engine
from asgi_auth.errors import Unavailable
from asgi_auth.infrastructure.cache.attendance import Attendance
from asgi_auth.infrastructure.cache.base import Seconds, SharedCache
from asgi_auth.infrastructure.cache.caches import Caches
from asgi_auth.infrastructure.cache.heard import ChangesHeard
from asgi_auth.infrastructure.cache.redis import RedisCache
from asgi_auth.infrastructure.change_feed.hub import ChangeHub
from asgi_auth.infrastructure.change_feed.redis import RedisFeed
from asgi_auth.infrastructure.metrics import Metrics
from asgi_auth.infrastructure.redis_client import RedisClient


class Remembering:
    """The Redis, the feeds and the caches of one Auth.

    Attributes:
        redis: None where none is configured.
        hub: what changed, here and elsewhere.
        caches: where caches are made.
        heard: what vouches for the cookies of the cookie cache; None where they count whatever happens.
    """

    def __init__(self, config: AuthConfig, engine: Engine, *, clock: Clock, metrics: Metrics) -> None:
        self.redis = None if config.redis is None else RedisClient(config.redis, config.redis_options, metrics=metrics)
        relay = None if self.redis is None else RedisFeed(self.redis, keys=_keys(config, "change feed"))
        self.hub = ChangeHub(
            record=engine.change_feed,
            relay=relay,
            grace=config.cache.database_grace.total_seconds(),
            metrics=metrics,
        )
        self._attendance = self._attending(engine)
        shared = self._shared(config, seconds_of(clock))
        self.caches = Caches(config.cache, hub=self.hub, seconds=seconds_of(clock), shared=shared, metrics=metrics)
        cookies = config.cookie_cache
        needs_heard = cookies.is_enabled and cookies.instant_revocation
        # A Better Auth server that shares our secondary storage tells nobody of what it changes there.
        is_alone = not config.secondary_storage.is_enabled
        self.heard = ChangesHeard(self.hub, window=cookies.lifetime, is_told=is_alone) if needs_heard else None
        engine.announce_to(self.hub.publish)
        engine.when_ready(self.start)

    async def start(self) -> None:
        """Begin to listen; calling it again does nothing."""
        await self.hub.start()
        if self._attendance is not None:
            await self._attendance.start()

    async def ask_feeds(self) -> None:
        """Raise Unavailable where a feed does not tell what changes."""
        if not self.hub.is_complete:
            raise Unavailable

    async def close(self) -> None:
        """Stop listening, and close what was opened."""
        if self._attendance is not None:
            await self._attendance.close()
        await self.hub.close()
        await self.caches.close()
        if self.redis is not None:
            await self.redis.close()

    def _attending(self, engine: Engine) -> Attendance | None:
        if self.redis is None or engine.is_alone:  # what is in memory is this process' alone
            return None
        return Attendance(self.redis, self.hub, scope=blake2b(engine.address.encode(), digest_size=8).hexdigest())

    def _shared(self, config: AuthConfig, seconds: Seconds) -> SharedCache | None:
        if self.redis is None or self._attendance is None:
            return None
        key, *_ = _keys(config, "shared cache")
        shared = RedisCache(self.redis, key=key, attendance=self._attendance, seconds=seconds)
        self.hub.share(shared)
        return shared


def _keys(config: AuthConfig, purpose: str) -> list[bytes]:
    """A key for one purpose of each secret, newest first."""
    return [derive_key(secret.value, salt="asgi-auth:redis", info=purpose, length=32) for secret in config.all_secrets]

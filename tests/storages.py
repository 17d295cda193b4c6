"""Where sessions and verifications live, in the tests that run on every storage."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from asgi_auth import CacheOptions, RedisOptions, SecondaryStorageOptions

STORAGES = ("database", "uncached", "redis", "both")
"""The database with its cache, without one; Redis alone; Redis and the database."""

PATIENT_REDIS = RedisOptions(timeout=timedelta(seconds=5))
"""A Redis that may be slow: tests are not timed."""

IN_BOTH = SecondaryStorageOptions(
    is_enabled=True, keeps_sessions_in_database=True, keeps_verifications_in_database=True
)


def storage_options(storage: str, redis_url: str) -> dict[str, Any]:
    """The options of AuthConfig for one of STORAGES; ``redis_url`` is for those in Redis."""
    if storage == "database":
        return {}
    if storage == "uncached":
        return {"cache": CacheOptions(is_enabled=False)}
    secondary = IN_BOTH if storage == "both" else SecondaryStorageOptions(is_enabled=True)
    return {"redis": redis_url, "redis_options": PATIENT_REDIS, "secondary_storage": secondary}

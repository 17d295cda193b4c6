"""The table of API keys, name for name Better Auth's; nothing in it refers to another table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sqlalchemy import Column, Index, MetaData, Table

from asgi_auth.engine.columns import Count, Flag, FrozenJson, FrozenJsonOrNull, Moment, Text
from asgi_auth.infrastructure.change_feed.base import Watch

UNTOLD: Final = frozenset({"requestCount", "remaining", "lastRequest", "lastRefillAt", "updatedAt"})
"""What is written with every use of a key: nobody who remembers a key may rest on these."""

API_KEY = Table(
    "apikey",
    MetaData(),
    Column("id", Text(), primary_key=True),
    Column("configId", Text(), nullable=False),
    Column("name", Text()),
    Column("start", Text()),
    Column("referenceId", Text(), nullable=False),
    Column("prefix", Text()),
    Column("key", Text(), nullable=False),
    Column("refillInterval", Count()),
    Column("refillAmount", Count()),
    Column("lastRefillAt", Moment()),
    Column("enabled", Flag()),
    Column("rateLimitEnabled", Flag()),
    Column("rateLimitTimeWindow", Count()),
    Column("rateLimitMax", Count()),
    Column("requestCount", Count()),
    Column("remaining", Count()),
    Column("lastRequest", Moment()),
    Column("expiresAt", Moment()),
    Column("createdAt", Moment(), nullable=False),
    Column("updatedAt", Moment(), nullable=False),
    Column("permissions", FrozenJson(Mapping[str, tuple[str, ...]] | None)),
    Column("metadata", FrozenJsonOrNull()),
    Index("apikey_configId_idx", "configId"),
    Index("apikey_referenceId_idx", "referenceId"),
    Index("apikey_key_idx", "key"),
    quote=True,
)

WATCH = Watch(
    "apikey",
    columns=tuple(column.name for column in API_KEY.columns if column.name not in UNTOLD),
    null_columns=("remaining",),
)
"""Everybody is told of what decides about a key, not of its being used."""

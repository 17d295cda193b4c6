"""What the stores of keys have in common: the database's table, and Redis as Better Auth uses it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from asgi_auth.engine.store import LIST_LIMIT, NOTHING, Store, Value
from asgi_auth.features.api_key.models import StoredApiKey
from asgi_auth.models import User


class KeyStore(Protocol):
    """Keys as rows; each verb is the one of ``Store`` with that name, of which the first is in the database."""

    async def add(self, record: StoredApiKey) -> None:
        """Write a new row."""

    async def find(self, **where: Value) -> StoredApiKey | None:
        """The record that meets all conditions, or None."""

    async def find_with(
        self, other: Store[User], field: str, /, **where: Value
    ) -> tuple[StoredApiKey, User | None] | None:
        """The record that meets all conditions, with its user."""

    async def list(
        self,
        *,
        limit: int = LIST_LIMIT,
        offset: int = 0,
        order_by: str | None = None,
        is_descending: bool = False,
        **where: Value,
    ) -> Sequence[StoredApiKey]:
        """The records that meet the conditions."""

    async def count(self, **where: Value) -> int:
        """How many records meet the conditions."""

    async def change(self, where: Mapping[str, Value], /, **values: object) -> StoredApiKey | None:
        """Set values where all conditions hold; returns the row as it is now, or None."""

    async def increment(
        self,
        where: Mapping[str, Value],
        /,
        *,
        by: Mapping[str, int],
        above: Mapping[str, int] = NOTHING,
        **values: object,
    ) -> StoredApiKey | None:
        """Add to numbers where all conditions hold; returns the row as it is now, or None."""

    async def take(self, **where: Value) -> StoredApiKey | None:
        """Delete the row and return it."""

    async def remove(self, **where: Value) -> int:
        """Delete every row that meets the conditions; returns how many there were."""

    async def trim(self, *, before: datetime, most: int, by: str = "created_at") -> int:
        """Delete the records of which a moment lies before another."""

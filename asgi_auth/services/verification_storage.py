"""Where verifications live: what every storage of them can do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from asgi_auth.clock import Timestamp
from asgi_auth.models import Verification


class VerificationStorage(Protocol):
    """One store of record of verifications. Callers judge expiry.

    Every method raises Unavailable where the storage cannot answer.
    """

    async def add(self, verification: Verification) -> None:
        """Write a new one."""

    async def find(self, identifier: str) -> Verification | None:
        """The one with this identifier, whether or not it has expired."""

    async def redeem(self, identifier: str, *, value: str | None = None) -> Sequence[Verification]:
        """Delete what has this identifier, and this value if one is given; of many callers at once, one gets it."""

    async def remove_standing_for(self, value: str, *, prefix: str) -> int:
        """Delete what has this value and an identifier that begins like this; returns how many there were."""

    async def remove_expired(self, now: Timestamp) -> None:
        """Delete what can no longer be redeemed."""

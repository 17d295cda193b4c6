"""Moments: aware UTC with milliseconds, as JavaScript and the stored rows know them; and the clock that gives them."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Self


class Timestamp(datetime):
    """An aware UTC datetime whose microseconds are whole milliseconds.

    It is a ``datetime`` in every respect; its own type lets the JSON encoder write it exactly as JavaScript's
    ``toISOString`` does. Arithmetic with ``timedelta`` keeps the type.
    """

    __slots__ = ()

    @classmethod
    def of(cls, moment: datetime) -> Self:
        """Turn any aware datetime into a Timestamp; raises ValueError for a naive one or a year not 1 to 9999."""
        if moment.tzinfo is None:
            raise ValueError("a moment needs a time zone")
        try:
            utc = moment.astimezone(UTC)
        except OverflowError:
            raise ValueError("a moment lies in the years 1 to 9999") from None
        return cls(
            utc.year,
            utc.month,
            utc.day,
            utc.hour,
            utc.minute,
            utc.second,
            utc.microsecond // 1000 * 1000,
            UTC,
        )

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an ISO 8601 moment; raises ValueError for anything else, or without a zone."""
        return cls.of(datetime.fromisoformat(text))

    def iso(self) -> str:
        """The moment as ``2026-11-22T17:01:22.822Z``: always three digits and ``Z``."""
        return self.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"

    @property
    def milliseconds(self) -> int:
        """Since 1970, as JavaScript counts."""
        return round(self.timestamp() * 1000)


Clock = Callable[[], Timestamp]


def utc_now() -> Timestamp:
    """The present moment; the default Clock."""
    return Timestamp.of(datetime.now(UTC))


def seconds_of(clock: Clock) -> Callable[[], float]:
    """The moments of a clock in seconds since 1970; for the default one without making a Timestamp of each."""
    return time.time if clock is utc_now else lambda: clock().timestamp()

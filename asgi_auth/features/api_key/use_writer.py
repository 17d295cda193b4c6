"""Writing how keys are used, in batches beside the requests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import structlog

from asgi_auth.engine import Engine
from asgi_auth.engine.store import Value
from asgi_auth.errors import Unavailable
from asgi_auth.features.api_key.key_store import KeyStore
from asgi_auth.features.api_key.meters import KeyUse, Meter, Uncounted, use_of
from asgi_auth.services.batch_writer import BatchWriter, Progress

BATCH: Final = 100
"""Keys of one transaction."""

BATCH_DELAY: Final = 1.0
"""Seconds that uses are collected for before they are written together."""

MOST_TRIES: Final = 5
"""How often a row that others write at the same time is tried; the next batch tries again."""

_logger = structlog.get_logger("asgi_auth.api_key")


class UseWriter:
    """Writes the counters of keys within a second or two; ``flush`` writes them now.

    What the database does not take goes on waiting: it is a number or two for each key, however often that is used. If
    the answer to a commit is lost it may be counted twice, never not at all.

    Args:
        engine: whose transactions a batch is written in.
        store: where keys are.
        forget: told of the ids of keys that are gone.
    """

    def __init__(self, engine: Engine, store: KeyStore, *, forget: Callable[[str], object]) -> None:
        self._engine = engine
        self._rows = store
        self._forget = forget
        self._due: dict[str, Meter] = {}
        self._writing: frozenset[str] = frozenset()
        self._writer = BatchWriter(
            engine,
            name="asgi_auth use of API keys",
            delay=BATCH_DELAY,
            waits=lambda: bool(self._due),
            write=self._write,
        )

    def __contains__(self, key_id: str) -> bool:
        return key_id in self._due or key_id in self._writing

    def add(self, meter: Meter) -> None:
        """Have a key's counters written soon; returns at once."""
        self._due[meter.id] = meter
        self._writer.begin()

    async def resume(self) -> None:
        """Have what waits written from now on: the database has been opened."""
        self._writer.begin()

    async def flush(self) -> None:
        """Write what waits, now; what the database does not take goes on waiting."""
        await self._writer.flush()

    async def close(self) -> None:
        """Write what waits; what the database does not take now is not written. It may be used again afterwards."""
        await self.flush()
        if self._due:
            _logger.error("api_key.use_not_written", keys=len(self._due))
            self._due.clear()

    async def _write(self) -> Progress:
        # In one order everywhere: two processes that write of the same keys never wait for each other.
        batch = [self._due.pop(key_id) for key_id in sorted(list(self._due)[:BATCH])]
        taken = [(meter, meter.taken()) for meter in batch]
        self._writing = frozenset(meter.id for meter in batch)
        try:
            async with self._engine.transaction():
                rows = [await self._write_one(meter, uncounted) for meter, uncounted in taken]
        except (Unavailable, asyncio.CancelledError) as error:
            self._put_back(taken)
            if isinstance(error, asyncio.CancelledError):
                raise
            return "failed"
        except Exception as error:  # noqa: BLE001  (what cannot be written must not keep the rest from it)
            _logger.error("api_key.use_not_written", error=type(error).__name__, keys=len(taken))  # noqa: TRY400
            return self._progress
        finally:
            self._writing = frozenset()
        for (meter, uncounted), row in zip(taken, rows, strict=True):
            self._conclude(meter, uncounted, row)
        return self._progress

    @property
    def _progress(self) -> Progress:
        return "busy" if len(self._due) >= BATCH else "idle"

    def _conclude(self, meter: Meter, uncounted: Uncounted, row: KeyUse | None) -> None:
        if row is None:
            self._due.pop(meter.id, None)
            self._forget(meter.id)
        elif row is meter.row:  # too many others were writing
            self._put_back([(meter, uncounted)])
        else:
            meter.learn(row)

    def _put_back(self, taken: list[tuple[Meter, Uncounted]]) -> None:
        for meter, uncounted in taken:
            meter.untaken(uncounted)
            self._due[meter.id] = meter

    async def _write_one(self, meter: Meter, uncounted: Uncounted) -> KeyUse | None:
        """The row as it is now: the one known before where others were always faster, None where it is gone."""
        seen = meter.row
        for _ in range(MOST_TRIES):
            row = await self._try(meter, uncounted, seen)
            if row is not None:
                return row
            found = await self._rows.find(id=meter.id)
            if found is None:
                return None
            use = use_of(found)
            if _is_same(use, seen):  # NULL where a number is meant is like no number that can be asked for
                changed = await self._rows.change({"id": meter.id}, **_values(meter.after(use, uncounted)))
                return None if changed is None else use_of(changed)
            seen = use
        return meter.row

    async def _try(self, meter: Meter, uncounted: Uncounted, seen: KeyUse) -> KeyUse | None:
        where: dict[str, Value] = {
            "id": meter.id,
            "request_count": seen.request_count,
            "last_request": seen.last_request,
        }
        changed = await self._rows.change(where, **_values(meter.after(seen, uncounted)))
        return None if changed is None else use_of(changed)


def _values(row: KeyUse) -> dict[str, object]:
    return {"request_count": row.request_count, "last_request": row.last_request, "updated_at": row.updated_at}


def _is_same(one: KeyUse, other: KeyUse) -> bool:
    return (one.request_count, one.last_request) == (other.request_count, other.last_request)

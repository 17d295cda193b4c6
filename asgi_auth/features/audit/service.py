"""Writing the audit log to its table beside the requests, reading it a page at a time, and dropping what is old."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

import structlog

from asgi_auth.clock import Clock, Timestamp
from asgi_auth.crypto.tokens import generate_id
from asgi_auth.engine import Engine, IntegrityViolation
from asgi_auth.errors import InvalidRequest, Unavailable
from asgi_auth.features.audit.models import AuditPage, AuditRecord
from asgi_auth.infrastructure.metrics import Metrics
from asgi_auth.services.audit import AuditEntry
from asgi_auth.services.batch_writer import BatchWriter, Progress

LOST: Final = "auth.audit.lost"

MAX_PENDING: Final = 10_000
MAX_PAGE: Final = 100
"""Facts of one page."""

BATCH: Final = 100
"""Facts of one transaction."""

BATCH_DELAY: Final = 0.2
"""Seconds that facts are collected for before they are written together."""

PURGE_EVERY: Final = timedelta(hours=1)
PURGE_STEP: Final = 500
"""Rows deleted by one statement, so that nobody waits long for it."""

_logger = structlog.get_logger("asgi_auth.audit_table")


class AuditService:
    """The audit log's table. What is told is written within a second; ``flush`` writes it now."""

    def __init__(
        self, engine: Engine, *, clock: Clock, metrics: Metrics, retention: timedelta | None, max_pending: int
    ) -> None:
        self._engine = engine
        self._records = engine.store("auditLog", AuditRecord)
        self._clock = clock
        self._metrics = metrics
        self._retention = retention
        self._max_pending = max_pending
        self._pending: deque[AuditRecord] = deque()
        self._writer = BatchWriter(
            engine,
            name="asgi_auth audit log",
            delay=BATCH_DELAY,
            waits=lambda: bool(self._pending),
            write=self._write_and_purge,
        )
        self._purged_at: Timestamp | None = None
        self._lost = 0
        self._untold = 0

    @property
    def lost(self) -> int:
        """How many facts could not be written since this process began."""
        return self._lost

    def record(self, entry: AuditEntry) -> None:
        """Have a fact written soon; returns at once."""
        if len(self._pending) >= self._max_pending:
            self._lose(1)
        else:
            self._pending.append(_record_of(entry))
        self._writer.begin()

    async def list(
        self,
        *,
        user_id: str | None = None,
        event: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        after: str | None = None,
        limit: int = MAX_PAGE,
    ) -> AuditPage:
        """A page of what is written, newest first.

        Args:
            user_id: only what is about this user.
            event: only this ("sign_in.failed").
            since: only what happened then or later.
            until: only what happened before.
            after: the page after the one whose ``next`` this is.
            limit: facts of one page, 1 to 100 (default 100); what lies beyond counts as the nearest of these.

        Raises InvalidRequest where ``after`` is none, ValueError for moments without a time zone, Unavailable.
        """
        limit = min(max(limit, 1), MAX_PAGE)
        where = {name: value for name, value in {"user_id": user_id, "event": event}.items() if value is not None}
        if not all(map(str.isprintable, where.values())):
            return AuditPage(records=(), next=None)  # no row has it, and not every database can be asked
        bounds: dict[str, str | datetime] = {}
        if since is not None:
            bounds["since"] = Timestamp.of(since)
        if until is not None:
            bounds["until"] = Timestamp.of(until)
        if after is not None:
            bounds["before"], bounds["before_id"] = _place(after)
        found = await self._records.page(where, limit=limit + 1, **bounds)
        shown = tuple(found[:limit])
        return AuditPage(records=shown, next=_mark(shown[-1]) if len(found) > limit else None)

    async def purge(self, *, before: datetime | None = None) -> int:
        """Delete what happened before a moment (default: before the retention began); returns how many there were.

        It goes step by step; nothing waits for all of it. Raises Unavailable.
        """
        if before is None:
            if self._retention is None:
                return 0
            before = self._clock() - self._retention
        removed = step = await self._records.trim(before=Timestamp.of(before), most=PURGE_STEP)
        while step == PURGE_STEP:
            await asyncio.sleep(0)
            step = await self._records.trim(before=Timestamp.of(before), most=PURGE_STEP)
            removed += step
        return removed

    async def resume(self) -> None:
        """Have what waits written from now on: the database has been opened."""
        self._writer.begin()

    async def flush(self) -> None:
        """Write what waits, now; what the database does not take goes on waiting."""
        await self._writer.flush()

    async def close(self) -> None:
        """Write what waits; what the database does not take now is lost. It may be used again afterwards."""
        await self.flush()
        if self._pending:
            self._lose(len(self._pending))
            self._pending.clear()
        self._tell_lost()

    async def _write_and_purge(self) -> Progress:
        """Write what waits and drop what is old, in turns: neither keeps the other waiting."""
        if not await self._write():
            return "failed"
        is_old_left = await self._purge_step()
        return "busy" if is_old_left or len(self._pending) >= BATCH else "idle"

    async def _write(self) -> bool:
        """Write the oldest of what waits; False where the database does not take it now."""
        batch = [self._pending.popleft() for _ in range(min(BATCH, len(self._pending)))]
        try:
            if batch:
                await self._add(batch)
        except (Unavailable, asyncio.CancelledError) as error:
            self._pending.extendleft(reversed(batch))
            if isinstance(error, asyncio.CancelledError):
                raise
            return False
        except Exception as error:  # noqa: BLE001  (what cannot be written must not keep the rest from it)
            _logger.error("audit.not_written", error=type(error).__name__)  # noqa: TRY400  (it may quote the row)
            self._lose(len(batch))
        self._tell_lost()
        return True

    async def _add(self, batch: Sequence[AuditRecord]) -> None:
        try:
            async with self._engine.transaction():
                for record in batch:
                    await self._records.add(record)
        except IntegrityViolation:
            # The batch was written before, by a commit whose answer was lost.
            for record in batch:
                with suppress(IntegrityViolation):
                    await self._records.add(record)

    async def _purge_step(self) -> bool:
        """Drop some of what is too old, if that is due; whether there is more of it."""
        now = self._clock()
        if self._retention is None or (self._purged_at is not None and now - self._purged_at < PURGE_EVERY):
            return False
        with suppress(Unavailable):
            if await self._records.trim(before=Timestamp.of(now - self._retention), most=PURGE_STEP) == PURGE_STEP:
                return True
            self._purged_at = now
        return False

    def _lose(self, facts: int) -> None:
        if not self._untold:
            _logger.error("audit.losing", reason="too many wait to be written, or the database does not take them")
        self._lost += facts
        self._untold += facts
        for _ in range(facts):
            self._metrics.increment(LOST)

    def _tell_lost(self) -> None:
        if self._untold:
            _logger.error("audit.lost", facts=self._untold)
            self._untold = 0


def _record_of(entry: AuditEntry) -> AuditRecord:
    return AuditRecord(
        event=entry.event,
        outcome=entry.outcome,
        user_id=entry.user_id,
        session_id=entry.session_id,
        target_id=entry.target_id,
        ip_address=entry.ip_address or None,
        user_agent=entry.user_agent or None,
        method=entry.method,
        reason=entry.reason,
        created_at=entry.at,
        id=generate_id(),
    )


def _mark(record: AuditRecord) -> str:
    """Where a page ends."""
    return f"{record.created_at.iso()}_{record.id}"


def _place(mark: str) -> tuple[Timestamp, str]:
    moment, _, row_id = mark.partition("_")
    try:
        if row_id.isprintable():
            return Timestamp.parse(moment), row_id
    except ValueError:
        pass
    raise InvalidRequest("after is not where a page ended")

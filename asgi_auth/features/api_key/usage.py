"""Counting how keys are used, and letting through no more than each key's limit: in memory, at once."""

from __future__ import annotations

import asyncio
import contextvars
from contextlib import suppress
from datetime import timedelta
from typing import Final

import structlog

from asgi_auth.clock import Clock, seconds_of
from asgi_auth.engine import Engine
from asgi_auth.errors import Unavailable
from asgi_auth.features.api_key.errors import ApiKeyRateLimited, InvalidApiKey
from asgi_auth.features.api_key.key_store import KeyStore
from asgi_auth.features.api_key.leases import Knowledge, Lease, Leases
from asgi_auth.features.api_key.meters import KeyUse, Limit, Meter, use_of
from asgi_auth.features.api_key.use_writer import UseWriter
from asgi_auth.infrastructure.cache.flights import Flights
from asgi_auth.infrastructure.metrics import RATE_LIMIT_REFUSED, Metrics
from asgi_auth.models import ApiKey

MOST_METERS: Final = 100_000
"""Keys whose use is remembered, 75 MB of them; beyond it the row of the one known longest is read anew."""

ALONE_FOR: Final = 1_000
"""Milliseconds for which requests are counted in this process alone after what is shared has not answered."""

SLOW_ANSWERS: Final = 3
"""How often one that did not come in time is asked for while Redis answers others."""

LATE_ANSWERS: Final = 10
"""How often what Redis gives may be over before it is there: of a window that is shorter than the way it is always."""

_MILLISECOND: Final = timedelta(milliseconds=1)

_logger = structlog.get_logger("asgi_auth.api_key")


class KeyUsage:
    """How the keys of one Auth are used.

    With Redis, processes take requests in advance from the window that all of them share, a hundredth of the limit at
    most: over all of them never more than the limit are let through, and fewer only by what one that is no longer asked
    has taken. What Redis loses they tell it again, but for what others have used in the last second or two. While Redis
    does not answer, and without it, each process counts what it lets through, beside what the key's row tells of the
    others, a second or two late: one process is exact; of several each keeps to the limit, and all together go beyond
    it by what each lets through before it has heard of the others. What was let through while Redis was away counts
    there when it is back.

    Args:
        engine: whose transactions the counters are written in, beside the requests.
        store: where they are written.
        clock: the present moment.
        metrics: told of refusals.
        leases: what all processes share; None where there is no Redis.
        restarts: windows begin anew with each request that is let through (Better Auth's contract); else with their
            first, so that a client that never pauses is let through as often as its limit says, window after window.
    """

    def __init__(
        self,
        engine: Engine,
        store: KeyStore,
        *,
        clock: Clock,
        metrics: Metrics,
        leases: Leases | None,
        restarts: bool,
    ) -> None:
        self._store = store
        self._seconds = seconds_of(clock)
        self._metrics = metrics
        self._leases = leases
        self._restarts = restarts
        self._meters: dict[str, Meter] = {}
        self.writer = UseWriter(engine, store, forget=self.forget)
        self._flights: Flights[None] = Flights()
        self._growing: set[asyncio.Task[None]] = set()
        self._alone_until = 0

    def count_known(self, key_id: str) -> bool:
        """Count a request at once; False where that takes a judgement: nothing is counted then."""
        meter = self._meters.get(key_id)
        if meter is None:
            return False
        now = self._now()
        if not self._admits(meter, now):
            return False
        self._note(meter, now)
        return True

    async def count(self, key: ApiKey, limit: Limit | None, *, is_remembered: bool = False) -> None:
        """Count a request with a key; raises ApiKeyRateLimited, having counted nothing.

        ``is_remembered``: the key was read a while ago, perhaps by another process. Where nobody else counts, its row
        is read anew: raises InvalidApiKey where it is gone. Raises Unavailable where nobody can tell.
        """
        if is_remembered and limit is not None and key.id not in self._meters and self._is_alone(self._now()):
            key = await self._read(key.id)
        meter, late = self._meter(key, limit), 0
        while not self._admits(meter, now := self._now()):
            self._check(meter, now)
            if late >= LATE_ANSWERS:
                raise Unavailable
            await self._flights.join(key.id, lambda: self._grow(meter))
            late += not (self._is_alone(self._now()) or meter.share.is_open(self._now()))
        self._note(meter, now)

    def shown(self, key: ApiKey) -> KeyUse:
        """A key's counters as if all its use had been written at once."""
        meter = self._meters.get(key.id)
        return use_of(key) if meter is None else meter.shown(key)

    def forget(self, key_id: str) -> None:
        """A key is gone."""
        self._meters.pop(key_id, None)

    async def stop(self) -> None:
        """Wait for what is being asked of Redis."""
        await asyncio.gather(*self._growing, return_exceptions=True)

    def _now(self) -> int:
        return round(self._seconds() * 1000)

    async def _read(self, key_id: str) -> ApiKey:
        found = await self._store.find(id=key_id)
        if found is None:
            raise InvalidApiKey
        return found.public

    def _meter(self, key: ApiKey, limit: Limit | None) -> Meter:
        meter = self._meters.get(key.id)
        if meter is None:
            self._make_room()
            meter = self._meters[key.id] = Meter(key, limit=limit, restarts=self._restarts)
        else:
            meter.follow(limit)
        return meter

    def _make_room(self) -> None:
        """Drop what is written, from the oldest on; what is not stays, and is no more than the keys in use."""
        if len(self._meters) < MOST_METERS:
            return
        oldest = next(iter(self._meters))
        meter = self._meters.pop(oldest)
        if oldest in self.writer:
            self._meters[oldest] = meter

    def _is_alone(self, now: int) -> bool:
        return self._leases is None or 0 < self._alone_until - now <= ALONE_FOR

    def _admits(self, meter: Meter, now: int) -> bool:
        """Whether a request is within the limit for sure."""
        if meter.limit is None:
            return True
        if self._is_alone(now):
            return meter.left(now) > 0
        share = meter.share
        if not share.use(now):
            return False
        if 2 * share.units <= meter.limit.lease and meter.limit.lease > 1:
            self._grow_soon(meter)
        return True

    def _note(self, meter: Meter, now: int) -> None:
        meter.note(now)
        if meter.limit is not None and self._leases is not None and self._is_alone(now):
            meter.share.owed += 1
        self.writer.add(meter)

    def _check(self, meter: Meter, now: int) -> None:
        """Raise ApiKeyRateLimited where no more is to be had for now."""
        limit = meter.limit
        if limit is None:
            return
        if self._is_alone(now):
            ends = meter.ends if meter.left(now) <= 0 else 0
        else:
            ends = meter.share.ends if meter.share.is_used_up else 0
        if ends or limit.most < 1:
            self._metrics.increment(RATE_LIMIT_REFUSED, rule="api_key")
            left = min(max(ends - now, 1), limit.window) if ends else limit.window
            raise ApiKeyRateLimited(try_again_in=left, most=limit.most, window=limit.window * _MILLISECOND)

    def _grow_soon(self, meter: Meter) -> None:
        """Ask for more before there is none, so that no request has to wait."""
        share = meter.share
        if share.is_growing or share.is_used_up:
            return
        share.is_growing = True
        growing = self._flights.join(meter.id, lambda: self._grow(meter))
        task = asyncio.get_running_loop().create_task(growing, context=contextvars.Context())
        self._growing.add(task)
        task.add_done_callback(self._growing.discard)

    async def _grow(self, meter: Meter) -> None:
        limit, share, now = meter.limit, meter.share, self._now()
        if limit is None or self._leases is None:
            return
        units, drawn, since = (share.units, share.drawn, share.began) if share.is_open(now) else (0, 0, 0)
        want = max(min(limit.lease - units, limit.most - drawn), 0)
        known = Knowledge(owed=share.owed if now < meter.ends else 0, counted=meter.count + units, since=since)
        try:
            lease = await self._taken(self._leases, meter.id, limit, want=want, known=known, now=now)
        except Unavailable:
            self._be_alone(now)
        else:
            share.add(lease.units, began=lease.began, ends=lease.began + limit.window)
        finally:
            share.is_growing = False

    async def _taken(
        self, leases: Leases, key_id: str, limit: Limit, *, want: int, known: Knowledge, now: int
    ) -> Lease:
        """Some requests of the window; one slow answer is no reason to count alone. Raises Unavailable."""
        for _ in range(SLOW_ANSWERS):
            with suppress(Unavailable):
                return await leases.take(key_id, limit, want=want, known=known, now=now)
            if leases.is_away:
                break
        raise Unavailable

    def _be_alone(self, now: int) -> None:
        if not 0 < self._alone_until + ALONE_FOR - now <= 2 * ALONE_FOR:
            _logger.warning("api_key.counted_alone", seconds=ALONE_FOR // 1000)
        self._alone_until = now + ALONE_FOR

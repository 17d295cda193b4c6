"""What sign-ins cost: their rate against the hash alone, what they do to everything else, and what too many get."""

from __future__ import annotations

import asyncio
import hashlib
import statistics
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from asgi_auth import Auth, HashingOptions, RateLimitOptions
from asgi_auth.asgi.types import ASGIApp
from benchmarks import _apps
from benchmarks._client import latencies_of, paced_elsewhere
from benchmarks._databases import empty_databases
from benchmarks._measure import Goal, Report, Spread, options_of, percentile, usable_cores
from benchmarks._server import served_here

GOALS = (
    Goal(figure="sign-ins to hashes alone, ratio of rates", at_least=0.85),
    Goal(figure="event loop's delay, p99.9", unit="ms", at_most=50),
    Goal(figure="plain route beside sign-ins, p99", unit="ms", at_most=30),
    Goal(figure="parallel sign-ins answered with 200 or 503, share", at_least=1),
    Goal(figure="answers of 503 that say when to try again, share", at_least=1),
    Goal(figure="parallel sign-ins that had to wait in vain", at_most=0),
)
EXPLANATION = """
"alone": the same scrypt (N=16384, r=16, p=1) in one plain thread per core; "sign-ins": POST /sign-in/email of the real
app in this process, SQLite, more clients than workers; both in pairs of windows. The event loop's delay is that of a
task which sleeps 5 ms; the plain route is answered by uvicorn in this process, to a client in another, 50 times a
second. "idle": the same without sign-ins, which is the machine's own noise. Rates: median [quartiles] over windows.
"""
COST = {"n": 16384, "r": 16, "p": 1, "maxmem": 64 << 20, "dklen": 64}
HEARTBEAT = 0.005
RATE = 50.0
PATIENCE = 60.0
"""Seconds after which a sign-in counts as hanging."""
UNLIMITED = RateLimitOptions(is_enabled=False)
"""What is measured is the hashing, and every sign-in comes from one address."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How much is done.

    Attributes:
        hashes: of each thread in a window.
        pairs: of windows, one with sign-ins and one with hashes alone.
        requests: to the plain route in a window.
        windows: with the plain route, of each kind.
        crowd: sign-ins at the same moment.
        queue: how many of them may wait.
    """

    hashes: int
    pairs: int
    requests: int
    windows: int
    crowd: int
    queue: int


FULL = Pace(hashes=12, pairs=21, requests=350, windows=4, crowd=200, queue=HashingOptions().max_queue)
QUICK = Pace(hashes=4, pairs=1, requests=40, windows=1, crowd=60, queue=8)


@dataclass(slots=True)
class Heartbeat:
    """Seconds by which a sleeping task woke up late, again and again."""

    delays: list[float] = field(default_factory=list)

    @asynccontextmanager
    async def beating(self) -> AsyncIterator[None]:
        """Measure while the block lasts."""
        task = asyncio.create_task(self._beat())
        try:
            yield
        finally:
            task.cancel()

    async def _beat(self) -> None:
        while True:
            start = time.perf_counter()
            await asyncio.sleep(HEARTBEAT)
            self.delays.append(time.perf_counter() - start - HEARTBEAT)


@dataclass(frozen=True, slots=True)
class Stage:
    """The application with a user in it, and how many threads hash."""

    app: ASGIApp
    person: _apps.Person
    workers: int

    async def sign_in(self) -> _apps.Answer:
        """One sign-in, whatever comes of it."""
        request = _apps.post_json("/api/auth/sign-in/email", email=self.person.email, password=_apps.PASSWORD)
        return await _apps.ask(self.app, request)

    async def sign_in_times(self, count: int) -> None:
        """So many sign-ins, by a few more clients than there are workers; raises where one fails."""
        left = iter(range(count))
        await self._sign_in_while(lambda: next(left, None) is not None)

    async def sign_in_until(self, is_over: Callable[[], bool]) -> None:
        """Sign-ins without a pause until told to stop; raises where one fails."""
        await self._sign_in_while(lambda: not is_over())

    async def _sign_in_while(self, goes_on: Callable[[], bool]) -> None:
        async def client() -> None:
            while goes_on():
                answer = await self.sign_in()
                if answer.status != 200:
                    raise RuntimeError(f"sign-in was answered with {answer.status}")

        await asyncio.gather(*(client() for _ in range(self.workers + 2)))


def _hash_alone(count: int, threads: int) -> None:
    def one(_: int) -> bytes:
        return hashlib.scrypt(_apps.PASSWORD.encode(), salt=b"0123456789abcdef" * 2, **COST)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(one, range(count)))


@dataclass(frozen=True, slots=True)
class Window:
    """How many of one kind were done in a second, and the processor's milliseconds for each."""

    rate: float
    cpu: float

    @classmethod
    async def measured(cls, work: Awaitable[object], *, count: int) -> Window:
        """The window that doing all of the work takes."""
        wall, cpu = time.perf_counter(), time.process_time()
        await work
        return cls(count / (time.perf_counter() - wall), (time.process_time() - cpu) / count * 1e3)


async def throughput(report: Report, stage: Stage, *, pace: Pace) -> None:
    """Sign-ins against hashes alone, in pairs of windows, each pair the other way round."""
    count = pace.hashes * stage.workers
    windows: dict[str, list[Window]] = {"alone": [], "sign-ins": []}
    heartbeat = Heartbeat()
    await stage.sign_in_times(stage.workers)
    for number in range(pace.pairs):
        for kind in sorted(windows, reverse=number % 2 == 1):
            if kind == "alone":
                work = asyncio.to_thread(_hash_alone, count, stage.workers)
                windows[kind].append(await Window.measured(work, count=count))
            else:
                async with heartbeat.beating():
                    windows[kind].append(await Window.measured(stage.sign_in_times(count), count=count))
    _report_windows(report, windows, workers=stage.workers)
    _report_times(report, "event loop's delay, sign-ins only", heartbeat.delays)


def _report_windows(report: Report, windows: dict[str, list[Window]], *, workers: int) -> None:
    for kind, found in windows.items():
        what = f"{kind}, {workers} threads"
        rates, cpu = [window.rate for window in found], [window.cpu for window in found]
        report.rows.append({"what": what, "unit": "per second", "figure": Spread.of(rates)})
        report.rows.append({"what": f"{what}: processor time", "unit": "ms each", "figure": Spread.of(cpu)})
    pairs = list(zip(windows["sign-ins"], windows["alone"], strict=True))
    ratios = [ours.rate / alone.rate for ours, alone in pairs]
    work = [alone.cpu / ours.cpu for ours, alone in pairs]
    report.rows.append({"what": "ratio of rates, by pair", "unit": "", "figure": Spread.of(ratios)})
    report.rows.append({"what": "share of the hash in processor time", "unit": "", "figure": Spread.of(work)})
    report.figures["sign-ins to hashes alone, ratio of rates"] = statistics.median(ratios)


async def neighbours(report: Report, stage: Stage, *, pace: Pace) -> None:
    """What the event loop and a plain route feel of sign-ins without a pause, and what they feel without any."""
    beats = {"idle": Heartbeat(), "beside sign-ins": Heartbeat()}
    latencies: dict[str, list[float]] = {kind: [] for kind in beats}
    async with served_here(_apps.bare) as port:
        for _ in range(pace.windows):
            for kind, heartbeat in beats.items():
                async with heartbeat.beating():
                    latencies[kind] += await _window(stage, port, pace.requests, signs_in=kind != "idle")
    for kind, heartbeat in beats.items():
        _report_times(report, f"event loop's delay, {kind}", heartbeat.delays)
        _report_times(report, f"plain route, {kind}", latencies[kind])
    report.figures["event loop's delay, p99.9"] = percentile(beats["beside sign-ins"].delays, 99.9) * 1e3
    report.figures["plain route beside sign-ins, p99"] = percentile(latencies["beside sign-ins"], 99) * 1e3


async def _window(stage: Stage, port: int, requests: int, *, signs_in: bool) -> list[float]:
    with paced_elsewhere(port, rate=RATE, count=requests) as client:
        waiting = asyncio.create_task(asyncio.to_thread(latencies_of, client))
        if signs_in:
            await stage.sign_in_until(waiting.done)
        return await waiting


def _report_times(report: Report, what: str, seconds: list[float]) -> None:
    found = {f"p{percent:g}": percentile(seconds, percent) * 1e3 for percent in (50, 99, 99.9)}
    report.rows.append({"what": what, "unit": "ms", "n": len(seconds), **found, "worst": max(seconds) * 1e3})


async def crowd(report: Report, stage: Stage, *, pace: Pace) -> None:
    """Many sign-ins at the same moment: as many as may wait are answered, all others are told to come back."""
    start = time.perf_counter()
    tasks = [asyncio.create_task(stage.sign_in()) for _ in range(pace.crowd)]
    done, pending = await asyncio.wait(tasks, timeout=PATIENCE)
    for task in pending:
        task.cancel()
    answers = [task.result() for task in done]
    counts = Counter(answer.status for answer in answers)
    told = sum(answer.status == 503 and answer.headers.get(b"retry-after", b"").isdigit() for answer in answers)
    what = f"{pace.crowd} sign-ins at once, {stage.workers} threads, {pace.queue} may wait"
    report.rows.append({"what": f"{what}: done after", "unit": "seconds", "figure": time.perf_counter() - start})
    for status in sorted(counts):
        report.rows.append({"what": f"the same: answered with {status}", "unit": "answers", "figure": counts[status]})
    report.figures["parallel sign-ins answered with 200 or 503, share"] = (counts[200] + counts[503]) / pace.crowd
    report.figures["answers of 503 that say when to try again, share"] = told / counts[503] if counts[503] else 1.0
    report.figures["parallel sign-ins that had to wait in vain"] = float(len(pending))


async def _stage(auth: Auth) -> Stage:
    person = await _apps.sign_up(auth)
    return Stage(auth.wrap(_apps.bare), person, auth.config.hashing.workers or usable_cores())


async def main() -> int:
    """Run it all."""
    options = options_of(__doc__)
    _apps.quieten()
    pace = QUICK if options.quick else FULL
    report = Report(benchmark="hashing", explanation=EXPLANATION, is_quick=options.quick)
    async with empty_databases() as urls:
        auth = _apps.build_auth(urls["sqlite"], hashing=HashingOptions(max_queue=pace.queue), rate_limits=UNLIMITED)
        async with auth.lifespan():
            stage = await _stage(auth)
            await throughput(report, stage, pace=pace)
            await neighbours(report, stage, pace=pace)
            await crowd(report, stage, pace=pace)
    return report.finish(options, GOALS)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))

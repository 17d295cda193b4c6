"""What identification adds to a request: microseconds over the bare application fed the very same request."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import aiosqlite
import asyncpg

from asgi_auth import Auth, CookieCacheOptions, CSRFMiddleware, RateLimit, RateLimitOptions
from asgi_auth.asgi.types import ASGIApp, Message, Scope
from benchmarks import _apps
from benchmarks._client import Connections, connected
from benchmarks._databases import empty_databases
from benchmarks._measure import Goal, Report, Spread, differences, interleave, options_of
from benchmarks._server import served_elsewhere

GOALS = (
    Goal(figure="statements, no credential", at_most=0),
    Goal(figure="statements, forged cookie", at_most=0),
    Goal(figure="statements, session cookie", at_most=1),
    Goal(figure="statements, cookie cache", at_most=0),
    Goal(figure="in-process, no credential", unit="us", at_most=15),
    Goal(figure="in-process, forged cookie", unit="us", at_most=45),
    Goal(figure="in-process, session cookie beside the database read", unit="us", at_most=90),
)
EXPLANATION = """
Microseconds per request: median [quartiles] over interleaved rounds. "adds": over the bare application, same request.
"of it read": the session read alone (find_with_user), "layers": what else is added. "cpu adds": of all our threads.
"SQL": statements per request. In-process calls are made one after another; uvicorn is one worker on uvloop, over
loopback, with 1 request under way at a time, or 8. "driver alone": the read's very SQL on one open connection.
"""
CONNECTIONS = (1, 8)
ENDLESS = RateLimit(10**9, timedelta(seconds=10))
CACHE = CookieCacheOptions(is_enabled=True, lifetime=timedelta(hours=1))

Ask = Callable[[_apps.Person], _apps.Request]
ORIGIN = (b"origin", f"http://{_apps.HOST}".encode())
SAME_SITE = (b"sec-fetch-site", b"same-origin")

KINDS: Mapping[str, Ask] = {
    "no credential": lambda _: _apps.Request(),
    "forged cookie": lambda person: _apps.Request(headers=(person.cookie(is_forged=True),)),
    "session cookie": lambda person: _apps.Request(headers=(person.cookie(),)),
    "cookie cache": lambda person: _apps.Request(headers=(person.cookie(is_cached=True),)),
    "bearer, raw": lambda person: _apps.Request(headers=(person.bearer(is_signed=False),)),
    "bearer, signed": lambda person: _apps.Request(headers=(person.bearer(is_signed=True),)),
    "session cookie, POST": lambda person: _apps.Request("POST", (person.cookie(), ORIGIN)),
}
CACHED = frozenset({"cookie cache"})
READS = frozenset({"session cookie", "bearer, raw", "bearer, signed", "session cookie, POST"})


@dataclass(frozen=True, slots=True)
class Sample:
    """Microseconds of one request: on the clock, and of processor time in all threads of this process."""

    wall: float
    cpu: float


Lane = Callable[[], Awaitable[Sample]]
Pace = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Subject:
    """One database with its Auth, the same with the cookie cache on, and somebody signed up in it."""

    name: str
    url: str
    auth: Auth
    cached: Auth
    person: _apps.Person

    def app(self, kind: str) -> ASGIApp:
        """The bare application behind the Auth that a kind of request is for."""
        return (self.cached if kind in CACHED else self.auth).wrap(_apps.bare)

    async def read(self) -> None:
        """The session read alone."""
        await self.auth.services.engine.session_storage.find_with_user(self.person.token)

    async def statements(self, kind: str) -> list[str]:
        """The SQL that one request runs."""
        with self.auth.services.engine.recorded() as recorded, self.cached.services.engine.recorded() as more:
            await _apps.ask(self.app(kind), KINDS[kind](self.person))
        return [*recorded, *more]


async def _receive() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _send(message: Message) -> None:
    pass


def _lane(work: Callable[[], Awaitable[object]], *, times: int) -> Lane:
    async def run() -> Sample:
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(times):
            await work()
        return Sample((time.perf_counter() - wall) / times * 1e6, (time.process_time() - cpu) / times * 1e6)

    return run


def _calls(app: ASGIApp, scope: Scope, *, times: int) -> Lane:
    # A server makes a new scope for every request; both sides of a comparison pay for the copy.
    return _lane(lambda: app({**scope}, _receive, _send), times=times)


@asynccontextmanager
async def _driver(subject: Subject) -> AsyncIterator[Callable[[], Awaitable[object]]]:
    """The session read on the driver itself: nothing of ours, one connection, open already."""
    sql = (await subject.statements("session cookie"))[0]
    token = subject.person.token
    if subject.name == "sqlite":
        async with aiosqlite.connect(subject.url.removeprefix("sqlite:///")) as sqlite:
            yield lambda: sqlite.execute_fetchall(sql, [token])
        return
    connection = await asyncpg.connect(subject.url)
    try:
        yield lambda: connection.fetch(sql, token)
    finally:
        await connection.close()


async def _subjects(urls: Mapping[str, str], stack: AsyncExitStack) -> list[Subject]:
    subjects = []
    for name, url in urls.items():
        auth, cached = _apps.build_auth(url), _apps.build_auth(url, cookie_cache=CACHE)
        for each in (auth, cached):
            await stack.enter_async_context(each.lifespan())
        subjects.append(Subject(name, url, auth, cached, await _apps.sign_up(cached)))
    return subjects


def _walls(samples: list[Sample]) -> list[float]:
    return [sample.wall for sample in samples]


def _row(where: str, kind: str, *, bare: list[Sample], whole: list[Sample]) -> dict[str, object]:
    adds = differences(_walls(whole), _walls(bare))
    return {"where": where, "request": kind, "bare": Spread.of(_walls(bare)), "adds": Spread.of(adds)}


async def in_process(report: Report, subjects: list[Subject], *, pace: Pace) -> None:
    """Call the application directly, without a server."""
    times = pace["calls"]
    lanes: dict[str, Lane] = {}
    async with AsyncExitStack() as stack:
        for subject in subjects:
            for kind, ask in KINDS.items():
                label, scope = f"{subject.name} {kind}", ask(subject.person).scope
                lanes[f"{label} bare"] = _calls(_apps.bare, scope, times=times)
                lanes[label] = _calls(subject.app(kind), scope, times=times)
                if kind in READS:  # right beside it, so that both meet the same moment
                    lanes[f"{label} read"] = _lane(subject.read, times=times)
            driver = await stack.enter_async_context(_driver(subject))
            lanes[f"{subject.name} driver"] = _lane(driver, times=times)
        samples = await interleave(lanes, rounds=pace["rounds"])
    for subject in subjects:
        await _report_in_process(report, subject, samples)


async def _report_in_process(report: Report, subject: Subject, samples: Mapping[str, list[Sample]]) -> None:
    where = f"in-process, {subject.name}"
    reads: list[Sample] = []
    for kind in KINDS:
        label = f"{subject.name} {kind}"
        bare, whole, read = samples[f"{label} bare"], samples[label], samples.get(f"{label} read", [])
        reads += read
        row = _row(where, kind, bare=bare, whole=whole)
        layers = Spread.of(differences(_walls(whole), _walls(read or bare)))
        row["of it read"] = Spread.of(_walls(read)) if read else None
        row["layers"] = layers
        row["cpu adds"] = Spread.of(differences([one.cpu for one in whole], [one.cpu for one in bare]))
        row["SQL"] = len(await subject.statements(kind))
        report.rows.append(row)
        if subject.name == "sqlite":
            report.figures[f"statements, {kind}"] = float(len(await subject.statements(kind)))
            report.figures[f"in-process, {kind}{' beside the database read' if read else ''}"] = layers.median
    driver = samples[f"{subject.name} driver"]
    for title, alone in {"the session read alone": reads, "the same SQL, driver alone": driver}.items():
        row = {"where": where, "request": title, "adds": Spread.of(_walls(alone))}
        report.rows.append({**row, "cpu adds": Spread.of([sample.cpu for sample in alone])})


async def csrf(report: Report, subject: Subject, *, pace: Pace) -> None:
    """The CSRF middleware alone, on an unsafe request that has been identified by cookie."""
    lanes: dict[str, Lane] = {}
    kinds = {"POST with Origin": ORIGIN, "POST with Sec-Fetch-Site": SAME_SITE}
    middleware = CSRFMiddleware(_apps.bare, subject.auth.services)
    for kind, header in kinds.items():
        scope = _apps.Request("POST", (subject.person.cookie(), header)).scope
        await subject.auth.wrap(_apps.bare)(scope, _receive, _send)  # fills scope["auth"]
        lanes[f"{kind} bare"] = _calls(_apps.bare, scope, times=pace["calls"])
        lanes[kind] = _calls(middleware, scope, times=pace["calls"])
    samples = await interleave(lanes, rounds=pace["rounds"])
    for kind in kinds:
        row = _row("in-process, CSRF middleware", kind, bare=samples[f"{kind} bare"], whole=samples[kind])
        report.rows.append(row)


async def rate_limit(report: Report, *, pace: Pace) -> None:
    """What counting a request in memory adds to the quickest endpoint."""
    endpoints = {
        enabled: _apps.build_auth(
            "sqlite://", rate_limits=RateLimitOptions(is_enabled=enabled, general=ENDLESS)
        ).endpoints
        for enabled in (False, True)
    }
    scope = _apps.Request(path="/ok").scope
    lanes = {str(enabled): _calls(app, scope, times=pace["calls"]) for enabled, app in endpoints.items()}
    samples = await interleave(lanes, rounds=pace["rounds"])
    row = _row("in-process, endpoints", "GET /ok, counted", bare=samples["False"], whole=samples["True"])
    report.rows.append(row)


def served(urls: dict[str, str]) -> ASGIApp:
    """The application that uvicorn serves: ``/bare``, and behind Auths ``/NAME`` and ``/NAME-cached``, by database."""
    wrapped = {name: _apps.build_auth(url).wrap(_apps.bare) for name, url in urls.items()}
    cached = {
        f"{name}-cached": _apps.build_auth(url, cookie_cache=CACHE).wrap(_apps.bare) for name, url in urls.items()
    }
    return _apps.by_first_segment({"bare": _apps.bare, **wrapped, **cached})


def _bursts(connections: Connections, request: bytes, *, times: int) -> Lane:
    async def run() -> Sample:
        return Sample(connections.burst(request, times=times) * 1e6, 0.0)

    return run


async def under_uvicorn(report: Report, subjects: list[Subject], *, pace: Pace) -> None:
    """The same over a socket, from one uvicorn worker that serves both applications."""
    urls = {subject.name: subject.url for subject in subjects}
    with served_elsewhere("benchmarks.identify:served", urls) as port:
        for count in CONNECTIONS:
            with connected(port, count=count) as connections:
                await _over(report, subjects, connections, times=pace["bursts"] // count, rounds=pace["rounds"])


async def _over(report: Report, subjects: list[Subject], connections: Connections, *, times: int, rounds: int) -> None:
    lanes: dict[str, Lane] = {}
    for subject in subjects:
        for kind, ask in KINDS.items():
            request = ask(subject.person)
            lanes[f"{subject.name} {kind} bare"] = _bursts(connections, request.raw("/bare/"), times=times)
            path = f"/{subject.name}{'-cached' if kind in CACHED else ''}/"
            lanes[f"{subject.name} {kind}"] = _bursts(connections, request.raw(path), times=times)
    samples = await interleave(lanes, rounds=rounds)
    for subject in subjects:
        for kind in KINDS:
            where = f"uvicorn, {connections.count} at a time, {subject.name}"
            label = f"{subject.name} {kind}"
            report.rows.append(_row(where, kind, bare=samples[f"{label} bare"], whole=samples[label]))


async def main() -> int:
    """Run it all."""
    options = options_of(__doc__)
    _apps.quieten()
    pace = {"calls": 10, "bursts": 16, "rounds": 3} if options.quick else {"calls": 150, "bursts": 120, "rounds": 40}
    report = Report(benchmark="identify", explanation=EXPLANATION, is_quick=options.quick)
    async with empty_databases() as urls, AsyncExitStack() as stack:
        subjects = await _subjects(urls, stack)
        await in_process(report, subjects, pace=pace)
        await csrf(report, subjects[0], pace=pace)
        await rate_limit(report, pace=pace)
        await under_uvicorn(report, subjects, pace=pace)
    return report.finish(options, GOALS)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))

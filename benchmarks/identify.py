"""What identification adds to a request: microseconds over the bare application fed the very same request."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

import aiosqlite
import asyncpg

from asgi_auth import CSRFMiddleware, RateLimit, RateLimitOptions
from asgi_auth.asgi.types import ASGIApp, Message, Scope
from benchmarks import _api_keys, _apps, _cold_reads, _jwts, _under_load
from benchmarks._databases import empty_databases
from benchmarks._measure import (
    Goal,
    Lane,
    Report,
    Sample,
    Spread,
    cpus,
    differences,
    interleave,
    options_of,
    timed,
    walls,
)
from benchmarks._subjects import KINDS, ORIGIN, Subject, opened

MICROSECONDS: Mapping[str, float] = {
    "no credential": 10,
    "forged cookie": 45,
    "session cookie, known": 10,
    "bearer, known": 10,
    "session cookie, known, metrics": 15,
    "bearer, known, metrics": 15,
    "session cookie, read": 90,
}
"""What each kind may add in-process: of a read, what comes on top of the database's share."""
GOALS = (
    *(Goal(figure=f"statements, {name}", at_most=kind.statements) for name, kind in KINDS.items()),
    *(Goal(figure=f"in-process, {name}", unit="us", at_most=most) for name, most in MICROSECONDS.items()),
    _under_load.GOAL,
    *_cold_reads.GOALS,
    *_jwts.GOALS,
    *_api_keys.GOALS,
)
EXPLANATION = """
Microseconds per request: median [quartiles] over interleaved rounds, in each of which a kind of request comes right
after the same request to the bare application. "adds": over it. "known": as it was a moment ago; "read": nothing is
kept, every time from the database ("of it read": find_with_user alone; "layers": what is added to that, else to the
bare application); "metrics": with PrometheusMetrics. "cpu adds": processor time of all our threads. "SQL": statements
per request. In-process calls are made one after another. uvicorn: one worker on uvloop in a process of its own, over
loopback, always with a request under way on each connection. "throughput": requests per second, the bare
application's being 1, window by window; "by cpu": the same per second of the worker's processor time; "busy": the share
of a window in which it had the processor. "driver alone": the read's very SQL on one open connection. "cold sessions":
distinct ones, 64 at a time over 10 connections, by our read and by the service over its cache; "throughput": reads per
second, asyncpg's pool (acquire, fetch, release; rows unread) being 1. "JWT, new": each token for the first time, by
JWTService.verify_jwt, beside the check of its signature alone by the library cryptography; p95 one by one.
Goals are judged by the worse of the databases.
"""
ENDLESS = RateLimit(10**9, timedelta(seconds=10))
SAME_SITE = (b"sec-fetch-site", b"same-origin")

Pace = Mapping[str, int]
FULL: Pace = {"calls": 150, "rounds": 40, "window": 4000, "windows": 20, "cold": 1920, "cold rounds": 20}
QUICK: Pace = {"calls": 10, "rounds": 3, "window": 40, "windows": 2, "cold": 64, "cold rounds": 3}


async def _receive() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _send(message: Message) -> None:
    pass


def _calls(app: ASGIApp, scope: Scope, *, times: int) -> Lane:
    # A server makes a new scope for every request; both sides of a comparison pay for the copy.
    return timed(lambda: app({**scope}, _receive, _send), times=times)


@asynccontextmanager
async def _driver(subject: Subject) -> AsyncIterator[Callable[[], Awaitable[object]]]:
    """The session read on the driver itself: nothing of ours, one connection, open already."""
    sql = (await subject.statements("session cookie, read"))[0]
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


def _row(where: str, kind: str, *, bare: Sequence[Sample], whole: Sequence[Sample]) -> dict[str, object]:
    adds = Spread.of(differences(walls(whole), walls(bare)))
    cpu = Spread.of(differences(cpus(whole), cpus(bare)))
    return {"where": where, "request": kind, "bare": Spread.of(walls(bare)), "adds": adds, "cpu adds": cpu}


async def in_process(report: Report, subject: Subject, *, pace: Pace) -> None:
    """Call the application directly, without a server."""
    times = pace["calls"]
    lanes: dict[str, Lane] = {}
    async with AsyncExitStack() as stack:
        for name, kind in KINDS.items():
            scope = subject.request(name).scope
            lanes[f"{name} bare"] = _calls(_apps.bare, scope, times=times)
            lanes[name] = _calls(subject.app(name), scope, times=times)
            if kind.statements:  # right beside it, so that both meet the same moment
                lanes[f"{name} alone"] = timed(subject.read, times=times)
        lanes["driver"] = timed(await stack.enter_async_context(_driver(subject)), times=times)
        samples = await interleave(lanes, rounds=pace["rounds"])
    for name in KINDS:
        await _report_in_process(report, subject, name, samples)
    row = {"where": f"in-process, {subject.name}", "request": "the same SQL, driver alone"}
    adds, cpu = Spread.of(walls(samples["driver"])), Spread.of(cpus(samples["driver"]))
    report.rows.append({**row, "adds": adds, "cpu adds": cpu})


async def _report_in_process(
    report: Report, subject: Subject, kind: str, samples: Mapping[str, Sequence[Sample]]
) -> None:
    bare, whole, read = samples[f"{kind} bare"], samples[kind], samples.get(f"{kind} alone")
    row = _row(f"in-process, {subject.name}", kind, bare=bare, whole=whole)
    layers = Spread.of(differences(walls(whole), walls(read or bare)))
    row["of it read"] = Spread.of(walls(read)) if read else None
    row["layers"] = layers
    row["SQL"] = statements = len(await subject.statements(kind))
    report.rows.append(row)
    _note_worst(report, f"statements, {kind}", float(statements))
    _note_worst(report, f"in-process, {kind}", layers.median)


def _note_worst(report: Report, figure: str, measured: float) -> None:
    report.figures[figure] = max(measured, report.figures.get(figure, measured))


async def csrf(report: Report, subject: Subject, *, pace: Pace) -> None:
    """The CSRF middleware alone, on an unsafe request that has been identified by cookie."""
    lanes: dict[str, Lane] = {}
    kinds = {"POST with Origin": ORIGIN, "POST with Sec-Fetch-Site": SAME_SITE}
    auth = subject.auths["default"]
    for kind, header in kinds.items():
        scope = _apps.Request("POST", (subject.person.cookie(), header)).scope
        await auth.wrap(_apps.bare)(scope, _receive, _send)  # fills scope["auth"]
        lanes[f"{kind} bare"] = _calls(_apps.bare, scope, times=pace["calls"])
        lanes[kind] = _calls(CSRFMiddleware(_apps.bare, auth.services), scope, times=pace["calls"])
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


async def main() -> int:
    """Run it all."""
    options = options_of(__doc__)
    _apps.quieten()
    pace = QUICK if options.quick else FULL
    report = Report(benchmark="identify", explanation=EXPLANATION, is_quick=options.quick)
    async with empty_databases() as urls:
        async with AsyncExitStack() as stack:
            subjects = await opened(urls, stack)
            for subject in subjects:
                await in_process(report, subject, pace=pace)
            await csrf(report, subjects[0], pace=pace)
            await rate_limit(report, pace=pace)
        await _jwts.jwts(report, urls, times=pace["calls"], rounds=pace["rounds"])
        await _api_keys.api_keys(report, urls, times=pace["calls"], rounds=pace["rounds"])
        # Nothing of ours is left in this process now: it blocks while it drives the server.
        await _under_load.under_load(report, subjects[-1], times=pace["window"], rounds=pace["windows"])
        if "postgres" in urls:
            await _cold_reads.cold_reads(report, urls["postgres"], count=pace["cold"], rounds=pace["cold rounds"])
    return report.finish(options, [goal for goal in GOALS if goal.figure in report.figures])


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))

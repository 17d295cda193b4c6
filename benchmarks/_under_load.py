"""What identification leaves of a server's throughput: uvicorn in a process of its own, never without a request."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from asgi_auth.asgi.types import ASGIApp, Receive, Scope, Send
from benchmarks import _apps
from benchmarks._client import Connections, connected
from benchmarks._measure import Goal, Lane, Report, Sample, Spread, cpus, differences, interleave, ratios, walls
from benchmarks._server import served_elsewhere
from benchmarks._subjects import AUTHS, KINDS, Subject

FIGURE = "uvicorn, throughput kept, session cookie, known"
GOAL = Goal(figure=FIGURE, at_least=0.80)
CONNECTIONS = 32
SHOWN = tuple(kind for kind in KINDS if kind != "bearer, signed, read")


async def _processor_time(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001  (an ASGI application)
    """Answers with the processor time that this process has had, in nanoseconds."""
    body = str(time.process_time_ns()).encode()
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": 200, "headers": [length]})
    await send({"type": "http.response.body", "body": body})


def served(url: str) -> ASGIApp:
    """The application that uvicorn serves: ``/bare``, ``/cpu``, and the bare one behind each Auth under its number."""
    wrapped = {str(number): build(url).wrap(_apps.bare) for number, build in enumerate(AUTHS.values())}
    return _apps.by_first_segment({"bare": _apps.bare, "cpu": _processor_time, **wrapped})


def _window(connections: Connections, request: bytes, *, times: int) -> Lane:
    asking = _apps.Request().raw("/cpu/")

    async def run() -> Sample:
        before = int(connections.body(asking))
        seconds = connections.saturate(request, times=times)
        cpu = int(connections.body(asking)) - before
        return Sample(seconds * 1e6 / times, cpu / 1e3 / times)

    return run


async def under_load(report: Report, subject: Subject, *, times: int, rounds: int) -> None:
    """Windows of each kind of request right after windows of the same request to the bare application."""
    numbers = {name: number for number, name in enumerate(AUTHS)}
    with (
        served_elsewhere("benchmarks._under_load:served", subject.url) as port,
        connected(port, count=CONNECTIONS) as connections,
    ):
        lanes: dict[str, Lane] = {}
        for kind in SHOWN:
            request = subject.request(kind)
            lanes[f"{kind} bare"] = _window(connections, request.raw("/bare/"), times=times)
            path = f"/{numbers[KINDS[kind].auth]}/"
            lanes[kind] = _window(connections, request.raw(path), times=times)
        samples = await interleave(lanes, rounds=rounds)
    for kind in SHOWN:
        _add(report, subject, kind, samples)


def _add(report: Report, subject: Subject, kind: str, samples: Mapping[str, Sequence[Sample]]) -> None:
    bare, whole = samples[f"{kind} bare"], samples[kind]
    kept = Spread.of(ratios(walls(bare), walls(whole)))
    report.rows.append(
        {
            "where": f"uvicorn, {CONNECTIONS} connections, {subject.name}",
            "request": kind,
            "bare": Spread.of(walls(bare)),
            "adds": Spread.of(differences(walls(whole), walls(bare))),
            "cpu adds": Spread.of(differences(cpus(whole), cpus(bare))),
            "throughput": kept,
            "by cpu": Spread.of(ratios(cpus(bare), cpus(whole))),
            "busy": Spread.of(ratios(cpus(whole), walls(whole))),
        }
    )
    if kind == "session cookie, known":
        report.figures[FIGURE] = kept.median

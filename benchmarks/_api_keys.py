"""API keys: what one that was seen before adds to a request, and what one that is read, or used up, does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from asgi_auth import Auth, CacheOptions, Metrics, PrometheusMetrics, RateLimit
from asgi_auth.asgi.types import ASGIApp, Message, Scope
from asgi_auth.features.api_key import ApiKeys, ApiKeyService
from benchmarks import _apps
from benchmarks._measure import Goal, Lane, Report, Spread, cpus, differences, interleave, timed, walls

ENDLESS = RateLimit(2**31 - 1, timedelta(minutes=1))

ADDS: Mapping[str, float] = {"API key, known": 10, "API key, known, no limit": 10, "API key, known, metrics": 15}
"""Microseconds that a key which was seen before may add to a request in-process."""

STATEMENTS: Mapping[str, int] = {**dict.fromkeys(ADDS, 0), "API key, read": 1, "API key, remaining": 1}

GOALS = (
    *(Goal(figure=f"in-process, {name}", unit="us", at_most=most) for name, most in ADDS.items()),
    *(Goal(figure=f"statements, {name}", at_most=most) for name, most in STATEMENTS.items()),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """One kind of key, and the Auth that it is for."""

    name: str
    decided: Mapping[str, Any] = field(default_factory=lambda: {"rate_limit": ENDLESS})
    options: Mapping[str, Any] = field(default_factory=dict)
    metrics: Metrics | None = None


def _counting() -> Metrics:
    from prometheus_client import CollectorRegistry

    return PrometheusMetrics(CollectorRegistry())


def _kinds() -> Sequence[_Kind]:
    return (
        _Kind(name="API key, known"),
        _Kind(name="API key, known, no limit", decided={"rate_limit": None}),
        _Kind(name="API key, known, metrics", metrics=_counting()),
        _Kind(name="API key, read", options={"cache": CacheOptions(is_enabled=False)}),
        _Kind(name="API key, remaining", decided={"rate_limit": ENDLESS, "remaining": 10**9}),
    )


async def _receive() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _send(message: Message) -> None:
    pass


async def _scope(auth: Auth, kind: _Kind, *, email: str) -> Scope:
    """A request with a new key of somebody new."""
    person = await _apps.sign_up(auth, email)
    owner = (await auth.services.sessions.get_session(person.token)).user
    key = await auth.services.get(ApiKeyService).create_api_key(owner.id, **kind.decided)
    return _apps.Request(headers=((b"x-api-key", key.key.encode()),)).scope


def _calls(app: ASGIApp, scope: Scope, *, times: int) -> Lane:
    return timed(lambda: app({**scope}, _receive, _send), times=times)


async def api_keys(report: Report, urls: Mapping[str, str], *, times: int, rounds: int) -> None:
    """All of it, on each database."""
    for database, url in urls.items():
        async with AsyncExitStack() as stack:
            lanes: dict[str, Lane] = {}
            asked: dict[str, tuple[Auth, ASGIApp, Scope]] = {}
            for number, kind in enumerate(_kinds()):
                auth = _apps.build_auth(url, metrics=kind.metrics, features=[ApiKeys()], **kind.options)
                await stack.enter_async_context(auth.lifespan())
                scope, app = await _scope(auth, kind, email=f"key.{number}@example.com"), auth.wrap(_apps.bare)
                lanes[f"{kind.name} bare"] = _calls(_apps.bare, scope, times=times)
                lanes[kind.name] = _calls(app, scope, times=times)
                asked[kind.name] = (auth, app, scope)
            samples = await interleave(lanes, rounds=rounds)
            for name, (auth, app, scope) in asked.items():
                row = {"where": f"in-process, {database}", "request": name}
                statements = await _statements(auth, app, scope)
                _report(report, row, bare=samples[f"{name} bare"], whole=samples[name], statements=statements)


async def _statements(auth: Auth, app: ASGIApp, scope: Scope) -> int:
    """How many one request runs; what is written beside requests is not among them."""
    with auth.services.engine.recorded() as statements:
        await app({**scope}, _receive, _send)
    return len(statements)


def _report(report: Report, row: dict[str, object], *, bare: Any, whole: Any, statements: int) -> None:
    adds, cpu = Spread.of(differences(walls(whole), walls(bare))), Spread.of(differences(cpus(whole), cpus(bare)))
    report.rows.append({**row, "bare": Spread.of(walls(bare)), "adds": adds, "cpu adds": cpu, "SQL": statements})
    for figure, measured in (("in-process", adds.median), ("statements", float(statements))):
        name = f"{figure}, {row['request']}"
        report.figures[name] = max(measured, report.figures.get(name, measured))

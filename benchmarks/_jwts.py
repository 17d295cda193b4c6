"""JWTs: what a new one costs beside the bare check of its signature, and what one that was seen before adds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import cycle

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from asgi_auth import Auth, Metrics, PrometheusMetrics
from asgi_auth.asgi.types import ASGIApp, Message, Scope
from asgi_auth.crypto import base64url
from asgi_auth.features.jwt import Jwt, JwtOptions, JWTService
from asgi_auth.fields import wire
from benchmarks import _apps
from benchmarks._measure import Goal, Lane, Report, Spread, cpus, differences, interleave, percentile, timed, walls
from benchmarks._measure import ratios as ratios_of

NEW = "JWT, new, of cryptography's bare Ed25519 check"
NEW_P95 = "JWT, new, p95"
ADDS: Mapping[str, float] = {"JWT, known": 10, "JWT, session checked, known": 10, "JWT, known, metrics": 15}
"""Microseconds that a token which was seen before may add to a request in-process."""

GOALS = (
    Goal(figure=NEW, at_most=1.5),
    Goal(figure=NEW_P95, unit="ms", at_most=3),
    *(Goal(figure=f"in-process, {name}", unit="us", at_most=most) for name, most in ADDS.items()),
    *(Goal(figure=f"statements, {name}", at_most=0) for name in ADDS),
)


async def _receive() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _send(message: Message) -> None:
    pass


def _counting() -> Metrics:
    from prometheus_client import CollectorRegistry

    return PrometheusMetrics(CollectorRegistry())


@dataclass(frozen=True, slots=True)
class _Holder:
    """Somebody with tokens of an Auth that issues them."""

    auth: Auth
    person: _apps.Person

    @classmethod
    async def welcomed(
        cls, url: str, stack: AsyncExitStack, *, email: str, options: JwtOptions, metrics: Metrics | None
    ) -> _Holder:
        auth = _apps.build_auth(url, metrics=metrics, features=[Jwt(options)])
        await stack.enter_async_context(auth.lifespan())
        return cls(auth, await _apps.sign_up(auth, email))

    @property
    def service(self) -> JWTService:
        return self.auth.services.get(JWTService)

    async def tokens(self, count: int) -> list[str]:
        """So many, no two of them alike."""
        live = await self.auth.services.sessions.get_session(self.person.token)
        says = {**wire(live.user), "sub": live.user.id, "sid": live.session.id}
        return [await self.service.sign_jwt({**says, "jti": str(number)}) for number in range(count)]


def _scope(token: str) -> Scope:
    return _apps.Request(headers=((b"authorization", f"Bearer {token}".encode()),)).scope


def _calls(app: ASGIApp, scopes: Iterator[Scope], *, times: int) -> Lane:
    return timed(lambda: app({**next(scopes)}, _receive, _send), times=times)


async def new_tokens(report: Report, holder: _Holder, *, times: int, rounds: int) -> None:
    """Tokens for the first time: by the service, in a request, and their signature alone by ``cryptography``.

    The bare check is given what the token's splitting and decoding would have to find first.
    """
    (jwk,) = (await holder.service.get_jwks())["keys"]
    public = Ed25519PublicKey.from_public_bytes(base64url.decode(jwk["x"]))
    tokens = await holder.tokens(times)
    asked = await holder.tokens(times * (rounds + 1))
    split = cycle([_split(token) for token in tokens])
    whole = cycle(tokens)

    async def bare() -> None:
        public.verify(*next(split))

    async def verified() -> None:
        await holder.service.verify_jwt(next(whole))

    lanes = {
        "cryptography's bare Ed25519 check": timed(bare, times=times),
        "JWT, new, by the service": timed(verified, times=times),
        "JWT, new, in a request": _calls(holder.auth.wrap(_apps.bare), map(_scope, asked), times=times),
    }
    samples = await interleave(lanes, rounds=rounds)
    one_by_one = await interleave({"new": timed(verified, times=1)}, rounds=times)
    first, second, *_ = lanes
    report.figures[NEW] = Spread.of(ratios_of(walls(samples[second]), walls(samples[first]))).median
    report.figures[NEW_P95] = percentile(walls(one_by_one["new"]), 95) / 1000
    for name in lanes:
        cpu = Spread.of(cpus(samples[name]))
        row = {"where": "in-process, tokens", "request": name, "adds": Spread.of(walls(samples[name]))}
        report.rows.append({**row, "cpu adds": cpu})


def _split(token: str) -> tuple[bytes, bytes]:
    signed, _, signature = token.rpartition(".")
    return base64url.decode(signature), signed.encode()


async def known_tokens(report: Report, where: str, holders: Mapping[str, _Holder], *, times: int, rounds: int) -> None:
    """The same token again and again, behind ``auth.wrap``."""
    lanes: dict[str, Lane] = {}
    for name, holder in holders.items():
        scope = _scope((await holder.tokens(1))[0])
        lanes[f"{name} bare"] = _calls(_apps.bare, cycle([scope]), times=times)
        lanes[name] = _calls(holder.auth.wrap(_apps.bare), cycle([scope]), times=times)
    samples = await interleave(lanes, rounds=rounds)
    for name, holder in holders.items():
        bare, whole = samples[f"{name} bare"], samples[name]
        adds = Spread.of(differences(walls(whole), walls(bare)))
        with holder.auth.services.engine.recorded() as statements:
            await lanes[name]()
        _note_worst(report, f"in-process, {name}", adds.median)
        _note_worst(report, f"statements, {name}", float(len(statements)))
        cpu = Spread.of(differences(cpus(whole), cpus(bare)))
        row = {"where": where, "request": name, "bare": Spread.of(walls(bare)), "adds": adds, "cpu adds": cpu}
        report.rows.append({**row, "SQL": len(statements)})


def _note_worst(report: Report, figure: str, measured: float) -> None:
    report.figures[figure] = max(measured, report.figures.get(figure, measured))


async def jwts(report: Report, urls: Mapping[str, str], *, times: int, rounds: int) -> None:
    """All of it, on each database."""
    for database, url in urls.items():
        async with AsyncExitStack() as stack:
            holders = {
                name: await _Holder.welcomed(
                    url, stack, email=f"token.{number}@example.com", options=options, metrics=metrics
                )
                for number, (name, options, metrics) in enumerate(_kinds())
            }
            await known_tokens(report, f"in-process, {database}", holders, times=times, rounds=rounds)
            if NEW not in report.figures:
                await new_tokens(report, holders["JWT, known"], times=times, rounds=rounds)


def _kinds() -> Sequence[tuple[str, JwtOptions, Metrics | None]]:
    return (
        ("JWT, known", JwtOptions(), None),
        ("JWT, session checked, known", JwtOptions(check_session=True), None),
        ("JWT, known, metrics", JwtOptions(), _counting()),
    )

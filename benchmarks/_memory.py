"""A full cache in memory: what each entry takes, and what its parts cost."""

from __future__ import annotations

import gc
import random
import time
import tracemalloc
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from asgi_auth import Auth, CacheOptions
from asgi_auth.asgi.types import ASGIApp, Message, Scope
from asgi_auth.infrastructure.change_feed.base import Change
from asgi_auth.models import SessionWithUser
from asgi_auth.services.known import session_spec
from benchmarks import _apps
from benchmarks._measure import Lane, Report, Sample, Spread, differences, interleave, walls

BYTES = "bytes per session known in memory"
CHOSEN = 2000
"""How many of all are asked for in a round, in no order: they are not where the processor has just looked."""


async def _receive() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _send(message: Message) -> None:
    pass


def _scope(person: _apps.Person) -> Scope:
    return _apps.Request(headers=(person.cookie(),)).scope


async def _ask_all(app: ASGIApp, people: Iterable[_apps.Person]) -> None:
    for person in people:
        await app(_scope(person), _receive, _send)


async def full_cache(report: Report, *, entries: int, rounds: int) -> None:
    """Fill the cache with sessions that a database gave, through the wrapped application, and look what it takes."""
    auth = _apps.build_auth("sqlite://", cache=CacheOptions(max_entries=entries))
    async with auth.lifespan():
        people = await _apps.add_people(auth, count=entries + CHOSEN)
        app = auth.wrap(_apps.bare)
        await _ask_all(app, people[entries:])  # what is made once is there before it counts
        taken = await _taken(app, people[:entries])
        report.figures[BYTES] = taken / entries
        report.rows.append({"what": f"{entries:,} known sessions: bytes each", "bytes": taken / entries})
        await _requests(report, auth, app, people[:entries], rounds=rounds)
        await _parts(report, auth, people, entries=entries, rounds=rounds)


async def _taken(app: ASGIApp, people: Sequence[_apps.Person]) -> int:
    """The bytes that are in use after these have asked for something, and were not before."""
    gc.collect()
    tracemalloc.start()
    try:
        await _ask_all(app, people)
        gc.collect()
        return tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


async def _requests(report: Report, auth: Auth, app: ASGIApp, people: Sequence[_apps.Person], *, rounds: int) -> None:
    """What identifying adds where each request comes from somebody else of many, and not from one again and again."""
    chosen = random.Random(1).sample(people, min(len(people), CHOSEN))
    scopes = [_scope(person) for person in chosen]

    def over(asked: ASGIApp) -> Lane:
        async def run() -> Sample:
            start = time.perf_counter()
            for scope in scopes:
                await asked({**scope}, _receive, _send)
            return Sample((time.perf_counter() - start) / len(scopes) * 1e6, 0.0)

        return run

    with auth.services.engine.recorded() as recorded:
        samples = await interleave({"bare": over(_apps.bare), "known": over(app)}, rounds=rounds)
    if recorded:
        raise RuntimeError("not all of them are known")
    adds = Spread.of(differences(walls(samples["known"]), walls(samples["bare"])))
    report.rows.append({"what": "a request by any of them, over the bare application", "us": adds})


class _Alone:
    """A cache by itself, over a store of record that answers at once."""

    def __init__(self, auth: Auth, stored: Mapping[str, SessionWithUser], *, most: int) -> None:
        services, records = auth.services, auth.services.engine
        options = CacheOptions(max_entries=most)
        spec = session_spec(options, session=records.sessions.record, user=records.users.record)
        self._cache = services.remembering.caches.add(replace(spec, space="alone"))
        self._stored = stored

    async def find(self, tokens: Iterable[str]) -> None:
        for token in tokens:
            await self._cache.find(token, partial(self._read, token))

    async def forget(self, tokens: Iterable[str]) -> None:
        for token in tokens:
            self._cache.forget((Change("session", (self._stored[token].session.id,)),))

    async def _read(self, token: str) -> SessionWithUser:
        return self._stored[token]


async def _parts(report: Report, auth: Auth, people: Sequence[_apps.Person], *, entries: int, rounds: int) -> None:
    """The cache alone, full: each part for sessions in no order, and everybody back in their places after a round."""
    find = auth.services.engine.session_storage.find_with_user
    found = {person.token: await find(person.token) for person in people}
    stored = {token: value for token, value in found.items() if value is not None}
    everybody, newcomers = list(stored)[:entries], list(stored)[entries:]
    chosen = random.Random(2).sample(everybody, min(CHOSEN, entries))
    cache = _Alone(auth, stored, most=entries)
    await cache.find(everybody)
    taken: dict[str, list[float]] = {}
    for _ in range(rounds):
        for what, work, tokens in (
            ("found", cache.find, chosen),
            ("dropped, because its row has changed", cache.forget, chosen),
            ("read and kept", cache.find, chosen),
            ("read and kept in place of another", cache.find, newcomers),
        ):
            start = time.perf_counter()
            await work(tokens)
            taken.setdefault(what, []).append((time.perf_counter() - start) / len(tokens) * 1e6)
        await cache.forget(newcomers)
        await cache.find(everybody)
    for what, times in taken.items():
        report.rows.append({"what": f"the cache alone: {what}", "us": Spread.of(times)})

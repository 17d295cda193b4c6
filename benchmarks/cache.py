"""What the cache of this process is worth: how often it knows, how much memory that takes, and what its parts cost."""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack

from asgi_auth import Auth, CacheOptions, RedisOptions
from benchmarks import _apps
from benchmarks._databases import empty_databases, empty_redis
from benchmarks._measure import Goal, Report, Spread, interleave, options_of, timed, walls
from benchmarks._memory import BYTES, full_cache
from benchmarks._zipf import known_share, least_recently_used_share

ENTRIES = 50_000
REQUESTS = 1_000_000
TWICE, FOURFOLD = "known of twice as many sessions as fit, share", "known of four times as many, once warm, share"
GOALS = (
    Goal(figure=TWICE, at_least=0.85),
    Goal(figure=FOURFOLD, at_least=0.85),
    Goal(figure=BYTES, unit="bytes", at_most=2048),
)
EXPLANATION = """
"known": the share of requests that need no read, by the middleware and the cache themselves over a store of record in
memory, Zipf (s = 1.0), from empty and once so many requests have come; "LRU": the same of a plain list in
least-recently-used order. Populations are sessions that are in use at the same time. Nothing ends or changes meanwhile.
"bytes": what tracemalloc counts for a session with its user, its context and all by which they are found, as read from
a database through the wrapped application, fields as long as they usually are. "us": microseconds, median [quartiles].
"Redis": what another Auth has read, found there ("SQL": statements for each).
"""


async def shares(report: Report, *, entries: int, requests: int) -> None:
    """How often a session is known, by how many there are."""
    for times in (1, 2, 4, 10):
        population = times * entries
        cold, warm = await known_share(population, most=entries, count=requests)
        lru_cold, lru_warm = least_recently_used_share(population, most=entries, count=requests)
        for when, known, lru in (("from empty", cold, lru_cold), ("warm", warm, lru_warm)):
            what = f"{requests:,} requests of {population:,} sessions, {entries:,} fit, {when}"
            report.rows.append({"what": what, "known": f"{known:.2%}", "LRU": f"{lru:.2%}"})
        if times == 2:
            report.figures[TWICE] = cold
        if times == 4:
            report.figures[FOURFOLD] = warm


async def over_redis(report: Report, url: str, redis: dict[str, str], *, count: int, rounds: int) -> None:
    """What it costs to find in Redis what another process has read."""
    options = {"redis": redis["url"], "redis_options": RedisOptions(prefix=redis["prefix"])}
    async with AsyncExitStack() as stack:
        auths = [_apps.build_auth(url, cache=CacheOptions(max_entries=1), **options) for _ in range(2)]
        for auth in auths:
            await stack.enter_async_context(auth.lifespan())
        first, second = auths
        tokens = [person.token for person in await _apps.add_people(first, count=count)]
        statements = await _shared(first, second, tokens)
        samples = await interleave({"shared": timed(lambda: _all_of(second, tokens), times=1)}, rounds=rounds)
    each = Spread.of([wall / count for wall in walls(samples["shared"])])
    report.rows.append({"what": "a session from Redis, one at a time", "us": each, "SQL": statements / count})


async def _shared(first: Auth, second: Auth, tokens: list[str]) -> int:
    """Have one read all of them until the other finds them all: who has just come believes nothing for seconds."""
    for _ in range(60):
        await _all_of(first, tokens)
        await asyncio.sleep(0.5)
        with second.services.engine.recorded() as recorded:
            await _all_of(second, tokens)
        if not recorded:
            break
    return len(recorded)


async def _all_of(auth: Auth, tokens: list[str]) -> None:
    for token in tokens:
        await auth.services.sessions.get_session(token)


async def main() -> int:
    """Run it all."""
    options = options_of(__doc__)
    _apps.quieten()
    entries, requests, rounds = (200, 4000, 2) if options.quick else (ENTRIES, REQUESTS, 20)
    report = Report(benchmark="cache", explanation=EXPLANATION, is_quick=options.quick)
    await shares(report, entries=entries, requests=requests)
    await full_cache(report, entries=entries, rounds=rounds)
    async with empty_databases() as urls, empty_redis() as redis:
        if redis is not None:
            await over_redis(report, urls["sqlite"], redis, count=entries // 100, rounds=rounds)
    return report.finish(options, GOALS)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))

"""What reading a session that nobody remembers costs on Postgres: beside the same select on asyncpg's own pool."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import asyncpg

from asgi_auth import CacheOptions
from benchmarks import _apps
from benchmarks._measure import Goal, Lane, Report, Sample, Spread, cpus, interleave, ratios, walls


async def _leave(connection: object) -> None:
    """Reset nothing."""


POOLS = {"asyncpg's pool": {}, "asyncpg's pool, which resets nothing": {"reset": _leave}}
GOALS = tuple(Goal(figure=f"cold sessions on Postgres, of {pool}", at_least=0.7) for pool in POOLS)
CONNECTIONS = 10
AT_A_TIME = 64

Read = Callable[[str], Awaitable[object]]


def _lane(read: Read, tokens: Sequence[str]) -> Lane:
    """Read all of them, AT_A_TIME at once."""

    async def reading(mine: Sequence[str]) -> None:
        for token in mine:
            if await read(token) is None:
                raise RuntimeError("a session is gone")

    async def run() -> Sample:
        wall, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(reading(tokens[start::AT_A_TIME]) for start in range(AT_A_TIME)))
        passed = time.perf_counter() - wall, time.process_time() - cpu
        return Sample(passed[0] / len(tokens) * 1e6, passed[1] / len(tokens) * 1e6)

    return run


@asynccontextmanager
async def _pool(url: str, sql: str, **options: object) -> AsyncIterator[Read]:
    """The same select on asyncpg's pool, as its documentation uses it."""
    async with asyncpg.create_pool(url, min_size=CONNECTIONS, max_size=CONNECTIONS, **options) as pool:
        yield lambda token: pool.fetchrow(sql, token)


async def cold_reads(report: Report, url: str, *, count: int, rounds: int) -> None:
    """Distinct sessions of a Postgres database: our read, our service over its full cache, and the driver's pool."""
    async with AsyncExitStack() as stack:
        # One entry at a time: none is there when it is asked for, and all that remembering costs is paid.
        auth = _apps.build_auth(url, cache=CacheOptions(max_entries=1))
        await stack.enter_async_context(auth.lifespan())
        tokens = [person.token for person in await _apps.add_people(auth, count=count)]
        find = auth.services.engine.session_storage.find_with_user
        lanes = {
            "find_with_user": _lane(find, tokens),
            "get_session": _lane(auth.services.sessions.get_session, tokens),
        }
        with auth.services.engine.recorded() as recorded:
            await find(tokens[0])
        for title, options in POOLS.items():
            pool = await stack.enter_async_context(_pool(url, recorded[0], **options))
            lanes[title] = _lane(pool, tokens)
        samples = await interleave(lanes, rounds=rounds)
    by_pool = {pool: walls(samples[pool]) for pool in POOLS}
    for lane, found in samples.items():
        adds, cpu = Spread.of(walls(found)), Spread.of(cpus(found))
        of_pool = Spread.of(ratios(by_pool["asyncpg's pool"], walls(found)))
        row = {"where": "cold sessions, postgres", "request": lane, "adds": adds, "cpu adds": cpu}
        report.rows.append({**row, "throughput": of_pool})
    for goal, pool in zip(GOALS, POOLS, strict=True):
        report.figures[goal.figure] = Spread.of(ratios(by_pool[pool], walls(samples["find_with_user"]))).median

"""What reading a session that nobody remembers costs on Postgres: beside the same select on asyncpg's own pool."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import asyncpg

from asgi_auth import Auth
from asgi_auth.crypto.tokens import generate_id
from benchmarks import _apps
from benchmarks._databases import empty_databases
from benchmarks._measure import Goal, Report, Spread, interleave, options_of

GOALS = (
    Goal(figure="throughput, of asyncpg's pool", at_least=0.7),
    Goal(figure="throughput, of asyncpg's pool without resetting", at_least=0.7),
)
EXPLANATION = """
Microseconds of the clock, and of this process' processor time, per read of a session with its user: median
[quartiles] over interleaved rounds. Each round reads distinct sessions, so many at a time, over as many connections.
"throughput": reads per second, asyncpg's pool (acquire, fetch, release; rows unread) being 1; medians of rounds.
"without resetting": the same pool, spared the statement with which it resets each connection it takes back.
"""
CONNECTIONS = 10
AT_A_TIME = 64

Read = Callable[[str], Awaitable[object]]
Sample = tuple[float, float]


def _lane(read: Read, tokens: list[str]) -> Callable[[], Awaitable[Sample]]:
    """Read all of them, AT_A_TIME at once; gives microseconds on the clock and of processor time per read."""

    async def reading(mine: list[str]) -> None:
        for token in mine:
            if await read(token) is None:
                raise RuntimeError("a session is gone")

    async def run() -> Sample:
        wall, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(reading(tokens[start::AT_A_TIME]) for start in range(AT_A_TIME)))
        passed = time.perf_counter() - wall, time.process_time() - cpu
        return passed[0] / len(tokens) * 1e6, passed[1] / len(tokens) * 1e6

    return run


async def _tokens(auth: Auth, *, count: int) -> list[str]:
    """Distinct sessions of as many users."""
    person = await _apps.sign_up(auth)
    engine, now = auth.services.engine, auth.services.clock()
    model = await engine.session_storage.find_with_user(person.token)
    if model is None:
        raise RuntimeError("who has just signed up has no session")
    tokens = [generate_id(32) for _ in range(count)]
    async with engine.transaction():
        for number, token in enumerate(tokens):
            user = {**{name: getattr(model.user, name) for name in model.user.__struct_fields__}, "id": generate_id()}
            user["email"] = f"{number}@example.com"
            session = {name: getattr(model.session, name) for name in model.session.__struct_fields__}
            session |= {"id": generate_id(), "token": token, "user_id": user["id"], "created_at": now}
            await engine.users.add(engine.users.record(**user))
            await engine.sessions.add(engine.sessions.record(**session))
    return tokens


async def _leave(connection: object) -> None:
    """Reset nothing."""


@asynccontextmanager
async def _pool(url: str, sql: str, **options: object) -> AsyncIterator[Read]:
    """The same select on asyncpg's pool, as its documentation uses it."""
    async with asyncpg.create_pool(url, min_size=CONNECTIONS, max_size=CONNECTIONS, **options) as pool:
        yield lambda token: pool.fetchrow(sql, token)


POOLS = {"asyncpg's pool": {}, "asyncpg's pool, without resetting": {"reset": _leave}}


async def measure(report: Report, name: str, url: str, *, count: int, rounds: int) -> None:
    """Read sessions of one database, ours beside the driver's pool where it has one."""
    async with AsyncExitStack() as stack:
        auth = _apps.build_auth(url)
        await stack.enter_async_context(auth.lifespan())
        tokens = await _tokens(auth, count=count)
        find = auth.services.engine.session_storage.find_with_user
        lanes = {"ours": _lane(find, tokens)}
        if name == "postgres":
            with auth.services.engine.recorded() as recorded:
                await find(tokens[0])
            for title, options in POOLS.items():
                pool = await stack.enter_async_context(_pool(url, recorded[0], **options))
                lanes[title] = _lane(pool, tokens)
        samples = await interleave(lanes, rounds=rounds)
    walls = {lane: Spread.of([wall for wall, _ in found]) for lane, found in samples.items()}
    for lane, found in samples.items():
        row = {"database": name, "read by": lane, "clock": walls[lane], "cpu": Spread.of([cpu for _, cpu in found])}
        report.rows.append({**row, "reads/s": 1e6 / walls[lane].median})
    if name == "postgres":
        for goal, title in zip(GOALS, POOLS, strict=True):
            report.figures[goal.figure] = walls[title].median / walls["ours"].median


async def main() -> int:
    """Run it all."""
    options = options_of(__doc__)
    _apps.quieten()
    pace = {"count": 64, "rounds": 3} if options.quick else {"count": 1920, "rounds": 20}
    report = Report(benchmark="cold_reads", explanation=EXPLANATION, is_quick=options.quick)
    async with empty_databases() as urls:
        for name, url in urls.items():
            await measure(report, name, url, **pace)
    return report.finish(options, [goal for goal in GOALS if goal.figure in report.figures])


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))

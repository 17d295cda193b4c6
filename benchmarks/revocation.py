"""How soon a session that one process revokes is refused by all others that know it."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import aiosqlite
import asyncpg

from benchmarks import _apps
from benchmarks._databases import empty_databases, empty_redis
from benchmarks._measure import Goal, Report, options_of, percentile
from benchmarks._watcher import Watcher, build, watchers

OTHERS = 4
PAUSE = 0.02
GOALS = tuple(
    Goal(figure=f"{where}, {by}: refused by all, p99", unit="ms", at_most=100)
    for where in ("postgres", "postgres and redis")
    for by in ("revoked", "deleted by another program")
)
EXPLANATION = """
One process revokes sessions one after another, 20 ms apart, as signing out does; then as many rows are deleted
over a connection that knows nothing of us. Four other processes, each an Auth of its own on the same database, know
all of these sessions beforehand: asked for, none costs a statement. Each asks for the next one that will go, through
its wrapped application, about every millisecond until it is refused. Milliseconds from the moment just before the
revocation was asked for until the last of the four has refused it, by the clock that all processes of a machine share;
"returned": until whoever asked for it was told that it is done; "one": until any one of the four has refused it.
"SQL": statements of a watcher per session, one of which is the look in the database after it was dropped.
"""

Revoke = Callable[[_apps.Person], Awaitable[object]]
Place = dict[str, str]


@asynccontextmanager
async def _foreign(url: str) -> AsyncIterator[Revoke]:
    """Deletes a session's row as any program could."""
    sql = 'DELETE FROM "session" WHERE token = '
    if url.startswith("sqlite"):
        async with aiosqlite.connect(url.removeprefix("sqlite:///"), timeout=60, isolation_level=None) as sqlite:
            yield lambda person: sqlite.execute(f"{sql}?", [person.token])
        return
    connection = await asyncpg.connect(url)
    try:
        yield lambda person: connection.execute(f"{sql}$1", person.token)
    finally:
        await connection.close()


async def _revoke_all(revoke: Revoke, people: Sequence[_apps.Person]) -> list[tuple[float, float]]:
    """When each was asked for, and when that was done."""
    moments = []
    for person in people:
        asked = time.monotonic()
        await revoke(person)
        moments.append((asked, time.monotonic()))
        await asyncio.sleep(PAUSE)
    return moments


async def _warm(others: Sequence[Watcher], place: Place, people: Sequence[_apps.Person]) -> None:
    cookies = [person.cookie()[1].decode() for person in people]
    for other in others:
        await other.know(place, cookies)
    for other in others:
        await other.is_ready()


async def measure(report: Report, where: str, place: Place, *, count: int) -> None:
    """Both ways of revoking in one place, seen by the same processes."""
    auth = build(place)
    async with auth.lifespan(), _foreign(place["url"]) as delete, watchers(OTHERS) as others:
        people = await _apps.add_people(auth, count=2 * count)
        await _warm(others, place, people)
        revoke = auth.services.sessions.revoke_token
        moments = await _revoke_all(lambda person: revoke(person.token), people[:count])
        moments += await _revoke_all(delete, people[count:])
        seen = [await other.refusals() for other in others]
    for by, part in (("revoked", slice(count)), ("deleted by another program", slice(count, None))):
        _add(report, where, by, moments[part], [(each.at[part], each.statements) for each in seen])


def _add(
    report: Report,
    where: str,
    by: str,
    moments: Sequence[tuple[float, float]],
    seen: Sequence[tuple[Sequence[float], float]],
) -> None:
    began, returned = ([moment[end] for moment in moments] for end in (0, 1))
    by_each = [[(at - asked) * 1e3 for at, asked in zip(times, began, strict=True)] for times, _ in seen]
    by_all = [max(times) for times in zip(*by_each, strict=True)]
    any_one = [time for times in by_each for time in times]
    done = [(end - asked) * 1e3 for end, asked in zip(returned, began, strict=True)]
    p99 = percentile(by_all, 99)
    report.figures[f"{where}, {by}: refused by all, p99"] = p99
    report.rows.append(
        {
            "where": where,
            "how": by,
            "sessions": len(by_all),
            "p50": percentile(by_all, 50),
            "p99": p99,
            "max": max(by_all),
            "one p50": percentile(any_one, 50),
            "one p99": percentile(any_one, 99),
            "returned p50": percentile(done, 50),
            "returned p99": percentile(done, 99),
            "SQL": sum(statements for _, statements in seen) / len(seen),
        }
    )


async def main() -> int:
    """Run it all."""
    options = options_of(__doc__)
    _apps.quieten()
    count = 15 if options.quick else 1000
    report = Report(benchmark="revocation", explanation=EXPLANATION, is_quick=options.quick)
    async with empty_databases() as urls, empty_redis() as redis:
        for name, url in urls.items():
            await measure(report, name, {"url": url}, count=count)
        if redis is not None and "postgres" in urls:
            place = {"url": urls["postgres"], "redis": redis["url"], "prefix": redis["prefix"]}
            await measure(report, "postgres and redis", place, count=count)
    return report.finish(options, [goal for goal in GOALS if goal.figure in report.figures])


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))

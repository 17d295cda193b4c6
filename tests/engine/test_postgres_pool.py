"""The pool of connections to Postgres: so many at most, none given on while in doubt, none lost."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from asgi_auth import Unavailable
from asgi_auth.engine.postgres_pool import PostgresPool
from asgi_auth.infrastructure.circuit_breaker import CircuitBreaker
from asgi_auth.infrastructure.metrics import NoMetrics

PATIENCE = 60
SIZE = 2


def soon():
    return asyncio.get_running_loop().time() + PATIENCE


@pytest.fixture
async def make_pool(postgres_url):
    made = []

    async def connect(seconds):
        return await asyncpg.connect(postgres_url, timeout=seconds)

    async def probe():
        pass

    def make(**options):
        breaker = CircuitBreaker("database", probe=probe, timeout=PATIENCE, metrics=NoMetrics())
        options = {"size": SIZE, "patience": PATIENCE, "grace": PATIENCE, **options}
        pool = PostgresPool(connect, breaker=breaker, **options)
        made.append(pool)
        return pool

    yield make
    for pool in made:
        await pool.close()


@pytest.fixture
def pool(make_pool):
    return make_pool()


async def everybody(pool):
    """The processes that serve the pool's connections, all taken at once."""
    async with asyncio.timeout(PATIENCE):
        taken = [await pool.take(soon()) for _ in range(SIZE)]
    for connection in taken:
        pool.give(connection)
    return {connection.get_server_pid() for connection in taken}


async def cancelled_during(pool, statement):
    """Cancel somebody's statement; where the server hears of it too early, the statement runs to its end."""
    connection = await pool.take(soon())

    async def run():
        try:
            await connection.fetch(statement)
        except BaseException as error:
            pool.give_after(connection, error)
            raise

    task = asyncio.create_task(run())
    for _ in range(5):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_connection_that_was_given_back_is_the_next_one_taken(pool):
    first = await pool.take(soon())
    pool.give(first)
    assert await pool.take(soon()) is first
    pool.give(first)


async def test_no_more_than_so_many_are_open_and_who_waits_in_vain_is_told(pool):
    taken = [await pool.take(soon()) for _ in range(SIZE)]
    with pytest.raises(TimeoutError):
        await pool.take(asyncio.get_running_loop().time() + 0.05)
    for connection in taken:
        pool.give(connection)
    assert await everybody(pool) == {connection.get_server_pid() for connection in taken}


async def test_whoever_is_cancelled_while_waiting_takes_none_along(pool):
    taken = [await pool.take(soon()) for _ in range(SIZE)]
    waiting = [asyncio.create_task(pool.take(soon())) for _ in range(10)]
    await asyncio.sleep(0)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    for connection in taken:
        pool.give(connection)
    assert len(await everybody(pool)) == SIZE
    assert pool.taken == 0


async def test_a_cancelled_statement_ends_before_its_connection_goes_on(pool):
    before = await everybody(pool)
    for _ in range(20):
        await cancelled_during(pool, "SELECT pg_sleep(0.2), 'mine'")
        connection = await pool.take(soon())
        assert await connection.fetchval("SELECT 'yours'") == "yours"
        pool.give(connection)
    assert await everybody(pool) == before


async def test_a_connection_within_a_transaction_is_given_to_nobody(pool):
    connection = await pool.take(soon())
    await connection.execute("BEGIN")
    pool.give(connection)
    assert connection.is_closed()
    assert len(await everybody(pool)) == SIZE


async def test_what_the_server_answers_keeps_the_connection(pool):
    for statement, values in [("SELECT 1 / 0", ()), ("SELECT $1::text", ("\0",)), ("SELECT $1::int", ("x",))]:
        connection = await pool.take(soon())
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError)) as caught:
            await connection.fetch(statement, *values)
        pool.give_after(connection, caught.value)
        assert not connection.is_closed()
    assert len(await everybody(pool)) == SIZE


async def test_a_connection_that_has_not_answered_is_ended_and_so_are_the_idle_ones(pool):
    before = await everybody(pool)
    connection = await pool.take(soon())
    with pytest.raises(TimeoutError) as caught:
        await connection.fetch("SELECT pg_sleep(600)", timeout=0.05)
    pool.give_after(connection, caught.value)
    assert not before & await everybody(pool)


async def test_connections_that_nobody_has_used_for_long_are_not_trusted(make_pool):
    pool = make_pool(kept=0.05)
    before = await everybody(pool)
    await asyncio.sleep(0.1)
    assert not before & await everybody(pool)


async def test_closing_waits_for_those_at_work_and_lets_nobody_in(pool):
    connection = await pool.take(soon())
    closing = asyncio.create_task(pool.close())
    await asyncio.sleep(0)
    with pytest.raises(Unavailable):
        await pool.take(soon())
    assert await connection.fetchval("SELECT 1") == 1
    pool.give(connection)
    async with asyncio.timeout(PATIENCE):
        await closing
    assert connection.is_closed()


async def test_closing_ends_those_who_do_not_come_to_an_end(make_pool):
    pool = make_pool(grace=0.05)
    connection = await pool.take(soon())
    async with asyncio.timeout(PATIENCE):
        await pool.close()
    assert connection.is_closed()

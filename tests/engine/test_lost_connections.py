"""Connections that Postgres has closed: reads are tried again on a fresh one, writes never."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import asyncpg
import pytest

from asgi_auth import Unavailable
from tests.support import ADA

PATIENCE = 60


@pytest.fixture
def auth(make_auth, postgres_url):
    return make_auth(database=postgres_url)


@pytest.fixture
async def ada(auth):
    return await auth.services.passwords.sign_up(ADA["email"], ADA["password"], ADA["name"])


def end_connections(url):
    """End all connections to a database before our event loop has a chance to notice: it stands still meanwhile."""
    with ThreadPoolExecutor(max_workers=1) as thread:
        assert thread.submit(asyncio.run, _end_connections(url)).result() > 0


async def _end_connections(url):
    connection = await asyncpg.connect(url)
    others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    try:
        ended = await connection.fetch(f"SELECT pg_terminate_backend(pid) {others}")
        async with asyncio.timeout(PATIENCE):
            while await connection.fetchval(f"SELECT count(*) {others}"):  # noqa: ASYNC110  (another process)
                await asyncio.sleep(0.01)
    finally:
        await connection.close()
    return len(ended)


async def open_connections(engine, count):
    """Have so many connections in the pool."""
    barrier = asyncio.Barrier(count)

    async def use():
        async with engine.transaction():
            await barrier.wait()

    await asyncio.gather(*(use() for _ in range(count)))


async def test_reads_whose_connections_are_gone_are_answered(auth, ada, postgres_url):
    engine = auth.services.engine
    await open_connections(engine, 10)
    for _ in range(5):
        end_connections(postgres_url)
        reads = [engine.session_storage.find_with_user(ada.session.token) for _ in range(30)]
        reads += [engine.users.list(id=ada.user.id) for _ in range(10)]
        *found, listed = await asyncio.gather(*reads)
        assert {live.user.id for live in found[:30]} == {ada.user.id}
        assert listed == [ada.user]


async def test_a_read_that_is_tried_again_counts_once(auth, ada, postgres_url):
    engine = auth.services.engine
    end_connections(postgres_url)
    with engine.recorded() as statements:
        assert await engine.users.find(id=ada.user.id) == ada.user
    assert len(statements) == 1


async def test_a_write_whose_connection_is_gone_is_a_fault_and_not_made_twice(auth, ada, postgres_url):
    users = auth.services.engine.users
    end_connections(postgres_url)
    with pytest.raises(Unavailable):
        await users.change({"id": ada.user.id}, name="Grace")
    assert (await users.find(id=ada.user.id)).name == ADA["name"]
    assert (await users.change({"id": ada.user.id}, name="Hedy")).name == "Hedy"


async def test_a_read_within_a_transaction_is_not_tried_again(auth, ada, postgres_url):
    engine = auth.services.engine

    async def lose_what_was_written():
        async with engine.transaction():
            await engine.users.change({"id": ada.user.id}, name="Grace")
            end_connections(postgres_url)
            await engine.users.find(id=ada.user.id)

    with pytest.raises(Unavailable):
        await lose_what_was_written()
    assert (await engine.users.find(id=ada.user.id)).name == ADA["name"]


async def test_a_transaction_that_the_server_has_undone_is_not_reported_as_done(auth, ada):
    engine = auth.services.engine

    async def clash_and_go_on():
        async with engine.transaction():
            await engine.users.change({"id": ada.user.id}, name="Grace")
            with pytest.raises(Unavailable):
                await engine._executor.run_text("SELECT 1 / 0")

    with pytest.raises(Unavailable):
        await clash_and_go_on()
    assert (await engine.users.find(id=ada.user.id)).name == ADA["name"]

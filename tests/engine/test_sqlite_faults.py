"""SQLite files that cannot be used: a fault, never a verdict, and nothing left running."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from asgi_auth import Unavailable
from asgi_auth.engine.sqlite_backend import PooledConnection
from asgi_auth.engine.sqlite_pool import SQLiteConnection, SQLitePool
from tests.contracts.rows import query
from tests.support import ADA

PATIENCE = 10


async def threads_left(before):
    """Threads of connections that were not there before, once the dying ones have had their time."""
    new = {thread for thread in threading.enumerate() if not thread.name.startswith("asyncio_")} - before
    for thread in new:
        await asyncio.to_thread(thread.join, PATIENCE)
    return {thread for thread in new if thread.is_alive()}


@pytest.fixture(params=["in a folder that is not there", "a folder", "not a database"])
def unusable_url(request, tmp_path: Path):
    path = tmp_path / "app.sqlite"
    match request.param:
        case "a folder":
            path.mkdir()
        case "not a database":
            path.write_bytes(b"this is not a database " * 100)
        case _:
            path = tmp_path / "nowhere" / "app.sqlite"
    return f"sqlite:///{path}"


async def test_a_file_that_cannot_be_used_is_unavailable(make_auth, unusable_url):
    auth = make_auth(database=unusable_url)
    with pytest.raises(Unavailable):
        await auth.services.users.find("anybody")
    assert (await auth.services.ping())["database"] in {"Unavailable", "TimeoutError"}


async def test_a_file_that_cannot_be_used_leaves_no_thread_behind(make_auth, unusable_url):
    before = set(threading.enumerate())
    with pytest.raises(Unavailable):
        await make_auth(database=unusable_url).services.users.find("anybody")
    assert not await threads_left(before)


@pytest.mark.parametrize("path", ["/nowhere/app.sqlite", "/"])
async def test_an_opening_that_failed_has_ended_its_thread(path):
    before = threading.enumerate()
    with pytest.raises(sqlite3.Error):
        await SQLiteConnection.open(path, patience=1)
    new = [thread for thread in threading.enumerate() if thread not in before]
    assert [thread.name for thread in new if not thread.name.startswith("asyncio_")] == []


async def test_a_file_that_becomes_usable_is_used(make_auth, tmp_path):
    auth = make_auth(database=f"sqlite:///{tmp_path}/later/app.sqlite")
    with pytest.raises(Unavailable):
        await auth.services.users.find("anybody")
    (tmp_path / "later").mkdir()
    assert await auth.services.users.find("anybody") is None


def spoil(path):
    path.write_bytes(path.read_bytes()[:4096] + b"\0\xff" * 8192)


async def test_a_file_spoilt_while_it_is_in_use_lets_nobody_in(make_auth, sqlite_url):
    auth = make_auth(database=sqlite_url)
    signed_up = await auth.services.passwords.sign_up(ADA["email"], ADA["password"], ADA["name"])
    await auth.services.close()
    spoil(Path(sqlite_url.removeprefix("sqlite:///")))
    with pytest.raises(Unavailable):
        await auth.services.sessions.get_session(signed_up.session.token)


async def test_closing_ends_every_thread(make_auth, sqlite_url):
    before = set(threading.enumerate())
    auth = make_auth(database=sqlite_url)
    await asyncio.gather(*(auth.services.users.find("nobody") for _ in range(20)))
    await auth.services.close()
    assert not await threads_left(before)


async def test_another_program_writing_to_the_file_is_waited_for(make_auth, sqlite_url, clock):
    auth = make_auth(database=sqlite_url)
    other = make_auth(database=sqlite_url)
    await auth.services.start()

    async def sign_up(services, number):
        return await services.passwords.sign_up(f"{number}@example.com", ADA["password"], "Ada")

    services = [auth.services, other.services] * 10
    await asyncio.gather(*(sign_up(of, number) for number, of in enumerate(services)))
    assert await query(sqlite_url, 'SELECT count(*) FROM "user"') == [(20,)]


async def test_a_database_in_memory_serves_many_at_once(make_auth):
    auth = make_auth()
    signed_up = await auth.services.passwords.sign_up(ADA["email"], ADA["password"], ADA["name"])
    token = signed_up.session.token
    found = await asyncio.gather(*(auth.services.sessions.get_session(token) for _ in range(20)))
    assert {live.user.id for live in found} == {signed_up.user.id}


async def test_whoever_ends_after_the_pool_was_closed_and_opened_again_frees_nothing_of_its_new_users(tmp_path):
    pool = SQLitePool(str(tmp_path / "app.sqlite"), readers=1, timeout=0.1)
    await pool.open()
    first = PooledConnection(pool)
    await first.begin()
    await pool.close()
    await pool.open()
    second = PooledConnection(pool)
    await second.begin()
    with suppress(Unavailable):
        await first.rollback()
    try:
        with pytest.raises(Unavailable):
            await PooledConnection(pool).begin()
    finally:
        await second.rollback()
        await pool.close()


async def test_whoever_waits_to_write_while_the_pool_closes_is_told_at_once(tmp_path):
    pool = SQLitePool(str(tmp_path / "app.sqlite"), readers=1, timeout=600)
    await pool.open()
    first = PooledConnection(pool)
    await first.begin()
    closing = asyncio.create_task(pool.close())
    await asyncio.sleep(0)
    waiting = asyncio.create_task(PooledConnection(pool).begin())
    await asyncio.sleep(0)
    await first.rollback()
    async with asyncio.timeout(PATIENCE):
        await closing
        with pytest.raises(Unavailable):
            await waiting
        await pool.close()

"""A PostgreSQL server that stops, freezes, is cut off or restarts under load: the truth or 503, and then as before."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import asyncpg
import pytest

from asgi_auth import DatabaseOptions
from asgi_auth.config import CacheOptions
from tests.engine.gate import Gate
from tests.engine.traffic import traffic


@pytest.fixture(params=["remembering", "remembering nothing"])
def cache(request):
    return CacheOptions(is_enabled=request.param == "remembering")


@pytest.fixture
def private_auth(make_auth, private_url, cache):
    """An Auth as impatient as in production."""
    return make_auth(database=private_url, database_options=DatabaseOptions(), cache=cache)


async def test_a_server_that_stops_and_comes_back(private_auth, server):
    async with traffic(private_auth) as seen:
        await asyncio.to_thread(server.stop)
        try:
            await seen.until_refused()
        finally:
            await asyncio.to_thread(server.start)
        await seen.until_right()
    assert seen.wrong == []


async def test_a_server_that_restarts_again_and_again(private_auth, server):
    async with traffic(private_auth) as seen:
        for _ in range(3):
            await asyncio.to_thread(server.stop)
            await asyncio.to_thread(server.start)
            await seen.until_right()
    assert seen.wrong == []


async def test_a_server_that_freezes_is_answered_for_while_it_still_does(private_auth, server):
    async with traffic(private_auth) as seen:
        server.freeze()
        try:
            await seen.until_refused()
        finally:
            server.thaw()
        await seen.until_right()
    assert seen.wrong == []


@pytest.mark.parametrize("manner", ["with a reset", "in silence"])
async def test_a_server_that_is_cut_off(make_auth, private_url, cache, manner):
    target = urlsplit(private_url)
    gate = Gate((target.hostname, target.port))
    await gate.open()
    url = f"postgresql://postgres@127.0.0.1:{gate.port}{target.path}"
    auth = make_auth(database=url, database_options=DatabaseOptions(), cache=cache)
    try:
        async with traffic(auth) as seen:
            await (gate.shut() if manner == "with a reset" else gate.silence())
            await seen.until_refused()
            await gate.open()
            await seen.until_right()
        assert seen.wrong == []
    finally:
        await auth.services.close()
        await gate.shut()


async def test_connections_that_the_server_ends_cost_no_answer(make_auth, private_url, server, cache):
    async with traffic(make_auth(database=private_url, cache=cache)) as seen:
        for _ in range(20):
            await end_connections(server.url)
            await seen.until_right()
    assert seen.counts["wrong"] == seen.counts["503"] == 0
    assert seen.counts["right"] > 0


async def end_connections(url):
    connection = await asyncpg.connect(url)
    try:
        await connection.fetch("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")
    finally:
        await connection.close()

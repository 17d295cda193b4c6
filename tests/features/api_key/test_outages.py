"""The database is away: nobody is told that a key is bad, and no use is forgotten."""

from __future__ import annotations

import asyncio

import pytest

from asgi_auth import DatabaseOptions, Protect, Unavailable
from asgi_auth.features.api_key import ApiKeys
from tests.features.api_key.rows import add_key, keys_of, new_key, tell, verify
from tests.features.api_key.test_source import told, with_key
from tests.support import browser, eventually


@pytest.fixture
def auth(make_auth, private_url):
    return make_auth(database=private_url, database_options=DatabaseOptions(), features=[ApiKeys()])


async def test_a_key_that_nobody_can_judge_is_answered_503(auth, server):
    key = await new_key(auth)
    async with browser(auth.wrap(Protect(tell))) as client:
        await asyncio.to_thread(server.stop)
        try:
            answers = [await client.get("/", headers=with_key(each)) for each in (key, "x" * 64)]
        finally:
            await asyncio.to_thread(server.start)
        assert [(each.status_code, each.headers["retry-after"]) for each in answers] == [(503, "1")] * 2

        async def is_judged():
            return (await client.get("/", headers=with_key(key))).status_code == 200

        await eventually(is_judged)


async def test_it_counts_as_no_unknown_key(make_auth, private_url, server):
    auth = make_auth(database=private_url, database_options=DatabaseOptions(), features=[ApiKeys()])
    key = await new_key(auth)
    async with browser(auth.wrap(tell)) as client:
        await asyncio.to_thread(server.stop)
        try:
            for _ in range(100):
                await client.get("/", headers=with_key("y" * 64))
        finally:
            await asyncio.to_thread(server.start)

        async def is_judged():
            return (await client.get("/", headers=with_key(key))).status_code == 200

        await eventually(is_judged)
        assert (await told(client, "z" * 64))["error"] == "INVALID_API_KEY"


async def test_what_was_counted_before_is_written_after(auth, server):
    key = await new_key(auth, rate_limit_max=1_000)
    for _ in range(25):
        await verify(auth, key)
    await asyncio.to_thread(server.stop)
    await asyncio.sleep(1.5)  # a batch that fails
    await asyncio.to_thread(server.start)

    async def is_written():
        try:
            row = await keys_of(auth).find(id=key.id)
        except Unavailable:
            return False
        return row.request_count == 25

    await eventually(is_written)
    other = await add_key(auth, key.owner_id, remaining=1)
    assert (await verify(auth, other)).remaining == 0

"""Counters that are not where a request comes in: in the row, in another process, in what was read long ago."""

from __future__ import annotations

import asyncio

import pytest

from asgi_auth.crypto.tokens import hash_token
from asgi_auth.features.api_key import ApiKeys
from asgi_auth.features.api_key.verification import ApiKeyVerifier
from tests.features.api_key.rows import add_key, new_key, person, service, written
from tests.features.api_key.test_rate_limits import let_through
from tests.support import eventually


@pytest.fixture
def auth(make_auth, database_url):
    return make_auth(database=database_url, features=[ApiKeys()])


async def test_what_is_no_longer_remembered_of_a_key_is_read_anew(auth, monkeypatch):
    monkeypatch.setattr("asgi_auth.features.api_key.usage.MOST_METERS", 1)
    key = await new_key(auth, rate_limit_max=10)
    assert await let_through(auth, key, 15) == 10
    await written(auth, key)
    await let_through(auth, await add_key(auth, key.owner_id, rate_limit_max=10), 1)
    assert await let_through(auth, key, 15) == 0


async def test_what_another_process_has_remembered_of_a_key_says_nothing_of_its_use(make_auth, database_url, redis_url):
    auths = [make_auth(database=database_url, redis=redis_url, features=[ApiKeys()], is_compatible=True) for _ in "ab"]
    owner = await person(auths[0])
    cache = auths[0].services.get(ApiKeyVerifier)._lookup._cache

    keys = []

    async def is_shared():
        keys.append(await add_key(auths[0], owner, rate_limit_max=10))
        assert await let_through(auths[0], keys[-1], 12) == 10
        await cache.close()
        return await cache._read_shared(hash_token(keys[-1].text)) is not None

    await eventually(is_shared)  # not everybody attends yet
    key = keys[-1]
    await written(auths[0], key)
    await auths[1].services.start()
    there = auths[1].services.get(ApiKeyVerifier)._lookup._cache

    async def is_shared_there():
        return there._may_remember and await there._read_shared(hash_token(key.text)) is not None

    await eventually(is_shared_there)
    assert await let_through(auths[1], key, 15) == 0


async def test_a_key_is_not_forgotten_while_its_use_is_written(auth, monkeypatch):
    monkeypatch.setattr("asgi_auth.features.api_key.usage.MOST_METERS", 1)
    key = await new_key(auth, rate_limit_max=10)
    other = await add_key(auth, key.owner_id, rate_limit_max=10)
    writer = auth.services.get(ApiKeyVerifier).usage.writer
    write_one, begun, goes_on = writer._write_one, asyncio.Event(), asyncio.Event()

    async def slow(meter, uncounted):
        begun.set()
        await goes_on.wait()
        return await write_one(meter, uncounted)

    assert await let_through(auth, key, 15) == 10
    monkeypatch.setattr(writer, "_write_one", slow)
    writing = asyncio.create_task(writer.flush())
    await begun.wait()
    try:
        assert await let_through(auth, other, 1) == 1
        usage = auth.services.get(ApiKeyVerifier).usage
        assert usage.shown(await service(auth).get_api_key(key.id)).request_count == 10
    finally:
        goes_on.set()
        await writing


@pytest.mark.parametrize("first", [0, 1])
async def test_any_answer_shows_what_all_processes_have_counted(make_auth, database_url, clock, first):
    auths = [make_auth(database=database_url, features=[ApiKeys()]) for _ in range(2)]
    key = await new_key(auths[0], rate_limit_max=100)
    await let_through(auths[0], key, 5)
    await written(auths[0], key)
    for auth, requests in ((auths[first], 3), (auths[1 - first], 1)):
        clock.advance(seconds=1)
        await let_through(auth, key, requests)
        if auth is auths[1]:
            await written(auth, key)
    shown = await service(auths[0]).get_api_key(key.id)
    assert (shown.request_count, shown.last_request) == (9, clock())
    assert (await written(auths[0], key)).request_count == 9

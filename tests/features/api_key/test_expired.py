"""Keys that have ended are deleted beside the requests, every 10 seconds at most."""

from __future__ import annotations

from datetime import timedelta

import pytest

from asgi_auth.features.api_key import ApiKeys
from tests.contracts.rows import query
from tests.features.api_key.keys import create, get, person, post, service

DAY = timedelta(days=1)


@pytest.fixture
def keys(auth):
    return service(auth)


async def left(auth, database_url):
    """The names of the keys that are there."""
    await service(auth).settle()
    return sorted(name for (name,) in await query(database_url, "SELECT name FROM apikey"))


async def test_what_has_ended_is_deleted_on_demand(keys, clock, auth, database_url):
    await keys.create_api_key("ada", name="day", lifetime=DAY)
    await keys.create_api_key("ada", name="week", lifetime=7 * DAY)
    await keys.create_api_key("ada", name="ever")
    assert await keys.delete_all_expired() == 0
    clock.advance(days=1, seconds=1)
    assert await keys.delete_all_expired() == 1
    assert await left(auth, database_url) == ["ever", "week"]


@pytest.mark.parametrize(
    "asking",
    [
        lambda client, _: create(client, name="new"),
        lambda client, key_id: get(client, "get", id=key_id),
        lambda client, _: get(client, "list"),
        lambda client, key_id: post(client, "update", keyId=key_id, name="old"),
        lambda client, _: post(client, "delete", keyId="unknown"),
    ],
    ids=["create", "get", "list", "update", "delete"],
)
async def test_whoever_asks_has_it_done(ada, auth, clock, database_url, asking):
    await create(ada, name="day", expiresIn=86_400)
    old = await create(ada, name="old")
    await service(auth).settle()
    clock.advance(days=1, seconds=1)
    await asking(ada, old["id"])
    assert "day" not in await left(auth, database_url)


async def test_not_more_often_than_every_ten_seconds(ada, auth, clock, database_url):
    await create(ada, name="first", expiresIn=86_400)
    clock.advance(seconds=5)
    await create(ada, name="second", expiresIn=86_400)
    clock.advance(days=1, seconds=-4)
    await get(ada, "list")
    assert await left(auth, database_url) == ["second"]
    clock.advance(seconds=9)
    await get(ada, "list")
    assert await left(auth, database_url) == ["second"], "it has been 9 seconds"
    clock.advance(seconds=1)
    await get(ada, "list")
    assert await left(auth, database_url) == []


async def test_more_than_one_statement_takes_are_deleted_all(keys, clock, monkeypatch):
    monkeypatch.setattr("asgi_auth.features.api_key.expired.PURGE_STEP", 2)
    for _ in range(5):
        await keys.create_api_key("ada", lifetime=DAY)
    clock.advance(days=1, seconds=1)
    assert await keys.delete_all_expired() == 5


async def test_closing_waits_for_it(make_auth, sqlite_url, clock):
    auth = make_auth(database=sqlite_url, features=[ApiKeys()])
    async with person(auth) as eve:
        await create(eve, expiresIn=86_400)
        clock.advance(days=2)
        await service(auth).list_api_keys("nobody")
    await auth.services.close()
    assert await query(sqlite_url, "SELECT id FROM apikey") == []

"""Keys that live in Redis, in Better Auth's form."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import pytest

from asgi_auth import ConfigurationError, RateLimit, RedisOptions
from asgi_auth.features.api_key import ApiKeyOptions, ApiKeys
from asgi_auth.features.api_key.errors import (
    ApiKeyDisabled,
    ApiKeyNotFound,
    ApiKeyRateLimited,
    InvalidApiKey,
    UsageExceeded,
)
from asgi_auth.features.api_key.verification import ApiKeyVerifier
from tests.features.api_key.rows import person, service, tell, verify
from tests.features.api_key.test_rate_limits import let_through
from tests.features.api_key.test_source import told
from tests.support import browser

PATIENT = RedisOptions(timeout=timedelta(seconds=5))

FOUND = {
    "configId": "default",
    "createdAt": "2026-11-22T12:00:00.123Z",
    "updatedAt": "2026-11-22T12:00:00.123Z",
    "name": None,
    "prefix": None,
    "start": "lNmqwQ",
    "enabled": True,
    "expiresAt": None,
    "lastRefillAt": None,
    "lastRequest": None,
    "metadata": {"a": 1},
    "rateLimitMax": 3,
    "rateLimitTimeWindow": 60000,
    "remaining": None,
    "refillAmount": None,
    "refillInterval": None,
    "rateLimitEnabled": True,
    "requestCount": 0,
    "permissions": '{"f":["r"]}',
    "id": "mxlfSs0h46oeKK2cb0Fl76O8CjppMr3O",
}
"""A row as a Better Auth server has written it."""


@pytest.fixture
def make(make_auth, database_url, redis_url):
    features = ApiKeys(ApiKeyOptions(allows_metadata=True), storage="secondary")
    return lambda **options: make_auth(
        database=database_url, redis=redis_url, redis_options=PATIENT, features=[features], **options
    )


@pytest.fixture
def auth(make):
    return make()


@pytest.fixture
def held(auth):
    """Asks Redis for a value as it is."""

    async def get(name):
        value = await auth.services.remembering.redis.command("GET", name)
        return None if value is None else json.loads(value)

    return get


async def create(auth, owner=None, **wanted):
    return await service(auth).create_api_key(owner or await person(auth), **wanted)


async def test_a_key_is_held_as_better_auth_holds_it(auth, held):
    made = await create(auth, name="one", metadata={"a": [1]}, permissions={"f": ["r"]})
    stored = (await held(f"api-key:by-id:{made.id}"))["key"]
    row = await held(f"api-key:{stored}")
    assert row == await held(f"api-key:by-id:{made.id}")
    assert (row["permissions"], row["metadata"], row["name"]) == ('{"f":["r"]}', {"a": [1]}, "one")
    assert (row["createdAt"], row["expiresAt"], row["enabled"]) == (made.created_at.iso(), None, True)
    assert row.keys() == FOUND.keys() | {"key", "referenceId"}
    assert await held(f"api-key:by-ref:{made.reference_id}") == [made.id]
    assert made.key not in json.dumps(row)
    rows = await auth.services.engine._executor.run_text("SELECT COUNT(*) FROM apikey")
    assert rows[0][0] == 0


async def test_a_key_of_a_better_auth_server_is_good(auth):
    owner, text = await person(auth), "l" * 64
    stored = ApiKeyOptions().stored(text)
    row = json.dumps(FOUND | {"key": stored, "referenceId": owner})
    redis = auth.services.remembering.redis
    for name in (f"api-key:{stored}", f"api-key:by-id:{FOUND['id']}"):
        await redis.command("SET", name, row)
    await redis.command("SET", f"api-key:by-ref:{owner}", json.dumps([FOUND["id"]]))
    found = await verify(auth, text, required_permissions={"f": ["r"]})
    assert (found.id, found.metadata, found.rate_limit_max) == (FOUND["id"], {"a": 1}, 3)
    assert [key.id for key in (await service(auth).list_api_keys(owner)).keys] == [FOUND["id"]]
    assert await let_through(auth, text, 5) == 2


async def test_it_can_be_managed(auth, held):
    first = await create(auth, name="a")
    second = await create(auth, first.reference_id, name="b")
    keys = service(auth)
    assert (await keys.get_api_key(first.id)).name == "a"
    with pytest.raises(ApiKeyNotFound):
        await keys.get_api_key(first.id, owner_id="somebody else")
    listed = await keys.list_api_keys(first.reference_id, sort_by="name", is_descending=True, limit=1)
    assert (listed.total, [key.name for key in listed.keys]) == (2, ["b"])
    assert (await keys.update_api_key(first.id, name="c")).name == "c"
    await keys.revoke_api_key(first.id)
    with pytest.raises(ApiKeyDisabled):
        await verify(auth, first.key)
    await keys.delete_api_key(first.id)
    with pytest.raises(ApiKeyNotFound):
        await keys.delete_api_key(first.id)
    with pytest.raises(InvalidApiKey):
        await verify(auth, first.key)
    assert await held(f"api-key:by-ref:{first.reference_id}") == [second.id]
    await keys.delete_api_key(second.id)
    assert await held(f"api-key:by-ref:{first.reference_id}") is None


async def test_what_anybody_changes_there_is_believed_at_once(make):
    auths = [make() for _ in range(2)]
    made = await create(auths[0])
    async with browser(auths[1].wrap(tell)) as client:
        assert (await told(client, made.key))["key"] == made.id
        await service(auths[0]).update_api_key(made.id, enabled=False)
        assert (await told(client, made.key))["error"] == "KEY_DISABLED"


async def test_its_use_is_counted_there(auth, held, clock):
    made = await create(auth)
    for _ in range(5):
        await verify(auth, made.key)
    assert (await service(auth).get_api_key(made.id)).request_count == 5
    await auth.services.get(ApiKeyVerifier).usage.writer.flush()
    row = await held(f"api-key:by-id:{made.id}")
    assert (row["requestCount"], row["lastRequest"]) == (5, clock().iso())


async def test_of_50_at_once_exactly_as_many_are_let_through_as_remain(auth):
    made = await create(auth, remaining=20)
    results = await asyncio.gather(*(verify(auth, made.key) for _ in range(50)), return_exceptions=True)
    assert sorted(each.remaining for each in results if not isinstance(each, Exception)) == list(range(20))
    assert {type(each) for each in results if isinstance(each, Exception)} <= {UsageExceeded, InvalidApiKey}


async def test_a_limit_holds_over_processes(make):
    auths = [make() for _ in range(2)]
    made = await create(auths[0], rate_limit=RateLimit(10, timedelta(minutes=1)))
    results = await asyncio.gather(*(verify(auth, made.key) for auth in auths * 10), return_exceptions=True)
    assert sum(not isinstance(each, Exception) for each in results) == 10
    assert {type(each) for each in results if isinstance(each, Exception)} == {ApiKeyRateLimited}


async def test_what_ends_is_dropped_by_redis(auth):
    made = await create(auth, lifetime=timedelta(days=2))
    redis = auth.services.remembering.redis
    left = await redis.command("PTTL", f"api-key:by-id:{made.id}")
    assert timedelta(days=1, hours=23) < timedelta(milliseconds=left) <= timedelta(days=2)
    await service(auth).update_api_key(made.id, lifetime=None)
    assert await redis.command("PTTL", f"api-key:by-id:{made.id}") == -1


async def test_the_keys_of_a_deleted_user_are_gone(auth, held):
    made = await create(auth)
    await auth.services.deletions.delete(made.reference_id)
    assert await held(f"api-key:by-id:{made.id}") is None
    assert await held(f"api-key:by-ref:{made.reference_id}") is None


@pytest.mark.parametrize(
    "value",
    [
        *("", "null", "[]", "{", '{"id":5}', '{"permissions":"x"}', '{"permissions":"5"}', '{"permissions":[1]}'),
        pytest.param('{"metadata":' * 2_000, id="deep"),
    ],
)
async def test_what_cannot_be_read_is_a_fault(auth, value):
    made = await create(auth)
    redis = auth.services.remembering.redis
    await redis.command("SET", f"api-key:{ApiKeyOptions().stored(made.key)}", value)
    async with browser(auth.wrap(tell)) as client:
        assert (await client.get("/", headers={"x-api-key": made.key})).status_code == 503


def test_without_redis_there_is_no_such_storage(make_auth):
    with pytest.raises(ConfigurationError, match="redis"):
        make_auth(features=[ApiKeys(storage="secondary")])
    with pytest.raises(ConfigurationError):
        ApiKeys(storage="elsewhere")

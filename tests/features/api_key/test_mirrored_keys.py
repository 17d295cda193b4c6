"""Keys in the database, and in Redis beside it for a server that looks there first."""

from __future__ import annotations

import asyncio
import json

import pytest

from asgi_auth import Unavailable
from asgi_auth.features.api_key import ApiKeyOptions, ApiKeys
from asgi_auth.features.api_key.errors import InvalidApiKey, UsageExceeded
from asgi_auth.features.api_key.verification import ApiKeyVerifier
from tests.contracts.rows import query
from tests.features.api_key.rows import costs_nothing, keys_of, person, service, verify
from tests.features.api_key.test_secondary_storage import FOUND, PATIENT, create


@pytest.fixture
def auth(make_auth, database_url, redis_url):
    keys = ApiKeys(ApiKeyOptions(allows_metadata=True), storage="both")
    return make_auth(database=database_url, redis=redis_url, redis_options=PATIENT, features=[keys])


@pytest.fixture
def held(auth):
    async def get(name):
        value = await auth.services.remembering.redis.command("GET", name)
        return None if value is None else json.loads(value)

    return get


async def test_a_key_is_in_both(auth, held):
    made = await create(auth, metadata={"a": 1}, permissions={"f": ["r"]})
    row = await held(f"api-key:by-id:{made.id}")
    assert row == await held(f"api-key:{row['key']}")
    assert (row["permissions"], row["metadata"], row.keys()) == (
        '{"f":["r"]}',
        {"a": 1},
        FOUND.keys() | {"key", "referenceId"},
    )
    assert (await keys_of(auth).find(id=made.id)).key == row["key"]


async def test_a_change_is_in_both(auth, held):
    made = await create(auth)
    await service(auth).revoke_api_key(made.id)
    assert (await held(f"api-key:by-id:{made.id}"))["enabled"] is False
    await service(auth).delete_api_key(made.id)
    assert await held(f"api-key:by-id:{made.id}") is None


async def test_of_many_changes_at_once_the_last_is_in_both(auth, held):
    made = await create(auth, remaining=30)
    results = await asyncio.gather(*(verify(auth, made.key) for _ in range(20)), return_exceptions=True)
    assert not [each for each in results if isinstance(each, Exception)]
    assert (await held(f"api-key:by-id:{made.id}"))["remaining"] == 10
    assert (await keys_of(auth).find(id=made.id)).remaining == 10


async def test_its_use_is_counted_in_both_and_costs_no_read(auth, held):
    made = await create(auth)
    for _ in range(5):
        await verify(auth, made.key)
    await auth.services.get(ApiKeyVerifier).usage.writer.flush()
    assert (await held(f"api-key:by-id:{made.id}"))["requestCount"] == 5
    assert (await keys_of(auth).find(id=made.id)).request_count == 5
    await costs_nothing(auth, lambda: verify(auth, made.key))


async def test_what_is_used_up_is_gone_from_both(auth, held):
    made = await create(auth, remaining=1)
    await verify(auth, made.key)
    with pytest.raises(UsageExceeded):
        await verify(auth, made.key)
    with pytest.raises(InvalidApiKey):
        await verify(auth, made.key)
    assert await held(f"api-key:by-id:{made.id}") is None


async def test_the_keys_of_a_deleted_user_are_gone_from_both(auth, held):
    made = [await create(auth, await person(auth))]
    made += [await create(auth, made[0].reference_id) for _ in range(3)]
    await auth.services.deletions.delete(made[0].reference_id)
    for each in made:
        assert await held(f"api-key:by-id:{each.id}") is None
        assert await keys_of(auth).find(id=each.id) is None


async def test_so_is_one_that_nobody_can_read(auth, held, database_url):
    made = await create(auth, await person(auth))
    await query(database_url, """UPDATE apikey SET metadata = '"\\ud800"'""")
    with pytest.raises(Unavailable):
        await service(auth).get_api_key(made.id)
    assert await auth.services.deletions.delete(made.reference_id)
    assert await held(f"api-key:by-id:{made.id}") is None
    assert await query(database_url, "SELECT id FROM apikey") == []


async def test_without_redis_nothing_is_changed(make_auth, database_url, private_redis):
    auth = make_auth(database=database_url, redis=private_redis.url, features=[ApiKeys(storage="both")])
    made = await create(auth)
    private_redis.stop()
    with pytest.raises(Unavailable):
        await service(auth).revoke_api_key(made.id)
    assert (await keys_of(auth).find(id=made.id)).enabled
    private_redis.start()

"""Verifying API keys: the order of the checks, what is remembered, what a use costs."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from asgi_auth.crypto.tokens import LETTERS, hash_token, random_string
from asgi_auth.features.api_key import ApiKeyOptions, ApiKeys
from asgi_auth.features.api_key.errors import (
    ApiKeyDisabled,
    ApiKeyExpired,
    ApiKeyLacksPermission,
    ApiKeyRateLimited,
    InvalidApiKey,
    InvalidOwner,
    UsageExceeded,
)
from tests.features.api_key.rows import add_key, costs_nothing, keys_of, new_key, person, verify, written
from tests.support import eventually


@pytest.fixture
def auth(make_auth, database_url):
    return make_auth(database=database_url, features=[ApiKeys()])


async def test_a_good_key_is_told_with_its_use_counted(auth, clock):
    key = await new_key(auth, name="backup", permissions={"files": ["read"]}, rate_limit_max=10)
    clock.advance(seconds=5)
    api_key = await verify(auth, key)
    assert (api_key.id, api_key.name, api_key.reference_id) == (key.id, "backup", key.owner_id)
    assert (api_key.request_count, api_key.last_request, api_key.updated_at) == (1, clock(), clock())
    assert not hasattr(api_key, "key")


async def test_a_key_without_a_limit_leaves_only_the_moment_of_its_use(auth, clock):
    key = await new_key(auth)
    clock.advance(seconds=5)
    api_key = await verify(auth, key)
    assert (api_key.request_count, api_key.last_request) == (0, clock())
    assert (await written(auth, key)).last_request == clock()


async def test_a_known_key_costs_no_statement_and_an_unknown_one_a_read(auth):
    key = await new_key(auth, rate_limit_max=100)
    with auth.services.engine.recorded() as first:
        await verify(auth, key)
    assert len(first) == 1

    async def use():
        for _ in range(50):
            await verify(auth, key)

    await costs_nothing(auth, use)


async def test_all_its_use_is_written_in_the_end(auth, clock):
    key = await new_key(auth, rate_limit_max=100)
    for _ in range(30):
        await verify(auth, key)
    clock.advance(seconds=1)
    await verify(auth, key)
    row = await written(auth, key)
    assert (row.request_count, row.last_request, row.updated_at) == (31, clock(), clock())


async def test_what_is_not_written_at_the_end_is_written_then(make_auth, database_url):
    first = make_auth(database=database_url, features=[ApiKeys()])
    key = await new_key(first, rate_limit_max=100)
    for _ in range(7):
        await verify(first, key)
    await first.services.close()
    second = make_auth(database=database_url, features=[ApiKeys()])
    assert (await keys_of(second).find(id=key.id)).request_count == 7


@pytest.mark.parametrize(
    "text", ["", "x", "x" * 63, "x" * 513, "ä" * 64, "\x00" * 64, "a b" * 32, "!" * 64, "\ud800" * 64]
)
async def test_what_cannot_be_a_key_is_looked_for_nowhere(auth, text):
    await person(auth)
    with auth.services.engine.recorded() as statements, pytest.raises(InvalidApiKey):
        await verify(auth, text)
    assert statements == []


async def test_an_unknown_key_is_looked_for_once(auth):
    await person(auth)
    with auth.services.engine.recorded() as statements:
        for _ in range(3):
            with pytest.raises(InvalidApiKey):
                await verify(auth, "x" * 64)
    assert len(statements) == 1


async def test_a_new_key_is_known_at_once_even_if_it_was_tried_before(auth):
    owner, text = await person(auth), random_string(64, LETTERS)
    with pytest.raises(InvalidApiKey):
        await verify(auth, text)
    await add_key(auth, owner, text=text)
    assert (await verify(auth, text)).reference_id == owner


async def test_the_hash_of_a_key_is_no_key(auth):
    key = await new_key(auth)
    stored = (await keys_of(auth).find(id=key.id)).key
    with pytest.raises(InvalidApiKey):
        await verify(auth, stored.ljust(64, "a"))
    with pytest.raises(InvalidApiKey):
        await verify(auth, stored)


async def test_the_hash_is_no_key_either_where_others_are_stored_as_they_are(make_auth, database_url):
    options = ApiKeyOptions(key_length=32), ApiKeyOptions(config_id="plain", key_length=32, hashes_keys=False)
    auth = make_auth(database=database_url, features=[ApiKeys(*options)])
    hashed = await new_key(auth)
    plain = await add_key(auth, hashed.owner_id, config_id="plain", text="p" * 40, key="p" * 40)
    assert (await verify(auth, plain)).config_id == "plain"
    assert (await verify(auth, hashed)).config_id == "default"
    with pytest.raises(InvalidApiKey):
        await verify(auth, hash_token(hashed.text))


async def test_a_key_of_another_configuration_is_unknown_where_one_is_asked_for(make_auth, database_url):
    auth = make_auth(database=database_url, features=[ApiKeys(ApiKeyOptions(), ApiKeyOptions(config_id="other"))])
    key = await new_key(auth, config_id="other")
    assert (await verify(auth, key)).id == key.id
    assert (await verify(auth, key, config_id="other")).id == key.id
    with pytest.raises(InvalidApiKey):
        await verify(auth, key, config_id="default")


async def test_a_key_that_was_switched_off_is_refused(auth):
    key = await new_key(auth, enabled=False)
    with pytest.raises(ApiKeyDisabled):
        await verify(auth, key)


async def test_an_expired_key_is_deleted(auth, clock):
    key = await new_key(auth, expires_at=clock() + timedelta(minutes=10))
    await verify(auth, key)
    clock.advance(minutes=10)
    with pytest.raises(ApiKeyExpired):
        await verify(auth, key)
    assert await keys_of(auth).find(id=key.id) is None
    with pytest.raises(InvalidApiKey):
        await verify(auth, key)


async def test_a_key_without_the_permissions_is_refused_and_its_use_not_counted(auth):
    key = await new_key(auth, permissions={"files": ["read", "write"]}, rate_limit_max=5, remaining=5)
    assert (await verify(auth, key, required_permissions={"files": ["read"]})).request_count == 1
    for wanted in ({"files": ["delete"]}, {"mails": ["read"]}, {"files": ["read", "delete"]}):
        with pytest.raises(ApiKeyLacksPermission):
            await verify(auth, key, required_permissions=wanted)
    row = await written(auth, key)
    assert (row.request_count, row.remaining) == (1, 4)
    bare = await add_key(auth, key.owner_id)
    with pytest.raises(ApiKeyLacksPermission):
        await verify(auth, bare, required_permissions={"files": ["read"]})


async def test_a_key_whose_user_is_gone_is_refused(auth):
    key = await new_key(auth)
    await verify(auth, key)
    await auth.services.deletions.delete(key.owner_id)
    if await keys_of(auth).find(id=key.id) is None:
        key = await add_key(auth, key.owner_id)
    with pytest.raises(InvalidOwner):
        await verify(auth, key)


async def test_changes_are_believed_at_once(auth):
    key = await new_key(auth, permissions={"files": ["read"]})
    await verify(auth, key, required_permissions={"files": ["read"]})
    keys = keys_of(auth)
    await keys.change({"id": key.id}, permissions={"files": ["write"]})
    with pytest.raises(ApiKeyLacksPermission):
        await verify(auth, key, required_permissions={"files": ["read"]})
    await keys.change({"id": key.id}, enabled=False)
    with pytest.raises(ApiKeyDisabled):
        await verify(auth, key)
    await keys.remove(id=key.id)
    with pytest.raises(InvalidApiKey):
        await verify(auth, key)


async def test_of_50_at_once_exactly_as_many_are_let_through_as_remain(auth):
    key = await new_key(auth, remaining=20)
    results = await asyncio.gather(*(verify(auth, key) for _ in range(50)), return_exceptions=True)
    left = sorted(each.remaining for each in results if not isinstance(each, Exception))
    assert left == list(range(20))
    refused = [each for each in results if isinstance(each, Exception)]
    assert len(refused) == 30
    assert {type(each) for each in refused} <= {UsageExceeded, InvalidApiKey}
    assert await keys_of(auth).find(id=key.id) is None  # used up and never refilled: the next use deletes it


async def test_a_known_key_with_something_remaining_costs_one_statement(auth):
    key = await new_key(auth, remaining=10_000)
    await verify(auth, key)

    async def is_one():
        with auth.services.engine.recorded() as statements:
            await verify(auth, key)
        return len(statements) == 1

    await eventually(is_one)


async def test_what_remains_stays_until_the_next_use(auth):
    key = await new_key(auth, remaining=2)
    assert [(await verify(auth, key)).remaining for _ in range(2)] == [1, 0]
    assert await keys_of(auth).find(id=key.id) is not None
    with pytest.raises(UsageExceeded):
        await verify(auth, key)
    with pytest.raises(InvalidApiKey):
        await verify(auth, key)


async def test_a_key_is_refilled_once_its_interval_is_over(auth, clock):
    key = await new_key(auth, remaining=1, refill_amount=3, refill_interval=60_000)
    assert (await verify(auth, key)).remaining == 0
    with pytest.raises(UsageExceeded) as refused:
        await verify(auth, key)
    assert refused.value.retry_after == 60
    clock.advance(seconds=60, milliseconds=1)
    refilled = await verify(auth, key)
    assert (refilled.remaining, refilled.last_refill_at) == (2, clock())
    assert [(await verify(auth, key)).remaining for _ in range(2)] == [1, 0]
    with pytest.raises(UsageExceeded):
        await verify(auth, key)


async def test_of_50_at_once_one_refills(auth, clock):
    key = await new_key(auth, remaining=0, refill_amount=30, refill_interval=60_000)
    clock.advance(minutes=2)
    results = await asyncio.gather(*(verify(auth, key) for _ in range(50)), return_exceptions=True)
    assert sorted(each.remaining for each in results if not isinstance(each, Exception)) == list(range(30))
    assert (await keys_of(auth).find(id=key.id)).remaining == 0


async def test_what_remains_is_used_up_before_the_limit_refuses(auth):
    key = await new_key(auth, remaining=10, rate_limit_max=1)
    await verify(auth, key)
    for _ in range(2):
        with pytest.raises(ApiKeyRateLimited):
            await verify(auth, key)
    assert (await written(auth, key)).remaining == 7


async def test_a_key_that_is_given_no_more_end_or_one_is_believed(auth):
    key = await new_key(auth, remaining=1)
    await verify(auth, key)
    await keys_of(auth).change({"id": key.id}, remaining=None)
    assert [(await verify(auth, key)).remaining for _ in range(3)] == [None] * 3
    await keys_of(auth).change({"id": key.id}, remaining=1)
    assert (await verify(auth, key)).remaining == 0
    with pytest.raises(UsageExceeded):
        await verify(auth, key)

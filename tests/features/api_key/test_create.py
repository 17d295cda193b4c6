"""POST /api-key/create: what a key is, what a client may decide of it, and in which order it is refused."""

from __future__ import annotations

import string

import pytest

from asgi_auth.crypto.tokens import hash_token
from asgi_auth.features.api_key import ApiKeyOptions, ApiKeys
from tests.contracts.rows import query
from tests.features.api_key.keys import SHOWN, create, person, post, refusal, service
from tests.support import browser, user_id, whoami

DAY = 86_400


async def test_the_answer_has_the_key_and_what_is_known_of_it(ada, clock):
    answer = await create(ada, name="backup", prefix="pre_", metadata={"a": [1]}, expiresIn=3 * DAY)
    place = SHOWN.index("prefix") + 1
    assert list(answer) == [*SHOWN[:place], "key", *SHOWN[place:]]
    key, now = answer["key"], clock().iso()
    assert key.startswith("pre_")
    assert len(key.removeprefix("pre_")) == 64
    assert set(key.removeprefix("pre_")) <= set(string.ascii_letters)
    assert answer == {
        **dict.fromkeys(["refillInterval", "refillAmount", "lastRefillAt", "remaining", "lastRequest", "permissions"]),
        "configId": "default",
        "name": "backup",
        "start": key[:6],
        "referenceId": await user_id(ada),
        "prefix": "pre_",
        "key": key,
        "enabled": True,
        "rateLimitEnabled": True,
        "rateLimitTimeWindow": 60_000,
        "rateLimitMax": 10_000,
        "requestCount": 0,
        "expiresAt": now.replace("-22T", "-25T"),
        "createdAt": now,
        "updatedAt": now,
        "metadata": {"a": [1]},
        "id": answer["id"],
    }


async def test_of_the_key_the_hash_is_stored(ada, database_url):
    answer = await create(ada)
    [(stored, permissions, metadata)] = await query(database_url, "SELECT key, permissions, metadata FROM apikey")
    assert stored == hash_token(answer["key"])
    assert (permissions, metadata) == (None, "null"), "as Better Auth writes that there is none"


async def test_numbers_in_metadata_are_javascripts(ada, database_url):
    response = await post(ada, "create", metadata={"a": 5.0, "b": [2.5, 1e21]})
    assert '"metadata":{"a":5,"b":[2.5,1e21]}' in response.text
    assert await query(database_url, "SELECT metadata FROM apikey") == [('{"a":5,"b":[2.5,1e21]}',)]


async def test_no_cache_keeps_the_answer(ada):
    assert (await post(ada, "create")).headers["cache-control"] == "no-store"


async def test_two_keys_are_never_the_same(ada):
    assert len({(await create(ada))["key"] for _ in range(5)}) == 5


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        ({"name": "x" * 33}, 400, "INVALID_NAME_LENGTH"),
        ({"name": "😀" * 17}, 400, "INVALID_NAME_LENGTH"),
        ({"prefix": "p" * 33}, 400, "INVALID_PREFIX_LENGTH"),
        ({"expiresIn": DAY - 1}, 400, "EXPIRES_IN_IS_TOO_SMALL"),
        ({"expiresIn": 365 * DAY + 1}, 400, "EXPIRES_IN_IS_TOO_LARGE"),
        ({"expiresIn": 1e300}, 400, "EXPIRES_IN_IS_TOO_LARGE"),
        ({"metadata": "text"}, 400, "INVALID_METADATA_TYPE"),
        ({"metadata": 0}, 400, "INVALID_METADATA_TYPE"),
        ({"remaining": 5}, 400, "SERVER_ONLY_PROPERTY"),
        ({"refillAmount": 5}, 400, "SERVER_ONLY_PROPERTY"),
        ({"refillInterval": 5}, 400, "SERVER_ONLY_PROPERTY"),
        ({"rateLimitMax": 5}, 400, "SERVER_ONLY_PROPERTY"),
        ({"rateLimitTimeWindow": 5}, 400, "SERVER_ONLY_PROPERTY"),
        ({"rateLimitEnabled": False}, 400, "SERVER_ONLY_PROPERTY"),
        ({"permissions": {}}, 400, "SERVER_ONLY_PROPERTY"),
        ({"userId": "somebody"}, 401, "UNAUTHORIZED_SESSION"),
        ({"userId": None}, 401, "UNAUTHORIZED_SESSION"),
        ({"name": 5}, 400, "VALIDATION_ERROR"),
        ({"prefix": ""}, 400, "VALIDATION_ERROR"),
        ({"prefix": "a b"}, 400, "VALIDATION_ERROR"),
        ({"expiresIn": 0}, 400, "VALIDATION_ERROR"),
        ({"permissions": {"files": "read"}}, 400, "VALIDATION_ERROR"),
    ],
)
async def test_what_may_not_be_asked_for_makes_no_key(quick, quick_auth, asked, status, code):
    assert refusal(await post(quick, "create", **asked)) == (status, code)
    assert (await service(quick_auth).list_api_keys(await user_id(quick))).total == 0


@pytest.mark.parametrize(
    ("asked", "field", "value"),
    [
        ({"name": ""}, "name", ""),
        ({"metadata": None}, "metadata", None),
        ({"metadata": []}, "metadata", []),
        ({"name": "😀" * 16}, "name", "😀" * 16),
        ({"expiresIn": None}, "expiresAt", None),
        ({"remaining": None}, "remaining", None),
        ({"configId": "unknown"}, "configId", "default"),
        ({"configId": ""}, "configId", "default"),
        ({"name": "x" * 32}, "name", "x" * 32),
    ],
)
async def test_what_the_contract_lets_through(quick, asked, field, value):
    assert (await create(quick, **asked))[field] == value


async def test_several_complaints_are_told_at_once(quick):
    response = await post(quick, "create", prefix="!!", remaining="x")
    assert response.json()["message"] == (
        "[body.prefix] Invalid prefix format, must be alphanumeric and contain only underscores and hyphens.; "
        "[body.remaining] Invalid input: expected number, received string"
    )


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        ({}, 401, "UNAUTHORIZED_SESSION"),
        ({"userId": "somebody"}, 401, "UNAUTHORIZED_SESSION"),
        ({"metadata": 5}, 401, "UNAUTHORIZED_SESSION"),
        ({"remaining": 5}, 400, "SERVER_ONLY_PROPERTY"),
        ({"name": 5}, 400, "VALIDATION_ERROR"),
    ],
)
async def test_nobody_makes_a_key_without_being_signed_in(quick_auth, asked, status, code):
    async with browser(quick_auth.wrap(whoami)) as stranger:
        assert refusal(await post(stranger, "create", **asked)) == (status, code)


async def test_a_session_that_was_revoked_makes_no_key(ada, auth):
    await auth.services.sessions.revoke_all_user_sessions(await user_id(ada))
    assert refusal(await post(ada, "create")) == (401, "UNAUTHORIZED_SESSION")


STRICT = ApiKeyOptions(
    default_prefix="ac_",
    requires_name=True,
    min_name_length=3,
    max_name_length=10,
    min_prefix_length=3,
    stores_start=False,
    default_permissions={"files": ["read"]},
    limits_requests=False,
)


@pytest.fixture
async def eve(make_auth):
    async with person(make_auth(features=[ApiKeys(STRICT)])) as client:
        yield client


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({}, "NAME_REQUIRED"),
        ({"name": ""}, "NAME_REQUIRED"),
        ({"name": "ab"}, "INVALID_NAME_LENGTH"),
        ({"name": "abcdefghijk"}, "INVALID_NAME_LENGTH"),
        ({"name": "good", "prefix": "ab"}, "INVALID_PREFIX_LENGTH"),
        ({"name": "good", "metadata": {}}, "METADATA_DISABLED"),
        ({"name": "ab", "prefix": "ab", "expiresIn": 60, "metadata": {}}, "METADATA_DISABLED"),
        ({"name": "ab", "prefix": "ab", "expiresIn": 60}, "EXPIRES_IN_IS_TOO_SMALL"),
        ({"name": "ab", "prefix": "ab"}, "INVALID_PREFIX_LENGTH"),
    ],
)
async def test_the_rules_are_the_configurations(eve, asked, code):
    assert refusal(await post(eve, "create", **asked)) == (400, code)


async def test_a_new_key_is_as_configured(eve):
    answer = await create(eve, name="good")
    assert answer["key"].startswith("ac_")
    assert (answer["prefix"], answer["start"]) == ("ac_", None)
    assert (answer["permissions"], answer["rateLimitEnabled"]) == ({"files": ["read"]}, False)
    assert (await create(eve, name="good", prefix="own_"))["key"].startswith("own_")

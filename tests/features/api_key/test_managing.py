"""GET /api-key/get, POST /api-key/update and /api-key/delete: somebody's own keys, and nobody else's."""

from __future__ import annotations

import pytest

from asgi_auth.features.api_key import ApiKeyOptions, ApiKeys
from tests.features.api_key.keys import SHOWN, create, get, names, person, post, refusal, service
from tests.support import browser, user_id, whoami

DAY = 86_400


async def test_a_key_is_shown_without_itself(ada):
    answer = await create(ada, name="backup", metadata={"a": 1})
    response = await get(ada, "get", id=answer["id"])
    assert list(response.json()) == SHOWN
    assert response.json() == {name: value for name, value in answer.items() if name != "key"}


async def test_what_is_changed_is_shown(ada, clock):
    made = await create(ada, name="backup")
    clock.advance(hours=1)
    changed = await post(ada, "update", keyId=made["id"], name="renamed", metadata={"z": 1}, expiresIn=2 * DAY)
    assert list(changed.json()) == SHOWN
    expected = made | {"name": "renamed", "metadata": {"z": 1}, "expiresAt": clock().iso().replace("-22T", "-24T")}
    assert changed.json() == {name: value for name, value in expected.items() if name != "key"}, (
        "updatedAt says when a key was used"
    )
    assert (await get(ada, "get", id=made["id"])).json() == changed.json()
    assert (await post(ada, "update", keyId=made["id"], expiresIn=None)).json()["expiresAt"] is None
    assert (await post(ada, "update", keyId=made["id"], metadata=None)).json()["metadata"] is None


async def test_a_key_is_switched_off_and_on(ada):
    key_id = (await create(ada))["id"]
    assert (await post(ada, "update", keyId=key_id, enabled=False)).json()["enabled"] is False
    assert (await get(ada, "get", id=key_id)).json()["enabled"] is False
    assert (await post(ada, "update", keyId=key_id, enabled=True)).json()["enabled"] is True


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        ({}, 400, "NO_VALUES_TO_UPDATE"),
        ({"unknown": 1}, 400, "NO_VALUES_TO_UPDATE"),
        ({"configId": "unknown"}, 400, "NO_VALUES_TO_UPDATE"),
        ({"name": ""}, 400, "INVALID_NAME_LENGTH"),
        ({"name": "x" * 33}, 400, "INVALID_NAME_LENGTH"),
        ({"name": "", "expiresIn": 3, "metadata": "x"}, 400, "INVALID_NAME_LENGTH"),
        ({"expiresIn": 3, "metadata": "x"}, 400, "EXPIRES_IN_IS_TOO_SMALL"),
        ({"expiresIn": 366 * DAY}, 400, "EXPIRES_IN_IS_TOO_LARGE"),
        ({"metadata": "x"}, 400, "INVALID_METADATA_TYPE"),
        ({"metadata": 0}, 400, "INVALID_METADATA_TYPE"),
        ({"remaining": 1}, 400, "SERVER_ONLY_PROPERTY"),
        ({"refillAmount": 1}, 400, "SERVER_ONLY_PROPERTY"),
        ({"refillInterval": 1}, 400, "SERVER_ONLY_PROPERTY"),
        ({"rateLimitEnabled": False}, 400, "SERVER_ONLY_PROPERTY"),
        ({"rateLimitMax": 1}, 400, "SERVER_ONLY_PROPERTY"),
        ({"rateLimitTimeWindow": 1}, 400, "SERVER_ONLY_PROPERTY"),
        ({"permissions": None}, 400, "SERVER_ONLY_PROPERTY"),
        ({"permissions": {"files": ["read"]}}, 400, "SERVER_ONLY_PROPERTY"),
        ({"userId": "somebody", "remaining": 1}, 401, "UNAUTHORIZED_SESSION"),
        ({"userId": None, "name": "x"}, 401, "UNAUTHORIZED_SESSION"),
        ({"name": None}, 400, "VALIDATION_ERROR"),
        ({"enabled": None}, 400, "VALIDATION_ERROR"),
        ({"remaining": 0}, 400, "VALIDATION_ERROR"),
        ({"expiresIn": 0}, 400, "VALIDATION_ERROR"),
    ],
)
async def test_what_may_not_be_changed_stays(quick, asked, status, code):
    made = await create(quick, name="backup", metadata={"a": 1})
    assert refusal(await post(quick, "update", keyId=made["id"], **asked)) == (status, code)
    kept = (await get(quick, "get", id=made["id"])).json()
    assert kept == {name: value for name, value in made.items() if name != "key"}


async def test_metadata_has_a_limit_of_16_kib(ada):
    most, more = {"a": [{}] * 5_459}, {"a": [{}] * 5_460}
    made = await create(ada, metadata=most)
    assert refusal(await post(ada, "create", metadata=more)) == (413, "PAYLOAD_TOO_LARGE")
    assert refusal(await post(ada, "update", keyId=made["id"], metadata=more)) == (413, "PAYLOAD_TOO_LARGE")
    assert (await get(ada, "get", id=made["id"])).json()["metadata"] == most


async def test_who_names_oneself_or_nobody_may_change_a_key(ada):
    key_id, own_id = (await create(ada))["id"], await user_id(ada)
    for named, name in ((own_id, "mine"), ([own_id], "still"), ("", "nobody's"), ([], "no list's")):
        assert (await post(ada, "update", keyId=key_id, userId=named, name=name)).json()["name"] == name


WRONG = {
    "update": (
        "configId keyId name enabled remaining refillAmount refillInterval expiresIn "
        "rateLimitEnabled rateLimitTimeWindow rateLimitMax permissions"
    ),
    "delete": "configId keyId",
}


@pytest.mark.parametrize("path", WRONG)
async def test_what_is_wrong_is_told_in_the_contracts_order(quick, path):
    fields = WRONG[path].split()
    answer = await post(quick, path, **{field: [] for field in sorted(fields)})
    told = [part.split("]")[0].removeprefix("[body.") for part in answer.json()["message"].split("; ")]
    assert told == fields


async def test_an_unknown_key_is_not_found_before_anything_else_is_said_of_the_change(ada):
    assert refusal(await post(ada, "update", keyId="unknown")) == (404, "KEY_NOT_FOUND")
    assert refusal(await post(ada, "update", keyId="unknown", name="x" * 40)) == (404, "KEY_NOT_FOUND")
    assert refusal(await post(ada, "update", keyId="unknown", remaining=1)) == (400, "SERVER_ONLY_PROPERTY")


async def test_a_deleted_key_is_gone(ada):
    key_id = (await create(ada))["id"]
    response = await post(ada, "delete", keyId=key_id)
    assert (response.status_code, response.json()) == (200, {"success": True})
    assert refusal(await post(ada, "delete", keyId=key_id)) == (404, "KEY_NOT_FOUND")
    assert refusal(await get(ada, "get", id=key_id)) == (404, "KEY_NOT_FOUND")


async def test_another_ones_key_is_as_unknown_as_none(ada, bob):
    made = await create(ada, name="Ada's")
    asked = {"keyId": made["id"]}
    assert refusal(await get(bob, "get", id=made["id"])) == (404, "KEY_NOT_FOUND")
    assert refusal(await post(bob, "update", **asked, name="Bob's")) == (404, "KEY_NOT_FOUND")
    assert refusal(await post(bob, "update", **asked, enabled=False)) == (404, "KEY_NOT_FOUND")
    assert refusal(await post(bob, "delete", **asked)) == (404, "KEY_NOT_FOUND")
    assert await names(bob) == []
    kept = (await get(ada, "get", id=made["id"])).json()
    assert (kept["name"], kept["enabled"]) == ("Ada's", True)


async def test_nobody_manages_keys_without_being_signed_in(auth, ada):
    key_id = (await create(ada))["id"]
    async with browser(auth.wrap(whoami)) as stranger:
        assert refusal(await get(stranger, "get", id=key_id)) == (401, "UNAUTHORIZED")
        assert refusal(await get(stranger, "list")) == (401, "UNAUTHORIZED")
        assert refusal(await post(stranger, "delete", keyId=key_id)) == (401, "UNAUTHORIZED")
        assert refusal(await post(stranger, "update", keyId=key_id)) == (401, "UNAUTHORIZED_SESSION")
        assert refusal(await post(stranger, "update", keyId=key_id, remaining=1)) == (401, "UNAUTHORIZED_SESSION")
        assert refusal(await post(stranger, "update", keyId=key_id, userId="x")) == (401, "UNAUTHORIZED_SESSION")


@pytest.mark.parametrize(
    ("method", "path", "message"),
    [
        ("GET", "get", "[query.id] Invalid input: expected string, received undefined"),
        ("GET", "get?id=a&id=b", "[query.id] Invalid input: expected string, received array"),
        ("POST", "delete", "[body.keyId] Invalid input: expected string, received undefined"),
        ("POST", "update", "[body.keyId] Invalid input: expected string, received undefined"),
    ],
)
async def test_a_key_has_to_be_named(quick_auth, method, path, message):
    async with browser(quick_auth.wrap(whoami)) as stranger:
        body = None if method == "GET" else {}
        response = await stranger.request(method, f"/api/auth/api-key/{path}", json=body)
        assert response.status_code == 400
        assert response.json() == {"message": message, "code": "VALIDATION_ERROR"}


async def test_the_servers_own_verbs_are_no_endpoints(ada):
    made = await create(ada)
    for path in ("verify", "verify-api-key", "delete-all-expired-api-keys", "delete-all-expired", "revoke"):
        response = await post(ada, path, key=made["key"], keyId=made["id"])
        assert (response.status_code, response.content) == (404, b"")


FIXED = ApiKeyOptions(allows_custom_lifetime=False)


async def test_a_lifetime_that_is_configured_is_nobodys_to_choose(make_auth, database_url):
    auth = make_auth(database=database_url, features=[ApiKeys(FIXED)])
    async with person(auth) as eve:
        made = await create(eve, expiresIn=None)
        assert refusal(await post(eve, "create", expiresIn=2 * DAY)) == (400, "KEY_DISABLED_EXPIRATION")
        for wanted in (None, 2 * DAY):
            refused = await post(eve, "update", keyId=made["id"], expiresIn=wanted)
            assert refusal(refused) == (400, "KEY_DISABLED_EXPIRATION")
        assert refusal(await post(eve, "update", keyId=made["id"], metadata={})) == (400, "NO_VALUES_TO_UPDATE")
        renamed = await post(eve, "update", keyId=made["id"], metadata={"a": 1}, name="x")
        assert (renamed.json()["name"], renamed.json()["metadata"]) == ("x", None)


SEVERAL = (ApiKeyOptions(), ApiKeyOptions(config_id="machines", default_prefix="m_", hashes_keys=False))


@pytest.fixture
async def sally(make_auth, database_url):
    async with person(make_auth(database=database_url, features=[ApiKeys(*SEVERAL)])) as client:
        yield client


async def test_a_key_is_found_under_its_own_configuration_only(sally):
    key_id = (await create(sally, configId="machines"))["id"]
    for named in ({}, {"configId": "default"}, {"configId": "unknown"}):
        assert refusal(await get(sally, "get", id=key_id, **named)) == (404, "KEY_NOT_FOUND")
        assert refusal(await post(sally, "update", keyId=key_id, name="x", **named)) == (404, "KEY_NOT_FOUND")
        assert refusal(await post(sally, "delete", keyId=key_id, **named)) == (404, "KEY_NOT_FOUND")
    named = {"configId": "machines"}
    assert (await get(sally, "get", id=key_id, **named)).json()["prefix"] == "m_"
    assert (await post(sally, "update", keyId=key_id, name="x", **named)).status_code == 200
    assert (await post(sally, "delete", keyId=key_id, **named)).status_code == 200


async def test_without_a_default_configuration_one_has_to_be_named(make_auth, database_url):
    auth = make_auth(database=database_url, features=[ApiKeys(ApiKeyOptions(config_id="one"))])
    missing = (400, "NO_DEFAULT_API_KEY_CONFIGURATION_FOUND")
    async with browser(auth.wrap(whoami)) as stranger:
        assert refusal(await post(stranger, "create", remaining=4)) == missing
        assert refusal(await get(stranger, "get", id="x")) == (401, "UNAUTHORIZED")
    async with person(auth) as eve:
        assert refusal(await post(eve, "create")) == missing
        assert refusal(await post(eve, "create", configId="unknown")) == missing
        assert refusal(await get(eve, "get", id="x")) == missing
        assert refusal(await get(eve, "list", configId="unknown")) == missing
        assert refusal(await post(eve, "update", keyId="x", name="y")) == missing
        assert refusal(await post(eve, "update", keyId="x", remaining=4)) == (400, "SERVER_ONLY_PROPERTY")
        assert refusal(await post(eve, "delete", keyId="x")) == missing
        assert (await create(eve, configId="one"))["configId"] == "one"
        assert (await get(eve, "list")).json()["total"] == 1


async def test_the_keys_of_a_user_who_is_deleted_go_too(ada, bob, auth):
    await create(ada)
    await create(bob)
    ada_id, bob_id = await user_id(ada), await user_id(bob)
    await auth.services.deletions.delete(ada_id)
    assert (await service(auth).list_api_keys(ada_id)).total == 0
    assert (await service(auth).list_api_keys(bob_id)).total == 1


async def test_with_a_key_nobody_manages_keys(make_auth, database_url):
    auth = make_auth(database=database_url, features=[ApiKeys(ApiKeyOptions(enables_sessions=True))])
    async with person(auth) as eve:
        made = await create(eve, name="eve's")
    key_id = made["id"]
    async with browser(auth.wrap(whoami)) as machine:
        machine.headers["x-api-key"] = made["key"]
        assert (await machine.get("/api/auth/get-session")).json()["session"]["id"] == key_id
        assert refusal(await post(machine, "create")) == (401, "UNAUTHORIZED_SESSION")
        assert refusal(await post(machine, "update", keyId=key_id, name="x")) == (401, "UNAUTHORIZED_SESSION")
        assert refusal(await post(machine, "delete", keyId=key_id)) == (401, "UNAUTHORIZED")
        assert refusal(await get(machine, "get", id=key_id)) == (401, "UNAUTHORIZED")
        assert refusal(await get(machine, "list")) == (401, "UNAUTHORIZED")
    kept = await service(auth).get_api_key(key_id)
    assert (kept.name, kept.enabled) == ("eve's", True)

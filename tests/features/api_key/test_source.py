"""API keys in front of the application: where they sit, whom they stand for, what outranks what."""

from __future__ import annotations

import asyncio

import pytest

from asgi_auth import ConfigurationError, Protect, SessionMiddleware, require_api_key
from asgi_auth.errors import RepeatedHeader
from asgi_auth.features.api_key import ApiKeyMiddleware, ApiKeyOptions, ApiKeys, extract_api_key
from tests.features.api_key.rows import add_key, costs_nothing, keys_of, new_key, person, tell, written
from tests.support import ADA, browser, eventually, sign_up


@pytest.fixture
def auth(make_auth, database_url):
    return make_auth(database=database_url, features=[ApiKeys()])


@pytest.fixture
async def client(auth):
    async with browser(auth.wrap(tell)) as client:
        yield client


def with_key(key, name="x-api-key"):
    return {name: key if isinstance(key, str) else key.text}


async def told(client, key, **options):
    return (await client.get("/", headers=with_key(key), **options)).json()


def scope_of(*headers):
    return {"type": "http", "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers]}


@pytest.mark.parametrize(
    ("headers", "names", "found"),
    [
        ([], ["x-api-key"], None),
        ([("x-api-key", "abc")], ["x-api-key"], "abc"),
        ([("X-API-Key", "abc")], ["X-Api-Key"], "abc"),
        ([("x-api-key", "")], ["x-api-key"], None),
        ([("x-api-key", "ä")], ["x-api-key"], "ä"),
        ([("x-other", "abc")], ["x-api-key", "x-other"], "abc"),
        ([("x-other", "abc")], ["x-api-key"], None),
        ([("x-api-key", "abc")], ["x-api-key", "X-API-KEY"], "abc"),
    ],
)
def test_a_key_sits_in_its_header(headers, names, found):
    assert extract_api_key(scope_of(*headers), headers=names) == found


@pytest.mark.parametrize(
    "headers",
    [
        [("x-api-key", "one"), ("x-api-key", "two")],
        [("x-api-key", "one"), ("x-api-key", "one")],
        [("x-api-key", "one"), ("x-other", "two")],
        [("x-api-key", ""), ("x-other", "two")],
    ],
)
def test_two_keys_are_none(headers):
    with pytest.raises(RepeatedHeader):
        extract_api_key(scope_of(*headers), headers=["x-api-key", "x-other"])


async def test_a_key_stands_for_its_owner(auth, client):
    key = await new_key(auth, permissions={"files": ["read", "write"]})
    for _ in range(2):  # judged, and known
        assert await told(client, key) == {
            "subject": key.owner_id,
            "email": "ada@example.com",
            "credential": "api_key",
            "key": key.id,
            "scopes": ["files:read", "files:write"],
            "error": None,
        }


async def test_a_key_of_an_organization_stands_for_it(make_auth, database_url):
    auth = make_auth(database=database_url, features=[ApiKeys(ApiKeyOptions(references="organization"))])
    await person(auth)
    key = await add_key(auth, "acme")
    async with browser(auth.wrap(tell)) as client:
        answer = await told(client, key)
    assert (answer["subject"], answer["email"], answer["credential"]) == ("acme", None, "api_key")


async def test_a_known_key_costs_no_statement_and_each_use_counts(auth, client):
    key = await new_key(auth, rate_limit_max=1_000_000)
    await told(client, key)
    asked = 1

    async def use():
        nonlocal asked
        asked += 1
        assert (await told(client, key))["key"] == key.id

    for _ in range(9):
        await costs_nothing(auth, use)
    assert (await written(auth, key)).request_count == asked


async def test_a_known_key_with_something_remaining_is_used_up(auth, client):
    key = await new_key(auth, remaining=3)
    answers = [await told(client, key) for _ in range(5)]
    assert [each["error"] for each in answers] == [None, None, None, "USAGE_EXCEEDED", "INVALID_API_KEY"]


async def test_a_limited_key_is_answered_429(auth):
    key = await new_key(auth, rate_limit_max=2)
    async with browser(auth.wrap(Protect(tell, require_api_key()))) as client:
        answers = [await client.get("/", headers=with_key(key)) for _ in range(4)]
    assert [each.status_code for each in answers] == [200, 200, 429, 429]
    assert answers[2].json() == {
        "message": "Rate limit exceeded.",
        "code": "RATE_LIMITED",
        "details": {"tryAgainIn": 60_000},
    }
    assert answers[2].headers["retry-after"] == "60"
    assert answers[2].headers["ratelimit-policy"] == '"api_key";q=2;w=60'


async def test_a_key_that_is_used_up_is_answered_429_with_the_seconds_until_it_is_refilled(auth):
    key = await new_key(auth, remaining=0, refill_amount=5, refill_interval=90_000)
    async with browser(auth.wrap(Protect(tell, require_api_key()))) as client:
        answer = await client.get("/", headers=with_key(key))
    assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (429, "USAGE_EXCEEDED", "90")


async def test_a_refused_key_stays_refused_with_a_good_cookie(auth, client):
    await sign_up(client, ADA)
    assert (await told(client, ""))["credential"] == "session"
    answer = await told(client, "x" * 64)
    assert answer == {
        "subject": None,
        "email": None,
        "credential": "api_key",
        "key": None,
        "scopes": [],
        "error": "INVALID_API_KEY",
    }


async def test_a_key_outranks_everything_in_whichever_order(auth):
    key = await new_key(auth)
    for app in (
        SessionMiddleware(ApiKeyMiddleware(tell, auth.services), auth.services),
        ApiKeyMiddleware(SessionMiddleware(tell, auth.services), auth.services),
    ):
        async with browser(auth.wrap(tell)) as client:
            await client.post("/api/auth/sign-in/email", json=ADA)
            cookies = client.cookies
        async with browser(app, cookies=cookies) as client:
            assert (await told(client, key))["credential"] == "api_key"
            assert (await told(client, "x" * 64))["error"] == "INVALID_API_KEY"
            assert (await told(client, ""))["credential"] == "session"


async def test_two_keys_in_one_request_are_400(auth, client):
    key = await new_key(auth)
    headers = [("x-api-key", key.text), ("x-api-key", key.text)]
    response = await client.get("/", headers=headers)
    assert response.status_code == 400
    assert key.text not in response.text


@pytest.mark.parametrize("text", [b"\xe4" * 64, b"\xff\xfe" * 40, b"x" * 5_000, b"x", b"a b c d" * 10])
async def test_what_cannot_be_a_key_is_401_and_costs_nothing(auth, text):
    await person(auth)
    async with browser(auth.wrap(Protect(tell))) as client:
        with auth.services.engine.recorded() as statements:
            response = await client.get("/", headers={b"x-api-key": text})
    assert (response.status_code, response.json()["code"], statements) == (401, "INVALID_API_KEY", [])


async def test_a_required_middleware_answers_for_itself(auth):
    key = await new_key(auth, permissions={"files": ["read"]})
    app = ApiKeyMiddleware(
        tell, auth.services, required=True, exempt=["/open"], required_permissions={"files": ["read"]}
    )
    bare = await add_key(auth, key.owner_id)
    async with browser(app) as client:
        assert (await client.get("/")).status_code == 401
        assert (await client.get("/open")).status_code == 200
        assert (await client.get("/", headers=with_key(key))).status_code == 200
        refused = await client.get("/", headers=with_key(bare))
    assert (refused.status_code, refused.json()["code"]) == (401, "KEY_NOT_FOUND")


async def test_a_header_of_ones_own(auth):
    key = await new_key(auth)
    async with browser(ApiKeyMiddleware(tell, auth.services, headers=["X-Token"])) as client:
        for _ in range(2):
            assert (await client.get("/", headers=with_key(key, "x-token"))).json()["key"] == key.id
        assert (await client.get("/", headers=with_key(key))).json()["credential"] is None


async def test_only_keys_of_one_configuration(make_auth, database_url):
    auth = make_auth(database=database_url, features=[ApiKeys(ApiKeyOptions(), ApiKeyOptions(config_id="other"))])
    key = await new_key(auth)
    other = await add_key(auth, key.owner_id, config_id="other")
    async with browser(ApiKeyMiddleware(tell, auth.services, config_id="other")) as client:
        assert [(await told(client, each))["error"] for each in (key, other, other)] == ["INVALID_API_KEY", None, None]


def test_a_middleware_for_what_is_not_there_is_a_mistake(make_auth):
    services = make_auth(features=[ApiKeys(ApiKeyOptions(), ApiKeyOptions(config_id="other"))]).services
    with pytest.raises(ConfigurationError, match='config_id: "default" or "other"'):
        ApiKeyMiddleware(tell, services, config_id="ohter")
    with pytest.raises(ConfigurationError, match=r'headers is a list of names: \["x-other"\]'):
        ApiKeyMiddleware(tell, services, headers="x-other")
    for permissions in ({"files": "read"}, ["files:read"], "files"):
        with pytest.raises(ValueError, match="lists of actions"):
            ApiKeyMiddleware(tell, services, required_permissions=permissions)


async def test_the_applications_own_getter_and_validator(make_auth, database_url):
    def getter(scope):
        return dict(scope["headers"]).get(b"x-mine", b"").decode("latin-1").removeprefix("Key ") or None

    async def validator(key):
        return key.startswith("mine")

    options = ApiKeyOptions(getter=getter, validator=validator)
    auth = make_auth(database=database_url, features=[ApiKeys(options)])
    key = await new_key(auth, text="mine-1")
    other = await add_key(auth, key.owner_id, text="yours-2")
    async with browser(auth.wrap(tell)) as client:
        for _ in range(2):
            assert (await client.get("/", headers={"x-mine": "Key mine-1"})).json()["key"] == key.id
        refused = await client.get("/", headers={"x-mine": f"Key {other.text}"})
        assert refused.json()["error"] == "INVALID_API_KEY"
        assert (await client.get("/", headers=with_key(key))).json()["credential"] is None


async def test_a_known_key_is_refused_as_soon_as_anybody_changes_it(make_auth, database_url):
    auths = [make_auth(database=database_url, features=[ApiKeys()]) for _ in range(2)]
    key = await new_key(auths[0])
    await auths[1].services.start()
    async with browser(auths[0].wrap(tell)) as here, browser(auths[1].wrap(tell)) as there:
        await told(here, key)
        await costs_nothing(auths[1], lambda: told(there, key))
        await auths[0].services.engine._executor.run_text(f"UPDATE apikey SET enabled = FALSE WHERE id = '{key.id}'")

        async def is_refused():
            return (await told(there, key))["error"] == (await told(here, key))["error"] == "KEY_DISABLED"

        await eventually(is_refused)
        await keys_of(auths[0]).remove(id=key.id)
        assert (await told(here, key))["error"] == "INVALID_API_KEY"


async def test_a_changed_user_is_told_at_once(auth, client):
    key = await new_key(auth)
    await told(client, key)
    await auth.services.engine.users.change({"id": key.owner_id}, email="new@example.com")
    assert (await told(client, key))["email"] == "new@example.com"


async def test_a_key_opens_a_websocket(auth):
    key = await new_key(auth, rate_limit_max=1)
    app = auth.wrap(Protect(greet))
    assert await handshake(app, key.text) == ["websocket.accept"]
    assert await handshake(app, key.text) == ["websocket.close"]
    assert await handshake(app, "x" * 64) == ["websocket.close"]


async def greet(scope, receive, send):
    await receive()
    await send({"type": "websocket.accept"})


async def handshake(app, key):
    sent = []

    async def receive():
        return {"type": "websocket.connect"}

    async def send(message):
        sent.append(message["type"])

    headers = [(b"x-api-key", key.encode())]
    await app({"type": "websocket", "path": "/", "headers": headers, "client": ("203.0.113.7", 1)}, receive, send)
    return sent


async def test_200_at_once_with_a_known_key_are_counted_one_by_one(auth, client):
    key = await new_key(auth, rate_limit_max=150)
    await told(client, key)
    answers = await asyncio.gather(*(told(client, key) for _ in range(200)))
    assert sum(each["error"] is None for each in answers) == 149
    assert {each["error"] for each in answers} == {None, "RATE_LIMITED"}

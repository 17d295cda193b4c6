"""Keys that act as sessions of their users on the endpoints, and what they never reach."""

from __future__ import annotations

from datetime import timedelta

import pytest

from asgi_auth import SessionOptions
from asgi_auth.features.api_key import ApiKeyMiddleware, ApiKeyOptions, ApiKeys
from tests.features.api_key.rows import add_key, new_key, person, tell, written
from tests.features.api_key.test_source import with_key
from tests.support import ADA, browser, cookie_header, sign_up

OPTIONS = ApiKeyOptions(enables_sessions=True)


@pytest.fixture
def auth(make_auth, database_url):
    return make_auth(database=database_url, features=[ApiKeys(OPTIONS)])


@pytest.fixture
async def client(auth):
    async with browser(auth.wrap(tell), origin=None) as client:
        yield client


async def get(client, path, key, **headers):
    return await client.get(f"/api/auth{path}", headers=with_key(key) | headers)


async def post(client, path, key, body):
    return await client.post(f"/api/auth{path}", headers=with_key(key), json=body)


def refusal(response):
    return response.status_code, response.json()["code"]


async def test_a_key_is_told_as_a_session_of_its_user(auth, client, clock):
    key = await new_key(auth)
    response = await get(client, "/get-session", key, **{"user-agent": "curl/8"})
    assert response.status_code == 200
    answer = response.json()
    assert answer["user"]["email"] == "ada@example.com"
    assert answer["session"] == {
        "id": key.id,
        "token": key.text,
        "userId": key.owner_id,
        "userAgent": "curl/8",
        "ipAddress": "203.0.113.7",
        "createdAt": clock().iso(),
        "updatedAt": clock().iso(),
        "expiresAt": (clock() + timedelta(days=7)).iso(),
    }
    assert "set-cookie" not in response.headers
    assert "set-auth-token" not in response.headers


@pytest.mark.parametrize("query", ["?disableCookieCache=true", "?disableRefresh=true"])
async def test_no_wish_about_caches_hides_it(auth, client, query):
    key = await new_key(auth)
    assert (await get(client, f"/get-session{query}", key)).json()["session"]["id"] == key.id


@pytest.mark.parametrize("defers", [False, True])
async def test_where_sessions_are_extended_it_is_told_too(make_auth, database_url, defers):
    session = SessionOptions(defers_refresh=defers)
    auth = make_auth(database=database_url, features=[ApiKeys(OPTIONS)], session=session)
    key = await new_key(auth)
    async with browser(auth.wrap(tell), origin=None) as client:
        response = await post(client, "/get-session", key, {})
        assert response.json()["session"]["id"] == key.id
        assert "set-cookie" not in response.headers


async def test_its_session_ends_with_the_key(auth, client, clock):
    ends = clock() + timedelta(days=30)
    key = await new_key(auth, expires_at=ends)
    assert (await get(client, "/get-session", key)).json()["session"]["expiresAt"] == ends.iso()


async def test_every_endpoint_counts_it_and_answers_its_refusal(auth, client):
    key = await new_key(auth, rate_limit_max=3)
    for path in ("/ok", "/get-session", "/list-accounts"):
        assert (await get(client, path, key)).status_code == 200
    limited = await get(client, "/ok", key)
    assert refusal(limited) == (429, "RATE_LIMITED")
    assert limited.headers["retry-after"] == "60"
    assert (await written(auth, key)).request_count == 3


@pytest.mark.parametrize(
    ("text", "status"), [("short", 403), ("x" * 63, 403), ("x" * 64, 401), ("!" * 64, 401), ("x" * 2_000, 401)]
)
async def test_what_is_no_key_is_refused_as_the_contract_says(auth, client, text, status):
    await person(auth)
    assert refusal(await get(client, "/get-session", text)) == (status, "INVALID_API_KEY")


async def test_no_key_is_no_session(auth, client):
    await person(auth)
    response = await get(client, "/get-session", "")
    assert (response.status_code, response.json()) == (200, None)


async def test_a_refused_key_is_the_answer_though_a_good_cookie_is_there(auth):
    async with browser(auth.wrap(tell)) as client:
        await sign_up(client, ADA)
        assert refusal(await get(client, "/get-session", "x" * 64)) == (401, "INVALID_API_KEY")
        assert (await client.get("/api/auth/get-session")).json()["user"]["email"] == ADA["email"]


async def test_two_keys_are_400(auth, client):
    key = await new_key(auth)
    headers = [("x-api-key", key.text), ("x-api-key", key.text)]
    assert (await client.get("/api/auth/get-session", headers=headers)).status_code == 400


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/change-password", {"currentPassword": ADA["password"], "newPassword": "another long one"}),
        ("/revoke-sessions", {}),
        ("/revoke-other-sessions", {}),
        ("/api-key/create", {"name": "child"}),
        ("/api-key/update", {"keyId": "KEY", "name": "renamed"}),
        ("/api-key/delete", {"keyId": "KEY"}),
        ("/delete-user", {}),
    ],
)
async def test_credentials_are_out_of_its_reach(auth, client, path, body):
    key = await new_key(auth)
    body = {name: key.id if value == "KEY" else value for name, value in body.items()}
    response = await post(client, path, key, body)
    assert response.status_code in (401, 403, 404), response.text
    assert key.text not in response.text
    assert await written(auth, key) is not None
    assert (await auth.services.passwords.sign_in(ADA["email"], ADA["password"])).user.id == key.owner_id


@pytest.mark.parametrize("path", ["/list-sessions", "/api-key/list"])
async def test_so_is_a_look_at_them(auth, client, path):
    key = await new_key(auth)
    assert (await get(client, path, key)).status_code == 401


async def test_its_text_enters_no_cookie(auth, client):
    key = await new_key(auth)
    for response in (
        await post(client, "/update-user", key, {"name": "By key"}),
        await post(client, "/sign-out", key, {}),
        await get(client, "/get-session", key),
    ):
        assert key.text not in str(response.headers)
        assert "set-auth-token" not in response.headers
    assert (await get(client, "/get-session", key)).json()["user"]["name"] == "By key"


async def test_who_signs_in_beside_a_key_is_given_the_session(auth):
    key = await new_key(auth)
    async with browser(auth.wrap(tell)) as client:
        signed_in = await post(client, "/sign-in/email", key, {"email": ADA["email"], "password": ADA["password"]})
        token = signed_in.json()["token"]
        assert signed_in.headers["set-auth-token"].startswith(f"{token}.")
        assert key.text not in str(signed_in.headers)
        assert (await client.get("/api/auth/get-session")).json()["session"]["token"] == token


@pytest.mark.parametrize("kind", ["cookie", "bearer"])
async def test_who_signs_out_beside_a_key_ends_the_session(auth, kind):
    key = await new_key(auth)
    signed_in = await auth.services.passwords.sign_in(ADA["email"], ADA["password"])
    token = signed_in.session.token
    offered = {"cookie": cookie_header(auth, token)} if kind == "cookie" else {"authorization": f"Bearer {token}"}
    async with browser(auth.wrap(tell)) as client:
        answer = await client.post("/api/auth/sign-out", headers=with_key(key) | offered, json={})
        assert answer.json() == {"success": True}
        assert (await client.get("/api/auth/get-session", headers=offered)).json() is None
    assert token not in {each.token for each in await auth.services.sessions.list_user_sessions(key.owner_id)}


async def test_keys_of_another_configuration_are_none_here(make_auth, database_url):
    organizations = ApiKeyOptions(config_id="org", references="organization")
    auth = make_auth(database=database_url, features=[ApiKeys(OPTIONS, organizations, ApiKeyOptions(config_id="bare"))])
    owner = await person(auth)
    keys = [await add_key(auth, "acme", config_id="org"), await add_key(auth, owner, config_id="bare")]
    async with browser(auth.wrap(tell), origin=None) as client:
        for key in keys:
            assert refusal(await get(client, "/get-session", key)) == (401, "INVALID_API_KEY")
            assert (await client.get("/", headers=with_key(key))).json()["credential"] == "api_key"


async def test_a_key_whose_user_is_gone_is_refused(auth, client):
    await person(auth)
    key = await add_key(auth, "nobody")
    assert refusal(await get(client, "/get-session", key)) == (401, "INVALID_REFERENCE_ID_FROM_API_KEY")


async def test_without_it_a_key_is_nothing_to_the_endpoints(make_auth, database_url):
    auth = make_auth(database=database_url, features=[ApiKeys()])
    key = await new_key(auth)
    async with browser(auth.wrap(tell), origin=None) as client:
        for text in (key.text, "short"):
            response = await get(client, "/get-session", text)
            assert (response.status_code, response.json()) == (200, None)


async def test_behind_a_middleware_it_is_counted_once(auth):
    key = await new_key(auth, remaining=9, rate_limit_max=9)
    async with browser(ApiKeyMiddleware(auth.wrap(tell), auth.services), origin=None) as client:
        assert (await get(client, "/get-session", key)).json()["session"]["id"] == key.id
        assert (await client.get("/", headers=with_key(key))).json()["key"] == key.id
    row = await written(auth, key)
    assert (row.remaining, row.request_count) == (7, 2)


async def test_something_remaining_is_used_up_by_requests_to_endpoints(auth, client):
    key = await new_key(auth, remaining=2)
    answers = [await get(client, "/ok", key) for _ in range(4)]
    assert [each.status_code for each in answers] == [200, 200, 429, 401]

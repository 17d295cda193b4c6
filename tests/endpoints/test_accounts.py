"""Listing a user's ways in, and taking one away."""

import asyncio

import pytest

from asgi_auth import AccountOptions
from asgi_auth.oauth.tokens import Tokens
from tests.support import BOB, browser, sign_up, user_id, whoami

TOKENS = Tokens(access_token="at-canary", refresh_token="rt-canary", id_token="it-canary", scopes=("openid", "email"))
LAST = {"message": "You can't unlink your last account", "code": "FAILED_TO_UNLINK_LAST_ACCOUNT"}
NOT_FOUND = {"message": "Account not found", "code": "ACCOUNT_NOT_FOUND"}


async def listed(client):
    response = await client.get("/api/auth/list-accounts")
    assert response.status_code == 200
    return response.json()


async def unlink(client, account_row_id):
    return await client.post("/api/auth/unlink-account", json={"accountId": account_row_id})


@pytest.fixture
async def linked(auth, ada, clock):
    """Ada's account at another service, a second younger than her password."""
    clock.advance(seconds=1)
    return await auth.services.accounts.link(await user_id(ada), "github", "7", TOKENS)


async def test_all_ways_in_are_listed_without_their_secrets(ada, linked):
    response = await ada.get("/api/auth/list-accounts")
    password, github = response.json()
    assert list(github) == ["accountId", "providerId", "userId", "createdAt", "updatedAt", "id", "scopes"]
    assert (github["accountId"], github["providerId"], github["id"]) == ("7", "github", linked.id)
    assert (github["userId"], github["scopes"]) == (linked.user_id, ["openid", "email"])
    assert github["createdAt"] == "2026-11-22T12:00:01.123Z"
    assert (password["providerId"], password["scopes"]) == ("credential", [])
    assert not any(secret in response.text for secret in ("canary", "accessToken", "password"))


async def test_nobody_sees_the_accounts_of_others(auth, ada, linked):
    async with browser(auth.wrap(whoami)) as bob:
        await sign_up(bob, BOB)
        assert [account["providerId"] for account in await listed(bob)] == ["credential"]


async def test_an_account_is_unlinked(ada, linked):
    response = await unlink(ada, linked.id)
    assert (response.status_code, response.json()) == (200, {"status": True})
    assert [account["providerId"] for account in await listed(ada)] == ["credential"]


async def test_the_last_way_in_stays_whatever_is_asked_for(ada):
    [only] = await listed(ada)
    for account_row_id in (only["id"], "unknown"):
        response = await unlink(ada, account_row_id)
        assert (response.status_code, response.json()) == (400, LAST)
    assert len(await listed(ada)) == 1


async def test_accounts_go_by_the_id_of_their_row(ada, linked):
    for wrong in ("7", "unknown", "", linked.id.upper(), f"{linked.id} "):
        response = await unlink(ada, wrong)
        assert (response.status_code, response.json()) == (400, NOT_FOUND)
    assert len(await listed(ada)) == 2


async def test_the_account_of_another_user_cannot_be_unlinked(auth, ada, linked):
    async with browser(auth.wrap(whoami)) as bob:
        await sign_up(bob, BOB)
        await auth.services.accounts.link(await user_id(bob), "github", "8", TOKENS)
        for body in ({"accountId": linked.id}, {"accountId": linked.id, "userId": linked.user_id}):
            response = await bob.post("/api/auth/unlink-account", json=body)
            assert (response.status_code, response.json()) == (400, NOT_FOUND)
    assert len(await listed(ada)) == 2


async def test_of_two_accounts_unlinked_at_once_one_stays(ada, linked):
    rows = [account["id"] for account in await listed(ada)]
    answers = await asyncio.gather(*(unlink(ada, row) for row in rows * 5))
    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 9
    assert len(await listed(ada)) == 1


async def test_where_configured_even_the_last_may_go(make_auth, database_url):
    auth = make_auth(database=database_url, accounts=AccountOptions(unlinks_last=True))
    async with browser(auth.wrap(whoami)) as client:
        await sign_up(client)
        [only] = await listed(client)
        assert (await unlink(client, only["id"])).json() == {"status": True}
        assert await listed(client) == []


async def test_unlinking_asks_for_a_fresh_session_and_looks_at_the_body_first(member, clock):
    clock.advance(days=1)
    response = await unlink(member, "unknown")
    assert response.status_code == 403
    assert response.json() == {"message": "Session is not fresh", "code": "SESSION_NOT_FRESH"}
    assert (await member.post("/api/auth/unlink-account", json={})).status_code == 400
    assert len(await listed(member)) == 1


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "[body.accountId] Invalid input: expected string, received undefined"),
        ({"accountId": 1}, "[body.accountId] Invalid input: expected string, received number"),
        ({"accountId": None}, "[body.accountId] Invalid input: expected string, received null"),
        ({"useAccountCookie": True}, "[body.accountId] Invalid input: expected string, received undefined"),
        ([], "[body] Invalid input: expected object, received array"),
        ("x", "[body] Invalid input: expected object, received string"),
    ],
)
async def test_a_body_that_names_no_account_is_refused(member, body, message):
    response = await member.post("/api/auth/unlink-account", json=body)
    assert (response.status_code, response.json()) == (400, {"message": message, "code": "VALIDATION_ERROR"})


@pytest.mark.parametrize(("method", "path"), [("GET", "/list-accounts"), ("POST", "/unlink-account")])
@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer unknown"}])
async def test_without_a_session_the_answer_is_401(guest, method, path, headers):
    response = await guest.request(method, f"/api/auth{path}", json={"accountId": "x"}, headers=headers)
    assert response.status_code == 401
    assert response.json() == {"message": "Unauthorized", "code": "UNAUTHORIZED"}


async def test_a_page_of_another_origin_unlinks_nothing(ada, linked):
    headers = {"origin": "http://evil.test"}
    response = await ada.post("/api/auth/unlink-account", json={"accountId": linked.id}, headers=headers)
    assert response.status_code == 403
    assert len(await listed(ada)) == 2

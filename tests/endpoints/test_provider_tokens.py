"""Tokens of other services, and whom they belong to there: /get-access-token, /refresh-token, /account-info."""

import logging
from datetime import timedelta

import pytest
import structlog
from joserfc.jwk import ECKey
from starlette.responses import JSONResponse, PlainTextResponse

from asgi_auth import SocialOptions
from asgi_auth.oauth.tokens import Tokens
from asgi_auth.providers import GenericOAuth, Provider
from tests.contracts.rows import query
from tests.grants import ENCRYPTED, PROVIDER, link, social_options
from tests.security.canaries import Listening, leaks
from tests.support import BOB, SECRET, SESSION_COOKIE, browser, sign_up, user_id, whoami

INVALID = {"message": "[body] Invalid input", "code": "VALIDATION_ERROR"}
NOT_FOUND = {"message": "Account not found", "code": "ACCOUNT_NOT_FOUND"}
GET_FAILED = {"message": "Failed to get a valid access token", "code": "FAILED_TO_GET_ACCESS_TOKEN"}
REFRESH_FAILED = {"message": "Failed to refresh access token", "code": "FAILED_TO_REFRESH_ACCESS_TOKEN"}
NOT_SUPPORTED = {"message": "Provider gone is not supported.", "code": "PROVIDER_NOT_SUPPORTED"}
NOT_CONFIGURED = {
    "message": "Account is not associated with a configured social provider.",
    "code": "PROVIDER_NOT_CONFIGURED",
}
WAYS = ("/get-access-token", "/refresh-token", "/account-info")


@pytest.fixture
def auth(make_auth, database_url, oidc):
    """An Auth that knows the tests' provider, on SQLite and on Postgres."""
    return make_auth(database=database_url, social=social_options(oidc))


@pytest.fixture
def quick(make_auth, oidc):
    """The same in memory: for rules of HTTP."""
    return make_auth(social=social_options(oidc))


async def ask(client, path, account_row_id, **more):
    """Any of the three endpoints about one account."""
    if path == "/account-info":
        return await client.get(f"/api/auth{path}", params={"accountId": account_row_id, **more})
    return await client.post(f"/api/auth{path}", json={"accountId": account_row_id, **more})


@pytest.fixture
async def account(auth, ada, oidc):
    """Ada's account at the provider."""
    return await link(auth, oidc, await user_id(ada))


@pytest.fixture
async def member_account(quick, member, oidc):
    """The same in memory."""
    return await link(quick, oidc, await user_id(member))


# what they answer


async def test_an_access_token_is_given_to_its_user(ada, account, clock):
    response = await ask(ada, "/get-access-token", account.id)
    assert response.status_code == 200
    assert response.json() == {
        "accessToken": account.access_token,
        "accessTokenExpiresAt": (clock() + timedelta(hours=1)).iso(),
        "scopes": ["openid", "email"],
        "idToken": account.id_token,
    }
    assert response.headers["cache-control"] == "no-store"


async def test_what_nobody_knows_is_missing(auth, ada):
    linked = await auth.services.accounts.link(await user_id(ada), PROVIDER, "1", Tokens())
    assert (await ask(ada, "/get-access-token", linked.id)).json() == {"accessToken": "", "scopes": []}
    refused = await ask(ada, "/account-info", linked.id)
    assert refused.status_code == 400
    assert refused.json() == {"message": "Access token not found", "code": "ACCESS_TOKEN_NOT_FOUND"}
    refused = await ask(ada, "/refresh-token", linked.id)
    assert refused.status_code == 400
    assert refused.json() == {"message": "Refresh token not found", "code": "REFRESH_TOKEN_NOT_FOUND"}


async def test_an_access_token_that_is_about_to_expire_is_refreshed_on_the_way(auth, member_account, member, clock):
    clock.advance(seconds=3600 - 4)
    body = (await ask(member, "/get-access-token", member_account.id)).json()
    assert body["accessToken"] != member_account.access_token
    assert body["accessTokenExpiresAt"] == (clock() + timedelta(hours=1)).iso()


async def test_a_refresh_gives_all_new_tokens_and_stores_them(auth, ada, account, clock):
    clock.advance(minutes=1)
    response = await ask(ada, "/refresh-token", account.id)
    assert response.status_code == 200
    stored = await auth.services.accounts.find_linked(PROVIDER, "grace-1")
    assert response.json() == {
        "accessToken": stored.access_token,
        "refreshToken": stored.refresh_token,
        "accessTokenExpiresAt": (clock() + timedelta(hours=1)).iso(),
        "refreshTokenExpiresAt": None,
        "scope": "openid,email",
        "idToken": stored.id_token,
        "providerId": PROVIDER,
        "accountId": account.id,
    }
    assert stored.access_token != account.access_token
    assert response.headers["cache-control"] == "no-store"


async def test_a_refresh_token_that_the_provider_does_not_send_again_stays(member_account, member, oidc):
    oidc.token_fields = {"refresh_token": None, "id_token": None, "expires_in": None}
    body = (await ask(member, "/refresh-token", member_account.id)).json()
    assert (body["refreshToken"], body["idToken"]) == (member_account.refresh_token, member_account.id_token)
    assert "accessTokenExpiresAt" not in body


async def test_a_refresh_token_of_another_person_gives_nothing_away(quick, member_account, member, oidc):
    """Whoever signs in by an ID token brings the refresh token along: it may be stolen, worth nothing without us."""
    oidc.person["sub"] = "victim-1"
    response = await ask(member, "/refresh-token", member_account.id)
    assert (response.status_code, response.json()) == (400, REFRESH_FAILED)
    assert await quick.services.accounts.find_linked(PROVIDER, "grace-1") == member_account


async def test_the_provider_says_who_it_is(ada, account, oidc):
    response = await ask(ada, "/account-info", account.id)
    assert response.status_code == 200
    body = response.json()
    assert body["user"] == {
        "email": "grace@example.com",
        "emailVerified": True,
        "image": "https://example.com/grace.png",
        "name": "Grace",
    }
    assert body["data"].items() >= oidc.person.items()
    assert body["account"] == {"id": account.id, "providerId": PROVIDER, "accountId": "grace-1"}
    assert response.headers["cache-control"] == "no-store"


async def test_the_provider_is_asked_anew_whatever_an_old_id_token_says(member_account, member, oidc, clock):
    clock.advance(hours=2)
    oidc.person["name"] = "Grace Hopper"
    body = (await ask(member, "/account-info", member_account.id)).json()
    assert body["user"]["name"] == "Grace Hopper"


@pytest.mark.parametrize(
    "answer",
    [JSONResponse({"error": "x"}, 401), JSONResponse(None), JSONResponse([]), JSONResponse({}), PlainTextResponse("")],
)
async def test_a_provider_that_says_nothing_useful_is_no_user(member_account, member, oidc, answer):
    oidc.answer_with("/userinfo", answer)
    response = await ask(member, "/account-info", member_account.id)
    assert response.status_code == 401
    assert response.json() == {"message": "Failed to get user info", "code": "FAILED_TO_GET_USER_INFO"}


@pytest.mark.parametrize("answer", [PlainTextResponse("", 502), PlainTextResponse("", 429)])
async def test_a_provider_that_cannot_be_asked_is_no_verdict_on_the_session(member_account, member, oidc, answer):
    oidc.answer_with("/userinfo", answer)
    response = await ask(member, "/account-info", member_account.id)
    assert (response.status_code, response.json()["code"]) == (503, "SERVICE_UNAVAILABLE")


async def test_an_access_token_of_another_person_does_not_tell_whose_the_account_is(member_account, member, oidc):
    """Whoever links by an ID token brings the access token along, which may be anybody's."""
    oidc.person["sub"] = "mallory-1"
    response = await ask(member, "/account-info", member_account.id)
    assert (response.status_code, response.json()["code"]) == (401, "FAILED_TO_GET_USER_INFO")


async def test_where_nobody_can_be_asked_the_id_token_tells_what_it_told(make_auth, oidc, clock):
    """As at Google and Microsoft: there is no user-info endpoint, and the stored ID token has expired long ago."""
    silent = GenericOAuth(
        id=PROVIDER,
        client_id=oidc.client_id,
        client_secret=oidc.client_secret,
        authorization_url=f"{oidc.url}/authorize",
        token_url=f"{oidc.url}/token",
        jwks_url=f"{oidc.url}/jwks",
        issuers=(oidc.url,),
        uses_pkce=False,
    )
    oidc.token_fields = {"refresh_token": None}
    auth = make_auth(social=SocialOptions(providers=(silent,), allows_private_addresses=True))
    async with browser(auth.wrap(whoami)) as client:
        await sign_up(client)
        account = await link(auth, oidc, await user_id(client))
        clock.advance(hours=2)
        oidc.key = ECKey.generate_key("P-256", {"kid": "second", "use": "sig"})
        response = await ask(client, "/account-info", account.id)
        assert response.status_code == 200
        assert response.json()["user"] == {
            "email": "grace@example.com",
            "emailVerified": True,
            "image": "https://example.com/grace.png",
            "name": "Grace",
        }
        for stored in (oidc.id_token(sub="mallory-1"), "x", ""):
            await auth.services.engine.accounts.change({"id": account.id}, id_token=stored)
            assert (await ask(client, "/account-info", account.id)).status_code == 401


async def test_a_provider_that_refuses_to_refresh_is_said_so_each_way(member_account, member, oidc, clock):
    clock.advance(hours=2)
    oidc.answer_with("/token", JSONResponse({"error": "invalid_grant", "error_description": "rt-canary"}, 400))
    for path, body in zip(WAYS, (GET_FAILED, REFRESH_FAILED, GET_FAILED), strict=True):
        response = await ask(member, path, member_account.id)
        assert (response.status_code, response.json()) == (400, body)


async def test_a_provider_that_is_not_configured_any_more_is_said_so_each_way(quick, member):
    linked = await quick.services.accounts.link(await user_id(member), "gone", "1", Tokens(access_token="at"))
    for path, body in zip(WAYS, (NOT_SUPPORTED, NOT_SUPPORTED, NOT_CONFIGURED), strict=True):
        response = await ask(member, path, linked.id)
        assert (response.status_code, response.json()) == (400, body)


async def test_a_password_has_no_tokens(member):
    [credential] = (await member.get("/api/auth/list-accounts")).json()
    codes = [(await ask(member, path, credential["id"])).json()["code"] for path in WAYS]
    assert codes == ["PROVIDER_NOT_SUPPORTED", "PROVIDER_NOT_SUPPORTED", "PROVIDER_NOT_CONFIGURED"]


async def test_a_provider_without_a_token_endpoint_does_not_refresh(make_auth):
    provider = Provider(id="app", client_id="x", jwks_url="https://example.com/jwks", issuers=("https://example.com",))
    auth = make_auth(social=SocialOptions(providers=(provider,)))
    async with browser(auth.wrap(whoami)) as client:
        await sign_up(client)
        tokens = Tokens(access_token="at", refresh_token="rt", access_token_expires_at=auth.services.clock())
        linked = await auth.services.accounts.link(await user_id(client), "app", "1", tokens)
        assert (await ask(client, "/get-access-token", linked.id)).json()["accessToken"] == "at"
        refused = await ask(client, "/refresh-token", linked.id)
    assert refused.status_code == 400
    assert refused.json() == {
        "message": "Provider app does not support token refreshing.",
        "code": "TOKEN_REFRESH_NOT_SUPPORTED",
    }


# which account is meant


@pytest.mark.parametrize("path", WAYS[:2])
@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "Invalid input"),
        ([], "Invalid input"),
        ("x", "Invalid input"),
        ({"accountId": 1}, "Invalid input"),
        ({"accountId": None}, "Invalid input"),
        ({"accountId": "x", "userId": 1}, "Invalid input"),
        ({"accountId": "x", "userId": None}, "Invalid input"),
        ({"accountId": "x", "useAccountCookie": True}, "Invalid input"),
        ({"accountId": "x", "useAccountCookie": False}, 'Unrecognized key: "useAccountCookie"'),
        ({"accountId": 1, "useAccountCookie": True}, 'Unrecognized key: "accountId"'),
        ({"accountId": "x", "providerId": "corp"}, 'Unrecognized key: "providerId"'),
        ({"accountId": "x", "a": 1, "b": 2}, 'Unrecognized keys: "a", "b"'),
        ({"useAccountCookie": False}, "Invalid input"),
        ({"useAccountCookie": 1}, "Invalid input"),
        ({"useAccountCookie": "true"}, "Invalid input"),
        ({"useAccountCookie": True, "userId": 1}, "Invalid input"),
        ({"useAccountCookie": True, "x": 1}, 'Unrecognized key: "x"'),
        ({"providerId": "corp"}, "Invalid input"),
    ],
)
async def test_a_body_that_selects_no_account_is_refused(guest, path, body, message):
    response = await guest.post(f"/api/auth{path}", json=body)
    assert response.status_code == 400
    assert response.json() == {"message": f"[body] {message}", "code": "VALIDATION_ERROR"}


async def test_without_a_body_no_account_is_selected(guest):
    for path in WAYS[:2]:
        response = await guest.post(f"/api/auth{path}")
        assert (response.status_code, response.json()) == (400, INVALID)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("", "Invalid input"),
        ("?accountId=x&accountId=x", "Invalid input"),
        ("?accountId=x&userId=a&userId=b", "Invalid input"),
        ("?accountId=x&y=1", 'Unrecognized key: "y"'),
        ("?accountId=x&useAccountCookie=true", 'Unrecognized key: "useAccountCookie"'),
        ("?useAccountCookie=true", "Invalid input"),
        ("?useAccountCookie", "Invalid input"),
    ],
)
async def test_a_query_that_selects_no_account_is_refused(guest, asked, message):
    response = await guest.get(f"/api/auth/account-info{asked}")
    assert response.status_code == 400
    assert response.json() == {"message": f"[query] {message}", "code": "VALIDATION_ERROR"}


@pytest.mark.parametrize("wrong", ["unknown", "", "grace-1", "' OR 1=1 --"])
async def test_accounts_go_by_the_id_of_their_row(ada, account, wrong):
    for path in WAYS:
        response = await ask(ada, path, wrong)
        assert (response.status_code, response.json()) == (400, NOT_FOUND)


async def test_without_the_account_cookie_it_selects_nothing(member, member_account):
    for path in WAYS[:2]:
        response = await member.post(f"/api/auth{path}", json={"useAccountCookie": True})
        assert (response.status_code, response.json()) == (400, NOT_FOUND)


# who may


@pytest.mark.parametrize("path", WAYS)
async def test_nobody_gets_at_the_account_of_another_user(auth, ada, account, oidc, path):
    before = list(oidc.requests)
    async with browser(auth.wrap(whoami)) as bob:
        await sign_up(bob, BOB)
        for more in ({}, {"userId": account.user_id}):
            response = await ask(bob, path, account.id, **more)
            assert (response.status_code, response.json()) == (400, NOT_FOUND)
    assert oidc.requests == before


@pytest.mark.parametrize("path", WAYS)
async def test_whose_account_it_is_says_the_session_not_the_request(ada, account, path):
    assert (await ask(ada, path, account.id, userId="somebody-else")).status_code == 200


@pytest.mark.parametrize("path", WAYS)
@pytest.mark.parametrize(
    "headers", [{}, {"authorization": "Bearer unknown"}, {"cookie": f"{SESSION_COOKIE}=x.y"}], ids=str
)
async def test_without_a_session_the_answer_is_401_and_empty(quick, member, member_account, path, headers):
    async with browser(quick.wrap(whoami)) as stranger:
        stranger.headers.update(headers)
        for more in ({}, {"userId": member_account.user_id}):
            response = await ask(stranger, path, member_account.id, **more)
            assert (response.status_code, response.content) == (401, b"")


@pytest.mark.parametrize("path", WAYS)
async def test_a_bearer_token_will_do(quick, member, member_account, path):
    token = member.cookies[SESSION_COOKIE].partition(".")[0]
    async with browser(quick.wrap(whoami), origin=None) as program:
        program.headers["authorization"] = f"Bearer {token}"
        assert (await ask(program, path, member_account.id)).status_code == 200


@pytest.mark.parametrize("path", WAYS[:2])
async def test_a_page_of_another_origin_gets_nothing(member, member_account, path):
    response = await member.post(
        f"/api/auth{path}", json={"accountId": member_account.id}, headers={"origin": "http://evil.test"}
    )
    assert response.status_code == 403


# where tokens lie, and where not


@pytest.fixture
def sealing(make_auth, database_url, oidc):
    """An Auth that encrypts tokens."""
    return make_auth(database=database_url, social=social_options(oidc), accounts=ENCRYPTED)


async def raw_tokens(database_url):
    [row] = await query(
        database_url, """SELECT "accessToken", "refreshToken", "idToken" FROM account WHERE "providerId" = 'corp'"""
    )
    return row


async def test_encrypted_tokens_are_given_out_decrypted_and_stay_encrypted(sealing, oidc, database_url):
    async with browser(sealing.wrap(whoami)) as client:
        await sign_up(client)
        linked = await link(sealing, oidc, await user_id(client))
        first = (await ask(client, "/get-access-token", linked.id)).json()
        second = (await ask(client, "/refresh-token", linked.id)).json()
        assert (await ask(client, "/account-info", linked.id)).status_code == 200
    *raw, id_token = await raw_tokens(database_url)
    decrypted = [sealing.services.cipher.decrypt(text) for text in raw]
    assert decrypted == [second["accessToken"], second["refreshToken"]]
    assert id_token == second["idToken"]
    assert first["accessToken"] != second["accessToken"]
    assert first["accessToken"] == sealing.services.accounts.tokens_of(linked).access_token


async def test_tokens_that_no_secret_opens_are_refused_like_expired_ones(make_auth, sealing, database_url, oidc):
    other = make_auth(database=database_url, secret=SECRET[::-1], accounts=ENCRYPTED, social=social_options(oidc))
    async with browser(other.wrap(whoami)) as client:
        await sign_up(client)
        linked = await link(sealing, oidc, await user_id(client))
        asked = oidc.count("/token")
        for path, body in zip(WAYS, (GET_FAILED, REFRESH_FAILED, GET_FAILED), strict=True):
            response = await ask(client, path, linked.id)
            assert (response.status_code, response.json()) == (400, body)
    assert oidc.count("/token") == asked


async def test_no_token_is_logged(quick, member, member_account, oidc, clock):
    listening = Listening()
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.DEBUG)
    root.addHandler(listening)
    made = {}
    with structlog.testing.capture_logs() as events:
        for path in WAYS:
            body = (await ask(member, path, member_account.id)).json()
            made |= {
                f"{path} {name}": body[name] for name in ("accessToken", "refreshToken", "idToken") if name in body
            }
        clock.advance(hours=2)
        oidc.answer_with(
            "/token", JSONResponse({"error": "invalid_grant", "error_description": "canary-described"}, 400)
        )
        for path in WAYS:
            await ask(member, path, member_account.id)
    root.removeHandler(listening)
    root.setLevel(level)
    written = "\n".join([*listening.written, *map(repr, events)])
    assert "account.refresh_failed" in written
    assert leaks(written, {**made, "description": "canary-described"}) == []

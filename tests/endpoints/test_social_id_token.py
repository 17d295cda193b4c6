"""ID tokens that an application got by itself: /sign-in/social and /link-social without a trip."""

import pytest
from starlette.responses import JSONResponse, PlainTextResponse

from asgi_auth import AccountOptions
from asgi_auth.oauth.tokens import Tokens
from tests.endpoints.social_trips import LINK, SIGN_IN, corp, session_of, social, who
from tests.servers.oidc import GRACE
from tests.support import BASE_URL, PASSWORD, browser, sign_up, whoami

HOPPER = {"name": "G. Hopper", "email": GRACE["email"], "password": PASSWORD}


@pytest.fixture
def make_site(make_auth, oidc):
    def make(*, accounts=None, **changes):
        provider = corp(oidc, **{"accepts_id_tokens": True, **changes})
        return make_auth(social=social(provider), accounts=accounts or AccountOptions())

    return make


@pytest.fixture
def site(make_site):
    return make_site()


@pytest.fixture
async def phone(site):
    async with browser(site.wrap(whoami), origin=None) as client:
        yield client


def offer(token, **more):
    return {"provider": "corp", "idToken": {"token": token, **more}}


async def test_it_signs_in_at_once(phone, oidc):
    response = await phone.post(SIGN_IN, json=offer(oidc.id_token()))
    body = response.json()
    assert response.status_code == 200
    assert list(body) == ["redirect", "token", "user"]
    assert (body["redirect"], body["user"]["email"]) == (False, GRACE["email"])
    assert response.headers["set-auth-token"].startswith(f"{body['token']}.")
    assert (await session_of(phone))["session"]["token"] == body["token"]
    assert len(response.headers.get_list("set-cookie")) == 1


async def test_the_tokens_that_came_along_are_kept(site, phone, oidc):
    token = oidc.id_token(at_hash=None)
    oidc._tokens["app-access"] = {}
    more = {"accessToken": "app-access", "refreshToken": "app-refresh", "expiresAt": 1_795_000_000_000}
    assert (await phone.post(SIGN_IN, json=offer(token, **more))).status_code == 200
    [account] = await site.services.engine.accounts.list()
    assert (account.id_token, account.access_token, account.refresh_token) == (token, "app-access", "app-refresh")
    assert account.access_token_expires_at.iso() == "2026-11-18T11:06:40.000Z"


@pytest.mark.parametrize("moment", [1e300, -1e300])
async def test_a_moment_beyond_any_calendar_is_not_kept(site, phone, oidc, moment):
    assert (await phone.post(SIGN_IN, json=offer(oidc.id_token(), expiresAt=moment))).status_code == 200
    [account] = await site.services.engine.accounts.list()
    assert account.access_token_expires_at is None


@pytest.mark.parametrize(
    ("changes", "nonce", "status"),
    [
        ({}, None, 200),
        ({"nonce": "n"}, "n", 200),
        ({"nonce": "m"}, "n", 401),
        ({}, "n", 401),
        ({"aud": "somebody-else"}, None, 401),
        ({"iss": "https://evil.test"}, None, 401),
        ({"exp": 1}, None, 401),
        ({"sub": None}, None, 401),
    ],
)
async def test_it_has_to_prove_who_it_is(phone, oidc, changes, nonce, status):
    more = {} if nonce is None else {"nonce": nonce}
    response = await phone.post(SIGN_IN, json=offer(oidc.id_token(**changes), **more))
    assert response.status_code == status
    if status == 401:
        assert response.json() == {"message": "Invalid token", "code": "INVALID_TOKEN"}
        assert await who(phone) is None


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "a" * 100_000])
async def test_what_is_no_token_is_refused(phone, token):
    response = await phone.post(SIGN_IN, json=offer(token))
    assert (response.status_code, response.json()["code"]) == (401, "INVALID_TOKEN")


@pytest.mark.parametrize("path", [SIGN_IN, LINK])
@pytest.mark.parametrize(
    ("silent", "answer"),
    [
        ("/.well-known/openid-configuration", PlainTextResponse("down", 502)),
        ("/.well-known/openid-configuration", JSONResponse({"issuer": "https://other.test"})),
        ("/jwks", PlainTextResponse("down", 502)),
        ("/jwks", PlainTextResponse("too many", 429)),
        ("/jwks", JSONResponse({}, 404)),
        ("/jwks", PlainTextResponse("<h1>Maintenance</h1>")),
        ("/userinfo", PlainTextResponse("down", 502)),
        ("/userinfo", PlainTextResponse("too many", 429)),
    ],
)
async def test_a_provider_that_cannot_be_asked_says_nothing_of_the_token(phone, oidc, path, silent, answer):
    await sign_up(phone, HOPPER)
    oidc.answer_with(silent, answer)
    token = oidc.id_token(email=None) if silent == "/userinfo" else oidc.id_token()
    response = await phone.post(path, json=offer(token, accessToken="app-access"), headers={"origin": BASE_URL})
    assert (response.status_code, response.json()["code"]) == (503, "SERVICE_UNAVAILABLE")
    assert response.headers["retry-after"] == "1"
    assert "set-cookie" not in response.headers


async def test_without_keys_a_provider_takes_none_whatever_it_says(make_site, oidc):
    plain = {
        "discovery_url": None,
        "authorization_url": f"{oidc.url}/authorize",
        "token_url": f"{oidc.url}/token",
        "user_info_url": f"{oidc.url}/userinfo",
    }
    for accepts in (False, True):
        async with browser(make_site(accepts_id_tokens=accepts, **plain).wrap(whoami)) as client:
            response = await client.post(SIGN_IN, json=offer(oidc.id_token()))
            assert (response.status_code, response.json()) == (
                404,
                {"message": "id_token not supported", "code": "ID_TOKEN_NOT_SUPPORTED"},
            )


@pytest.mark.parametrize(
    ("provider", "claims", "status", "body"),
    [
        ({}, {"email": None}, 401, {"message": "User email not found", "code": "USER_EMAIL_NOT_FOUND"}),
        ({"allows_sign_up": False}, {}, 401, {"message": "signup disabled", "code": "OAUTH_LINK_ERROR"}),
        (
            {"requires_verified_email": True},
            {"email_verified": False},
            403,
            {"message": "Email not verified", "code": "EMAIL_NOT_VERIFIED"},
        ),
    ],
)
async def test_refusals_are_json(make_site, oidc, provider, claims, status, body):
    oidc.person |= claims
    async with browser(make_site(**provider).wrap(whoami)) as client:
        response = await client.post(SIGN_IN, json=offer(oidc.id_token()))
        assert (response.status_code, response.json()) == (status, body)
        assert await who(client) is None


async def test_it_does_not_take_over_an_unverified_account(site, phone, oidc):
    async with browser(site.wrap(whoami)) as mallory:
        await sign_up(mallory, HOPPER)
    response = await phone.post(SIGN_IN, json=offer(oidc.id_token()))
    assert (response.status_code, response.json()) == (
        401,
        {"message": "account not linked", "code": "OAUTH_LINK_ERROR"},
    )


@pytest.mark.parametrize(
    ("accounts", "claims", "status", "body"),
    [
        (AccountOptions(), {}, 200, {"url": "", "status": True, "redirect": False}),
        (
            AccountOptions(),
            {"email": "other@example.com"},
            401,
            {
                "message": "Account not linked - different emails not allowed",
                "code": "LINKING_DIFFERENT_EMAILS_NOT_ALLOWED",
            },
        ),
        (
            AccountOptions(links=False),
            {},
            401,
            {"message": "Account not linked - linking not allowed", "code": "LINKING_NOT_ALLOWED"},
        ),
        (AccountOptions(), {"email": None}, 401, {"message": "User email not found", "code": "USER_EMAIL_NOT_FOUND"}),
        (AccountOptions(), {"exp": 1}, 401, {"message": "Invalid token", "code": "INVALID_TOKEN"}),
    ],
)
async def test_it_links_an_account_at_once(make_site, oidc, accounts, claims, status, body):
    site = make_site(accounts=accounts)
    async with browser(site.wrap(whoami)) as client:
        await sign_up(client, HOPPER)
        del oidc.person["email"]
        token = oidc.id_token(**{"email": GRACE["email"], **claims})
        response = await client.post(LINK, json=offer(token))
        assert (response.status_code, response.json()) == (status, body)
        assert "set-cookie" not in response.headers
        assert await site.services.engine.accounts.count() == (2 if status == 200 else 1)


async def test_somebody_elses_account_is_not_linked(site, phone, oidc):
    await phone.post(SIGN_IN, json=offer(oidc.id_token()))
    async with browser(site.wrap(whoami)) as bob:
        await sign_up(bob, {**HOPPER, "email": "bob@example.com"})
        response = await bob.post(LINK, json=offer(oidc.id_token(email="bob@example.com")))
    assert (response.status_code, response.json()) == (
        409,
        {"message": "Social account already linked", "code": "SOCIAL_ACCOUNT_ALREADY_LINKED"},
    )


@pytest.mark.parametrize("claims", [{}, {"email_verified": False}], ids=repr)
async def test_somebody_elses_account_is_told_whatever_its_address(site, phone, oidc, claims):
    await phone.post(SIGN_IN, json=offer(oidc.id_token()))
    async with browser(site.wrap(whoami)) as bob:
        await sign_up(bob, {**HOPPER, "email": "bob@example.com"})
        response = await bob.post(LINK, json=offer(oidc.id_token(**claims)))
    assert (response.status_code, response.json()["code"]) == (409, "SOCIAL_ACCOUNT_ALREADY_LINKED")


@pytest.mark.parametrize(
    ("accounts", "claims"),
    [
        (AccountOptions(updates_user_on_link=True), {"email": "new@example.com"}),
        (AccountOptions(updates_user_on_link=True), {"email_verified": False}),
        (AccountOptions(updates_user_on_link=True, links=False), {}),
    ],
)
async def test_an_own_account_is_linked_again_whatever_its_address(make_site, oidc, accounts, claims):
    site = make_site(accounts=accounts)
    async with browser(site.wrap(whoami)) as client:
        user_id = (await sign_up(client, HOPPER)).json()["user"]["id"]
        await site.services.accounts.link(user_id, "corp", oidc.person["sub"], Tokens(access_token="at-1"))
        token = oidc.id_token(name="Admiral", **claims)
        response = await client.post(LINK, json=offer(token, accessToken="at-2"))
        assert (response.status_code, response.json()) == (200, {"url": "", "status": True, "redirect": False})
        user = (await client.get("/api/auth/get-session")).json()["user"]
        assert (user["name"], user["email"]) == ("Admiral", HOPPER["email"])
    account = await site.services.engine.accounts.find(provider_id="corp")
    assert (account.access_token, account.id_token) == ("at-2", token)

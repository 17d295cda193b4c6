"""POST /sign-in/social, and coming back from a provider that answers rightly."""

import base64
import hashlib
import json

import pytest

from asgi_auth import CookieOptions, CookieOverride
from tests.endpoints.social_trips import (
    CALLBACK,
    CLEARED,
    SIGN_IN,
    come_back,
    corp,
    depart,
    error_of,
    query_of,
    session_of,
    social,
    trip,
    who,
)
from tests.servers.oidc import GRACE
from tests.support import browser, sign_up, whoami

RESERVED = (
    "[body.additionalParams] additionalParams cannot include reserved OAuth parameters: "
    "state, client_id, redirect_uri, response_type, code_challenge, code_challenge_method, nonce, scope"
)

COMPLAINTS = [
    ({}, "[body.provider] Invalid input"),
    ({"provider": 1}, "[body.provider] Invalid input"),
    (
        {"provider": "corp", "idToken": {"user": {"name": 1, "email": 2}}},
        (
            "[body.idToken.token] Invalid input: expected string, received undefined; "
            "[body.idToken.user.name] Invalid input: expected object, received number; "
            "[body.idToken.user.email] Invalid input: expected string, received number"
        ),
    ),
    ({"provider": "corp", "scopes": ["a", 1]}, "[body.scopes.1] Invalid input: expected string, received number"),
    (
        {"provider": "corp", "additionalData": [1]},
        "[body.additionalData] Invalid input: expected record, received array",
    ),
    (
        {"provider": "corp", "additionalParams": {"prompt": 1}},
        "[body.additionalParams.prompt] Invalid input: expected string, received number",
    ),
    ({"provider": "corp", "additionalParams": {"prompt": "login", "redirect_uri": "https://evil.test"}}, RESERVED),
    (
        {"provider": 1, "disableRedirect": 1, "idToken": 1, "scopes": 1, "requestSignUp": 1, "loginHint": 1},
        (
            "[body.provider] Invalid input; "
            "[body.disableRedirect] Invalid input: expected boolean, received number; "
            "[body.idToken] Invalid input: expected object, received number; "
            "[body.scopes] Invalid input: expected array, received number; "
            "[body.requestSignUp] Invalid input: expected boolean, received number; "
            "[body.loginHint] Invalid input: expected string, received number"
        ),
    ),
]


async def test_the_answer_says_where_to_go_and_the_browser_keeps_the_state(visitor, oidc):
    response = await visitor.post(SIGN_IN, json={"provider": "corp", "callbackURL": "/dash"})

    assert response.status_code == 200
    url = response.json()["url"]
    assert response.json() == {"url": url, "redirect": True}
    assert response.headers["location"] == url
    assert url.startswith(f"{oidc.url}/authorize?response_type=code&client_id=tests&state=")
    asked = query_of(url)
    assert asked["redirect_uri"] == "http://app.test/api/auth/callback/corp"
    assert (asked["scope"], asked["code_challenge_method"]) == ("openid email", "S256")
    assert len(asked["state"]) == len(asked["nonce"]) == 32
    [cookie] = response.headers.get_list("set-cookie")
    assert cookie.startswith(f"better-auth.state={asked['state']}.")
    assert cookie.endswith("; Max-Age=300; Path=/; HttpOnly; SameSite=Lax")


async def test_a_client_that_follows_by_itself_says_so(visitor):
    response = await visitor.post(SIGN_IN, json={"provider": "corp", "disableRedirect": True})
    assert response.json()["redirect"] is False
    assert "location" not in response.headers


async def test_scopes_hint_and_further_parameters_go_along(visitor):
    url = await depart(visitor, scopes=["calendar"], loginHint="grace@", additionalParams={"prompt": "consent"})
    asked = query_of(url)
    assert (asked["scope"], asked["login_hint"], asked["prompt"]) == ("calendar openid email", "grace@", "consent")


@pytest.mark.parametrize("wish", [{"additionalData": {"x": "y" * 20_000}}, {"callbackURL": "/" + "y" * 20_000}])
async def test_strangers_cannot_have_much_stored(site, visitor, wish):
    response = await visitor.post(SIGN_IN, json={"provider": "corp", **wish})
    assert (response.status_code, response.json()["code"]) == (413, "PAYLOAD_TOO_LARGE")
    assert await site.services.engine.verifications.count() == 0


@pytest.mark.parametrize(("body", "message"), COMPLAINTS)
async def test_a_wrong_body_is_complained_of_in_order(visitor, body, message):
    response = await visitor.post(SIGN_IN, json=body)
    assert response.status_code == 400
    assert response.json() == {"message": message, "code": "VALIDATION_ERROR"}


@pytest.mark.parametrize("provider", ["nope", "", "credential"])
async def test_an_unknown_provider_is_not_found(visitor, provider):
    response = await visitor.post(SIGN_IN, json={"provider": provider})
    assert (response.status_code, response.json()["code"]) == (404, "PROVIDER_NOT_FOUND")


async def test_a_provider_whose_description_cannot_be_had_is_a_fault(visitor, oidc):
    oidc.answer_with("/.well-known/openid-configuration", _broken)
    response = await visitor.post(SIGN_IN, json={"provider": "corp"})
    assert response.status_code == 503
    assert "set-cookie" not in response.headers


async def _broken(_):
    raise RuntimeError("the provider's own bug")


async def test_the_state_is_stored_as_better_auth_stores_it(site, visitor, clock):
    url = await depart(
        visitor,
        errorCallbackURL="/oops",
        newUserCallbackURL="/welcome",
        requestSignUp=True,
        additionalData={"plan": {"seats": [1]}, "callbackURL": "https://evil.test", "forProvider": "x", "link": {}},
    )
    state = query_of(url)["state"]
    row = await site.services.engine.verifications.find(identifier=f"auth-state:{state}")
    stored = json.loads(row.value)

    digest = hashlib.sha256(stored["codeVerifier"].encode()).digest()
    assert base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == query_of(url)["code_challenge"]
    assert len(stored.pop("codeVerifier")) == 128
    assert stored == {
        "plan": {"seats": [1]},
        "callbackURL": "/dash",
        "errorURL": "/oops",
        "newUserURL": "/welcome",
        "expiresAt": round(clock().timestamp() * 1000) + 600_000,
        "requestSignUp": True,
        "idTokenNonce": query_of(url)["nonce"],
        "oauthState": state,
        "forProvider": "corp",
    }


@pytest.mark.parametrize("given", [None, ""])
async def test_without_a_callback_the_way_leads_to_the_application(visitor, oidc, given):
    body = {} if given is None else {"callbackURL": given}
    response = await visitor.post(SIGN_IN, json={"provider": "corp", **body})
    answer = await come_back(visitor, oidc, response.json()["url"])
    assert answer.headers["location"] == "http://app.test"


async def test_a_new_user_is_signed_in_and_sent_to_the_callback(site, visitor, oidc):
    oidc.person["email"] = "Grace@Example.COM"
    response = await trip(visitor, oidc)

    assert (response.status_code, response.headers["location"]) == (302, "/dash")
    first, second = response.headers.get_list("set-cookie")
    assert first == CLEARED
    assert second.startswith("better-auth.session_token=")
    user = (await session_of(visitor))["user"]
    assert (user["email"], user["emailVerified"], user["name"]) == ("grace@example.com", True, "Grace")
    assert user["image"] == GRACE["picture"]
    [account] = await site.services.accounts.list_user_accounts(user["id"])
    assert (account.provider_id, account.account_id, account.scope) == ("corp", "grace-1", "openid,email")
    assert account.access_token
    assert account.refresh_token
    assert account.id_token


async def test_who_comes_again_is_the_same_user(site, visitor, oidc):
    await trip(visitor, oidc)
    first = await session_of(visitor)
    oidc.person |= {"name": "Somebody else", "email": "new@example.com"}
    async with browser(site.wrap(whoami)) as other:
        assert (await trip(other, oidc, newUserCallbackURL="/welcome")).headers["location"] == "/dash"
        second = await session_of(other)
    assert second["user"] == first["user"]
    assert second["session"]["token"] != first["session"]["token"]


async def test_new_users_can_be_sent_elsewhere(visitor, oidc):
    assert (await trip(visitor, oidc, newUserCallbackURL="/welcome")).headers["location"] == "/welcome"


async def test_who_was_signed_in_before_is_signed_in_anew(visitor, oidc):
    await sign_up(visitor)
    assert (await trip(visitor, oidc)).headers["location"] == "/dash"
    assert await who(visitor) == GRACE["email"]


async def test_a_browser_that_forgets_its_sessions_keeps_on_doing_so(visitor, oidc):
    await sign_up(
        visitor, {"name": "Ada", "email": "ada@example.com", "password": "correct horse", "rememberMe": False}
    )
    response = await trip(visitor, oidc)
    session, remembered = response.headers.get_list("set-cookie")[1:]
    assert "Max-Age" not in session
    assert remembered.startswith("better-auth.dont_remember=true.")


@pytest.mark.parametrize(
    ("options", "body", "outcome"),
    [
        ({"allows_sign_up": False}, {}, "signup_disabled"),
        ({"allows_sign_up": False}, {"requestSignUp": True}, "signup_disabled"),
        ({"allows_implicit_sign_up": False}, {}, "signup_disabled"),
        ({"allows_implicit_sign_up": False}, {"requestSignUp": False}, "signup_disabled"),
        ({"allows_implicit_sign_up": False}, {"requestSignUp": True}, None),
    ],
)
async def test_a_provider_may_keep_strangers_out(make_auth, oidc, options, body, outcome):
    auth = make_auth(social=social(corp(oidc, **options)))
    async with browser(auth.wrap(whoami)) as client:
        response = await trip(client, oidc, errorCallbackURL="/oops", **body)
        assert (error_of(response) if outcome else response.headers["location"]) == (outcome or "/dash")
        assert await auth.services.engine.users.count() == (0 if outcome else 1)


async def test_name_and_picture_may_follow_the_provider(make_auth, oidc):
    auth = make_auth(social=social(corp(oidc, updates_user_on_sign_in=True)))
    async with browser(auth.wrap(whoami)) as client:
        await trip(client, oidc)
        oidc.person |= {"name": "Amazing Grace", "picture": None, "email": "other@example.com"}
        await trip(client, oidc)
        user = (await session_of(client))["user"]
    assert (user["name"], user["image"], user["email"]) == ("Amazing Grace", GRACE["picture"], GRACE["email"])


async def test_an_unverified_address_counts_once_the_provider_has_verified_it(visitor, oidc):
    oidc.person["email_verified"] = False
    await trip(visitor, oidc)
    assert (await session_of(visitor))["user"]["emailVerified"] is False
    oidc.person["email_verified"] = True
    await trip(visitor, oidc)
    assert (await session_of(visitor))["user"]["emailVerified"] is True


async def test_another_address_that_the_provider_has_verified_does_not_count(visitor, oidc):
    oidc.person["email_verified"] = False
    await trip(visitor, oidc)
    oidc.person |= {"email_verified": True, "email": "other@example.com"}
    await trip(visitor, oidc)
    assert (await session_of(visitor))["user"]["emailVerified"] is False


async def test_a_provider_may_ask_for_a_verified_address(make_auth, oidc):
    auth = make_auth(social=social(corp(oidc, requires_verified_email=True)))
    oidc.person["email_verified"] = False
    async with browser(auth.wrap(whoami)) as client:
        assert error_of(await trip(client, oidc)) == "email_not_verified"
        assert await who(client) is None
        oidc.person["email_verified"] = True
        assert (await trip(client, oidc)).headers["location"] == "/dash"


async def test_the_redirect_uri_is_the_registered_one(make_auth, oidc):
    registered = "https://elsewhere.test/back"
    auth = make_auth(social=social(corp(oidc, redirect_uri=registered)))
    async with browser(auth.wrap(whoami)) as client:
        url = await depart(client)
        assert query_of(url)["redirect_uri"] == registered
        assert (await come_back(client, oidc, url)).headers["location"] == "/dash"


async def test_the_cookie_of_the_state_survives_the_way_back_even_where_others_are_strict(make_auth, oidc):
    auth = make_auth(social=social(corp(oidc)), cookies=CookieOptions(same_site="Strict"))
    async with browser(auth.wrap(whoami)) as client:
        response = await client.post(SIGN_IN, json={"provider": "corp"})
    assert response.headers["set-cookie"].endswith("SameSite=Lax")


async def test_the_cookie_of_the_state_has_the_name_and_attributes_it_is_given(make_auth, oidc):
    overrides = {"state": CookieOverride(name="trip", path="/api/auth", same_site="Strict")}
    auth = make_auth(social=social(corp(oidc)), cookies=CookieOptions(is_secure=True, overrides=overrides))
    async with browser(auth.wrap(whoami)) as client:
        response = await client.post(SIGN_IN, json={"provider": "corp"})
    cookie = response.headers["set-cookie"]
    assert cookie.startswith("__Secure-trip=")
    assert cookie.endswith("; Max-Age=300; Path=/api/auth; HttpOnly; Secure; SameSite=Strict")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_other_methods_are_unknown(visitor, method):
    assert (await visitor.request(method, SIGN_IN)).status_code == 404
    if method != "GET":
        assert (await visitor.request(method, CALLBACK)).status_code == 404

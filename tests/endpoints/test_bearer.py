"""Bearer tokens at the endpoints: every form of them, and what is none."""

from urllib.parse import quote

import pytest

from asgi_auth import BearerOptions
from tests.endpoints.wire import exchange, http, request
from tests.support import ADA, BOB, SESSION_COOKIE, browser, cookie_header, sign_up, whoami

GET = "/api/auth/get-session"
LIST = "/api/auth/list-sessions"

NO_TOKENS = [
    "Bearer",
    "Bearer ",
    "bearer    ",
    "Bearer {token} extra",
    "Bearer {token},Bearer x",
    'Bearer "{token}"',
    "Bearer {token}.",
    "Bearer .{signature}",
    "Bearer {token}.{signature}x",
    "Bearer {token}x",
    "Bearer {lower}",
    "Bearer {token}\x7f",
    "Bearer {token}\xe9",
    "Bearer " + "x" * 5000,
    "Bearer *",
    "Bearer ..session.",
    "Bearer verification:x",
    "Bearer %00",
    "Bearer {token}%2e{signature}x",
]

NOT_OURS = [
    "Basic {token}",
    "{token}",
    "Bearer\t{token}",
    "Bearer{token}",
    "Token {token}",
    "",
    "a.b.c",
    "Bearer a.b.c",  # two dots: a JWT
    "Bearer {signed}.x",
    "Bearer ../session",
]


async def forms(auth, client):
    token = (await sign_up(client)).json()["token"]
    client.cookies.clear()
    signed = auth.services.signer.sign(token)
    return {"token": token, "signed": signed, "signature": signed.partition(".")[2], "lower": token.swapcase()}


@pytest.mark.parametrize(
    "form", ["Bearer {token}", "bearer {token}", "BEARER {signed}", "Bearer   {token}  ", "Bearer {quoted}"]
)
async def test_a_token_counts_raw_signed_or_encoded(quick, guest, form):
    given = await forms(quick, guest)
    value = form.format(**given, quoted=quote(given["signed"], safe=""))
    response = await guest.get(GET, headers={"authorization": value})

    assert response.json()["user"]["email"] == ADA["email"]
    assert "set-cookie" not in response.headers


async def test_a_refused_token_is_no_session_and_the_cookie_neither_counts_nor_goes(quick, guest):
    given = await forms(quick, guest)
    cookie = cookie_header(quick, given["token"])
    for form in NO_TOKENS:
        headers = {"authorization": form.format(**given).encode("latin-1"), "cookie": cookie}
        null = await guest.get(GET, headers=headers)
        refused = await guest.get(LIST, headers=headers)
        assert (null.status_code, null.content) == (200, b"null"), form
        assert (refused.status_code, refused.json()["code"]) == (401, "UNAUTHORIZED"), form
        for response in (null, refused):
            assert "set-cookie" not in response.headers
            assert "set-auth-token" not in response.headers


async def test_what_is_no_bearer_token_of_ours_leaves_the_cookie_to_decide(quick, guest):
    given = await forms(quick, guest)
    cookie = {"cookie": cookie_header(quick, given["token"])}
    for form in NOT_OURS:
        authorization = {"authorization": form.format(**given)}
        assert (await guest.get(GET, headers=authorization)).content == b"null", form
        both = await guest.get(GET, headers={**authorization, **cookie})
        assert both.json()["user"]["email"] == ADA["email"], form


async def test_the_token_decides_over_the_cookie(quick, guest):
    async with browser(quick.wrap(whoami)) as other:
        token = (await sign_up(other, BOB)).json()["token"]
    await sign_up(guest)
    response = await guest.get(GET, headers={"authorization": f"Bearer {token}"})
    assert response.json()["user"]["email"] == BOB["email"]


@pytest.mark.parametrize("order", [1, -1])
async def test_two_authorization_headers_are_400(quick, guest, order):
    given = await forms(quick, guest)
    pair = [("authorization", f"Bearer {given['token']}"), ("Authorization", "Bearer x")][::order]
    for method, path in [("GET", "/get-session"), ("GET", "/list-sessions"), ("POST", "/sign-out")]:
        answer = await exchange(quick.endpoints, http(method, path, pair), request())
        assert answer.status == 400
        assert answer.json() == {"message": "Header sent more than once: authorization", "code": "REPEATED_HEADER"}
        assert answer.header("set-cookie") == []


async def test_a_session_extended_by_token_says_so_in_the_header(auth, client, clock):
    given = await forms(auth, client)
    clock.advance(days=1)
    response = await client.get(GET, headers={"authorization": f"Bearer {given['token']}"})

    assert response.json()["session"]["expiresAt"] == "2026-11-30T12:00:00.123Z"
    assert response.headers["set-auth-token"] == given["signed"]
    assert response.headers["access-control-expose-headers"] == "set-auth-token"


async def test_tokens_can_be_asked_to_be_signed(make_auth):
    auth = make_auth(bearer=BearerOptions(requires_signature=True))
    async with browser(auth.wrap(whoami)) as client:
        given = await forms(auth, client)
        raw = await client.get(GET, headers={"authorization": f"Bearer {given['token']}"})
        signed = await client.get(GET, headers={"authorization": f"Bearer {given['signed']}"})
    assert raw.content == b"null"
    assert signed.json()["user"]["email"] == ADA["email"]


async def test_tokens_can_be_switched_off(make_auth):
    auth = make_auth(bearer=BearerOptions(is_enabled=False))
    async with browser(auth.wrap(whoami)) as client:
        response = await sign_up(client)
        assert "set-auth-token" not in response.headers
        assert "access-control-expose-headers" not in response.headers
        token = response.json()["token"]
        headers = {"authorization": f"Bearer {token}"}
        assert (await client.get(GET, headers={"authorization": "Bearer x"})).json()["user"]["email"] == ADA["email"]
        client.cookies.clear()
        assert (await client.get(GET, headers=headers)).content == b"null"


@pytest.mark.parametrize("name", ["token", "access_token", "session_token", SESSION_COOKIE])
async def test_a_token_in_the_query_is_nothing(quick, guest, name):
    given = await forms(quick, guest)
    assert (await guest.get(GET, params={name: given["token"]})).content == b"null"
    assert (await guest.get("/", params={name: given["signed"]})).json()["credential"] is None


async def test_a_token_is_not_asked_of_the_database_where_its_signature_is_wrong(quick, guest):
    await forms(quick, guest)
    with quick.services.engine.recorded() as statements:
        for value in ("Bearer x.y", f"Bearer {'a' * 32}.{'A' * 43}=", f"Bearer {'x' * 5000}"):
            await guest.get(GET, headers={"authorization": value})
            await guest.get("/", headers={"authorization": value})
    assert statements == []

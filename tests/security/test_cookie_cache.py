"""Attacks on the cookie cache: chunks of others, secrets used for something else, and what a thief takes along."""

from __future__ import annotations

from dataclasses import replace

import pytest

from asgi_auth import CookieCacheOptions
from tests.mailbox import Mailbox
from tests.support import ADA, BASE_URL, BOB, SESSION_COOKIE, browser, me, sign_up, whoami
from tests.tokens import claims, jwt

DATA = "better-auth.session_data"
GET_SESSION = "/api/auth/get-session"
ON = CookieCacheOptions(is_enabled=True)


@pytest.fixture(params=["compact", "jwt", "jwe"])
def auth(request, make_auth):
    return make_auth(cookie_cache=replace(ON, strategy=request.param))


def big(person):
    return {**person, "image": f"https://example.com/{person['name'] * 3000}"}


async def jar_of(auth, person):
    """The cookies of somebody whose cache takes several cookies."""
    async with browser(auth.wrap(whoami)) as client:
        await sign_up(client, big(person))
        return dict(client.cookies)


def chunk(number):
    return f"{DATA}.{number}"


def changed(value):
    """`value` with another first character: an A, or a B where an A stood."""
    return ("B" if value[0] == "A" else "A") + value[1:]


TAMPERINGS = {
    "one is changed": lambda ada, _: ada | {chunk(1): changed(ada[chunk(1)])},
    "one is missing": lambda ada, _: {name: value for name, value in ada.items() if name != chunk(1)},
    "the first is missing": lambda ada, _: {name: value for name, value in ada.items() if name != chunk(0)},
    "two have changed places": lambda ada, _: ada | {chunk(0): ada[chunk(1)], chunk(1): ada[chunk(0)]},
    "one comes twice": lambda ada, _: ada | {chunk(1): ada[chunk(0)]},
    "there is one more": lambda ada, _: ada | {chunk(9): "AAAA"},
    "the next number is one more": lambda ada, _: ada | {chunk(sum(name.startswith(DATA) for name in ada)): "AAAA"},
    "one is somebody else's": lambda ada, bob: ada | {chunk(1): bob[chunk(1)]},
    "all are somebody else's": lambda ada, bob: ada | {name: bob[name] for name in bob if name.startswith(DATA)},
    "a bare one stands before them": lambda ada, _: ada | {DATA: "AAAA"},
    "there are hundreds": lambda ada, _: ada | {chunk(number): "A" * 100 for number in range(400)},
}


@pytest.mark.parametrize("tampering", TAMPERINGS)
async def test_chunks_that_were_tampered_with_are_cleared_and_the_database_is_asked(auth, tampering):
    ada, bob = await jar_of(auth, ADA), await jar_of(auth, BOB)
    jar = TAMPERINGS[tampering](ada, bob)
    header = "; ".join(f"{name}={value}" for name, value in jar.items())
    async with browser(auth.wrap(whoami)) as client:
        with auth.services.engine.recorded() as statements:
            answer = await client.get(GET_SESSION, headers={"cookie": header})
    assert len(statements) == 1
    assert answer.json()["user"]["email"] == ADA["email"]
    set_cookies = answer.headers.get_list("set-cookie")
    assert set_cookies[0] == f"{DATA}=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax"
    assert len(set_cookies) < 110


async def test_signing_out_leaves_none_of_many_chunks_and_chunks_taken_along_are_worth_nothing_alone(
    auth,
):
    async with browser(auth.wrap(whoami)) as client:
        await sign_up(client, big(ADA))
        taken = "; ".join(f"{name}={value}" for name, value in client.cookies.items() if name.startswith(DATA))
        await client.post("/api/auth/sign-out")
        assert dict(client.cookies) == {}
        assert (await client.get(GET_SESSION, headers={"cookie": taken})).json() is None


async def test_the_cookie_is_no_bearer_token(auth):
    async with browser(auth.wrap(whoami)) as client:
        await sign_up(client)
        data = client.cookies[DATA]
        client.cookies.clear()
        for token in (data, f"{data}.{data}"):
            answer = await me(client, headers={"authorization": f"Bearer {token}"})
            assert answer["email"] is None


async def test_a_token_of_a_letter_is_no_session_and_a_session_no_token_of_a_letter(make_auth, clock):
    mailbox = Mailbox()
    auth = make_auth(cookie_cache=replace(ON, strategy="jwt"), mail=mailbox.options, base_url=BASE_URL)
    async with browser(auth.wrap(whoami)) as client:
        user = (await sign_up(client)).json()["user"]
        signed_token = f"{SESSION_COOKIE}={client.cookies[SESSION_COOKIE]}"

        verified = await client.get("/api/auth/verify-email", params={"token": client.cookies[DATA]})
        assert verified.json()["code"] == "INVALID_TOKEN"

        letter = jwt(claims(clock, user["email"], user["id"]))
        with auth.services.engine.recorded() as statements:
            await client.get(GET_SESSION, headers={"cookie": f"{signed_token}; {DATA}={letter}"})
        assert len(statements) == 1

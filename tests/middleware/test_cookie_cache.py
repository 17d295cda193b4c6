"""Identification from the cookie cache costs no query, and tells nothing that the cookie does not know."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import pytest

from asgi_auth import CookieCacheOptions, FieldRules, SessionMiddleware, SessionOptions, User, auth_context
from tests.endpoints.wire import exchange, http, websocket
from tests.middleware.people import break_database, compose, welcome
from tests.support import ADA, BASE_URL, SESSION_COOKIE, browser, me, sign_up, whoami

DATA = "better-auth.session_data"
# as Better Auth has it: the cookie counts, whatever has changed meanwhile
ON = CookieCacheOptions(is_enabled=True, instant_revocation=False)
LONG_IMAGE = "https://example.com/" + "i" * 5000


class Customer(User, frozen=True, kw_only=True):
    """A user with a field that is not returned."""

    stripe_id: Annotated[str | None, FieldRules(input=False, returned=False)] = None


class Level(StrEnum):
    """How well somebody does something."""

    LOW = "low"
    HIGH = "high"


class Athlete(User, frozen=True, kw_only=True):
    """A user with a field of every kind."""

    born: datetime | None = None
    height: float | None = None
    wins: int | None = None
    is_active: bool = True
    level: Level = Level.LOW
    best: dict[str, float] | None = None
    sports: tuple[str, ...] = ()


ATHLETE = {
    "born": "1815-12-10T01:02:03.456Z",
    "height": 170.0,
    "wins": 3,
    "level": "high",
    "best": {"400 m": 50.0, "long jump": 7.25},
    "sports": ["running", "弓道"],
}


@pytest.fixture
def cached(make_auth):
    return make_auth(cookie_cache=ON)


@pytest.fixture
async def ada(cached):
    async with browser(cached.wrap(whoami)) as client:
        await sign_up(client)
        yield client


@pytest.fixture
def statements(cached):
    with cached.services.engine.recorded() as recorded:
        yield recorded


async def test_a_request_with_the_cookie_costs_no_query(ada, cached, statements):
    statements.clear()
    for _ in range(3):
        assert (await me(ada))["email"] == ADA["email"]
    assert statements == []


@pytest.mark.parametrize("strategy", ["compact", "jwt", "jwe"])
async def test_the_context_is_that_of_the_database(make_auth, database_url, strategy):
    auth = make_auth(database=database_url, cookie_cache=replace(ON, strategy=strategy), user_model=Athlete)
    seen = []

    async def app(scope, receive, send):
        seen.append(auth_context(scope))
        await whoami(scope, receive, send)

    async with browser(auth.wrap(app)) as client:
        await sign_up(client, {**ADA, **ATHLETE})
        await me(client)
        del client.cookies[DATA]
        await me(client)
    from_cookie, from_database = seen
    assert (from_cookie.session, from_cookie.user) == (from_database.session, from_database.user)
    assert from_cookie.credential == "session"
    assert from_cookie.user.born == datetime(1815, 12, 10, 1, 2, 3, 456000, UTC)
    assert from_cookie.user.level is Level.HIGH


async def test_it_is_written_with_the_application_s_own_response_when_the_database_was_read(ada, cached, statements):
    del ada.cookies[DATA]
    answer = await ada.get("/")
    (cookie,) = answer.headers.get_list("set-cookie")
    assert cookie.startswith(f"{DATA}=ey")
    assert answer.headers["cache-control"] == "no-store"
    statements.clear()
    assert "set-cookie" not in (await ada.get("/")).headers
    assert statements == []


async def test_one_that_does_not_count_is_replaced(ada, statements):
    good = ada.cookies[DATA]
    statements.clear()
    answer = await ada.get("/", headers={"cookie": f"{SESSION_COOKIE}={ada.cookies[SESSION_COOKIE]}; {DATA}=junk"})
    cleared, written = answer.headers.get_list("set-cookie")
    assert len(statements) == 1
    assert cleared.startswith(f"{DATA}=; Max-Age=0")
    assert written.startswith(f"{DATA}={good[:10]}")


async def test_it_is_written_once_whatever_the_number_of_middlewares(cached):
    ada = await welcome(cached)
    app = cached.wrap(compose(whoami, cached, ("session", "csrf", "session")))
    answer = await exchange(app, http(headers=[ada.cookie]))
    assert len(answer.header("set-cookie")) == 1


async def test_one_of_another_person_does_not_count(ada, cached):
    bob = await welcome(cached, "bob@example.com")
    mixed = f"{bob.cookie[1]}; {DATA}={ada.cookies[DATA]}"
    answer = await exchange(cached.wrap(whoami), http(headers=[("cookie", mixed)]))
    assert answer.json()["email"] == "bob@example.com"


async def test_it_is_nothing_without_the_session_s_own_cookie(ada, cached):
    async with browser(cached.wrap(whoami)) as thief:
        assert (await me(thief, headers={"cookie": f"{DATA}={ada.cookies[DATA]}"}))["credential"] is None


async def test_a_bearer_token_is_always_looked_up(ada, cached):
    token = (await ada.get("/api/auth/get-session")).json()["session"]["token"]
    await cached.services.sessions.revoke_token(token)
    assert (await me(ada))["email"] == ADA["email"]
    answer = await me(ada, headers={"authorization": f"Bearer {token}"})
    assert (answer["email"], answer["error"]) == (None, "UNAUTHORIZED")


async def test_a_revoked_session_is_known_to_be_so_once_the_cookie_s_lifetime_is_over(ada, cached, clock):
    token = (await ada.get("/api/auth/get-session")).json()["session"]["token"]
    await cached.services.sessions.revoke_token(token)
    assert (await me(ada))["email"] == ADA["email"]
    clock.advance(minutes=5)
    assert (await me(ada))["error"] == "UNAUTHORIZED"


async def test_an_outage_of_the_database_is_not_noticed_until_the_cookie_s_lifetime_is_over(ada, cached, clock):
    await break_database(cached)
    assert (await me(ada))["email"] == ADA["email"]
    clock.advance(minutes=5)
    answer = await ada.get("/")
    assert answer.status_code == 503
    assert "set-cookie" not in answer.headers


async def test_a_handshake_is_identified_from_it_and_still_checked_for_its_origin(ada, cached, statements):
    cookie = "; ".join(f"{name}={value}" for name, value in ada.cookies.items())
    statements.clear()
    for origin, accepted in ((BASE_URL, True), ("http://evil.test", False)):
        answer = await exchange(cached.wrap(whoami), websocket(headers=[("cookie", cookie), ("origin", origin)]))
        assert (answer.sent[1].get("text") == ADA["email"]) is accepted
    assert statements == []


async def test_users_with_fields_that_are_not_returned_are_read_from_the_database(make_auth):
    """A record filled with defaults would say of every customer that there is no stripe_id."""
    auth = make_auth(cookie_cache=ON, user_model=Customer)
    seen = []

    async def app(scope, receive, send):
        seen.append(auth_context(scope).user)
        await whoami(scope, receive, send)

    async with browser(auth.wrap(app)) as client:
        user_id = (await sign_up(client)).json()["user"]["id"]
        await auth.services.users.change(user_id, stripe_id="cus_1")
        with auth.services.engine.recorded() as statements:
            await me(client)
        assert len(statements) == 1
        assert seen[-1].stripe_id == "cus_1"
        # What only shows the user has all it needs.
        statements.clear()
        with auth.services.engine.recorded() as statements:
            await client.get("/api/auth/get-session")
        assert statements == []


async def test_the_use_of_a_session_is_noted_when_the_database_is_read(make_auth, clock):
    auth = make_auth(cookie_cache=ON, session=SessionOptions(tracks_activity=True))
    async with browser(auth.wrap(whoami)) as client:
        token = (await sign_up(client)).json()["token"]
        clock.advance(minutes=2)
        with auth.services.engine.recorded() as statements:
            await me(client)
            await auth.services.sessions.close()
        assert statements == []
        clock.advance(minutes=4)
        await me(client)
        await auth.services.sessions.close()
    assert (await auth.services.engine.sessions.find(token=token)).updated_at == clock()


async def test_what_an_endpoint_behind_the_middleware_writes_is_not_mixed_with_older_chunks(cached):
    mounted = SessionMiddleware(cached.wrap(whoami), cached.services)
    async with browser(mounted) as client:
        await sign_up(client, {**ADA, "image": LONG_IMAGE})
        for number in range(2):
            del client.cookies[f"{DATA}.{number}"]
        await client.post("/api/auth/update-user", json={"image": None})
        assert [name for name in client.cookies if name.startswith(DATA)] == [DATA]

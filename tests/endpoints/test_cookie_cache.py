"""The cookie cache over HTTP: when it is written, when it answers, when it is taken away."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Annotated

import pytest

from asgi_auth import CookieCacheOptions, CookieOptions, Feature, FieldRules, SessionOptions, User
from asgi_auth.endpoints.answers import Status
from asgi_auth.endpoints.call import Call
from asgi_auth.endpoints.responses import Answer
from asgi_auth.endpoints.routing import Endpoints
from asgi_auth.endpoints.routing import post as post_route
from tests.support import ADA, BOB, PASSWORD, SESSION_COOKIE, browser, sign_up, whoami

DATA = "better-auth.session_data"
FORGET = "better-auth.dont_remember"
# as Better Auth has it: the cookie counts, whatever has changed meanwhile
ON = CookieCacheOptions(is_enabled=True, instant_revocation=False)
CLEARED = f"{DATA}=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax"
GET_SESSION = "/api/auth/get-session"
STRATEGIES = ["compact", "jwt", "jwe"]
LONG_IMAGE = "https://example.com/" + "i" * 5000


class Profiled(User, frozen=True, kw_only=True):
    """A user with one more field of each kind."""

    nickname: str | None = None
    height: float | None = None
    note: Annotated[str | None, FieldRules(returned=False)] = "unknown"


@pytest.fixture
def cached(make_auth):
    return make_auth(cookie_cache=ON)


@pytest.fixture
async def ada(cached):
    async with browser(cached.wrap(whoami)) as client:
        await sign_up(client)
        yield client


def of_cache(response):
    """The Set-Cookie values of the cache."""
    return [cookie for cookie in response.headers.get_list("set-cookie") if cookie.startswith(DATA)]


def is_written(response):
    cookies = of_cache(response)
    return len(cookies) == 1 and not cookies[0].startswith(f"{DATA}=;")


@contextmanager
def no_query(auth):
    with auth.services.engine.recorded() as statements:
        yield
    assert statements == []


async def post(client, path, **body):
    return await client.post(f"/api/auth{path}", json=body)


@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_a_session_answers_from_its_cookie_as_from_the_database_without_a_query(make_auth, strategy):
    auth = make_auth(cookie_cache=replace(ON, strategy=strategy))
    async with browser(auth.wrap(whoami)) as client:
        await sign_up(client, {**ADA, "name": 'José 😀 "Q" \\ \u2028'})
        with no_query(auth):
            from_cookie = await client.get(GET_SESSION)
        assert of_cache(from_cookie) == []
        from_database = await client.get(GET_SESSION, params={"disableCookieCache": "true"})
        assert from_cookie.json() == from_database.json()
        assert from_cookie.json()["user"]["name"] == 'José 😀 "Q" \\ \u2028'


async def test_nothing_is_written_where_the_cache_is_off(make_auth):
    async with browser(make_auth().wrap(whoami)) as client:
        assert of_cache(await sign_up(client)) == []


async def test_it_lives_five_minutes_in_browser_and_server(ada, cached, clock):
    signed_in = await post(ada, "/sign-in/email", email=ADA["email"], password=PASSWORD)
    (cookie,) = of_cache(signed_in)
    assert cookie.endswith("; Max-Age=300; Path=/; HttpOnly; SameSite=Lax")
    clock.advance(minutes=5, seconds=-1)
    with no_query(cached):
        await ada.get(GET_SESSION)
    clock.advance(seconds=1)
    with cached.services.engine.recorded() as statements:
        again = await ada.get(GET_SESSION)
    assert len(statements) == 1
    cleared, written = of_cache(again)
    assert cleared == CLEARED
    assert written.startswith(f"{DATA}=ey")


@pytest.mark.parametrize(("strategy", "seconds"), [("compact", 60), ("jwt", 300), ("jwe", 300)])
async def test_a_browser_that_forgets_gets_a_cookie_without_max_age(make_auth, clock, strategy, seconds):
    auth = make_auth(cookie_cache=replace(ON, strategy=strategy))
    async with browser(auth.wrap(whoami)) as client:
        await sign_up(client)
        signed_in = await post(client, "/sign-in/email", email=ADA["email"], password=PASSWORD, rememberMe=False)
        assert FORGET in client.cookies
        (cookie,) = of_cache(signed_in)
        assert cookie.endswith("; Path=/; HttpOnly; SameSite=Lax")
        assert "Max-Age" not in cookie
        clock.advance(seconds=seconds - 1)
        with no_query(auth):
            await client.get(GET_SESSION)
        clock.advance(seconds=1)
        # It was written when the session began, and is not written again.
        assert of_cache(await client.get(GET_SESSION)) == [CLEARED]
        assert of_cache(await client.get(GET_SESSION)) == []


async def test_update_user_shows_at_once(ada, cached):
    changed = await post(ada, "/update-user", name="Renamed")
    assert is_written(changed)
    with no_query(cached):
        answer = await ada.get(GET_SESSION)
    assert answer.json()["user"]["name"] == "Renamed"


async def test_every_start_of_a_session_writes_it(ada):
    assert is_written(await sign_up(ada, BOB))
    assert is_written(await post(ada, "/sign-in/email", email=ADA["email"], password=PASSWORD))
    changed = await post(
        ada, "/change-password", currentPassword=PASSWORD, newPassword="another horse", revokeOtherSessions=True
    )
    assert is_written(changed)
    assert (await ada.get(GET_SESSION)).json()["session"]["token"] == changed.json()["token"]


async def test_a_refresh_writes_the_new_expiry(make_auth, clock):
    auth = make_auth(cookie_cache=ON)
    async with browser(auth.wrap(whoami)) as client:
        await sign_up(client)
        clock.advance(days=2)
        before = (await client.get(GET_SESSION)).json()
        with no_query(auth):
            assert (await client.get(GET_SESSION)).json() == before
        assert before["session"]["expiresAt"] == "2026-12-01T12:00:00.123Z"


async def test_a_session_that_is_due_is_not_extended_by_its_cookie(make_auth, clock):
    auth = make_auth(cookie_cache=ON, session=SessionOptions(refresh_after=timedelta()))
    async with browser(auth.wrap(whoami)) as client:
        await sign_up(client)
        clock.advance(seconds=10)
        with no_query(auth):
            answer = await client.get(GET_SESSION)
        assert "set-cookie" not in answer.headers


async def test_disabling_the_cache_reads_the_database_and_writes_it_anew(ada, cached):
    user_id = (await ada.get(GET_SESSION)).json()["user"]["id"]
    await cached.services.users.change(user_id, name="Elsewhere")
    assert (await ada.get(GET_SESSION)).json()["user"]["name"] == "Ada"
    answer = await ada.get(GET_SESSION, params={"disableCookieCache": "true"})
    assert answer.json()["user"]["name"] == "Elsewhere"
    assert is_written(answer)
    assert (await ada.get(GET_SESSION)).json()["user"]["name"] == "Elsewhere"


async def test_disabling_the_refresh_writes_no_cookie(ada):
    del ada.cookies[DATA]
    assert of_cache(await ada.get(GET_SESSION, params={"disableRefresh": "true"})) == []


async def test_a_bearer_token_is_looked_up_and_its_answer_kept(ada, cached):
    token = (await ada.get(GET_SESSION)).json()["session"]["token"]
    async with browser(cached.wrap(whoami)) as program:
        answer = await program.get(GET_SESSION, headers={"authorization": f"Bearer {token}"})
        assert is_written(answer)
        await cached.services.sessions.revoke_token(token)
        revoked = await program.get(GET_SESSION, headers={"authorization": f"Bearer {token}"})
        assert revoked.json() is None


async def test_signing_out_takes_it_away_and_ends_the_session(ada, cached):
    answer = await post(ada, "/sign-out")
    assert of_cache(answer) == [CLEARED, CLEARED]  # twice, as Better Auth does where it came along
    assert [cookie.partition("=")[0] for cookie in answer.headers.get_list("set-cookie")] == [
        SESSION_COOKIE,
        DATA,
        DATA,
        FORGET,
    ]
    assert DATA not in ada.cookies
    assert (await ada.get(GET_SESSION)).json() is None


async def test_a_cookie_taken_along_after_signing_out_is_nobody_s_session_without_the_token(ada):
    data = ada.cookies[DATA]
    await post(ada, "/sign-out")
    answer = await ada.get(GET_SESSION, headers={"cookie": f"{DATA}={data}"})
    assert answer.json() is None


@pytest.fixture
async def revoked(ada, cached):
    """Ada's browser after somebody has revoked its session."""
    token = (await ada.get(GET_SESSION)).json()["session"]["token"]
    await cached.services.sessions.revoke_token(token)
    return ada


async def test_a_revoked_session_lives_on_in_the_cookie_until_its_lifetime_is_over(revoked, clock):
    assert (await revoked.get(GET_SESSION)).json()["user"]["name"] == "Ada"
    clock.advance(minutes=5)
    answer = await revoked.get(GET_SESSION)
    assert answer.json() is None
    assert of_cache(answer) == [CLEARED, CLEARED]


SENSITIVE = {
    "/verify-password": {"password": PASSWORD},
    "/change-password": {"currentPassword": PASSWORD, "newPassword": "another horse"},
    "/revoke-session": {"token": "t"},
    "/revoke-sessions": {},
    "/revoke-other-sessions": {},
    # These would write the cookie anew: a revoked session must not renew itself.
    "/update-user": {"name": "Mallory"},
    "/update-session": {"anything": 1},
}


@pytest.mark.parametrize("path", SENSITIVE)
async def test_routes_that_change_something_refuse_it_at_once_and_clear_everything(revoked, path):
    answer = await post(revoked, path, **SENSITIVE[path])
    assert (answer.status_code, answer.json()["code"]) == (401, "UNAUTHORIZED")
    assert len(answer.headers.get_list("set-cookie")) == 4
    assert not {SESSION_COOKIE, DATA} & set(revoked.cookies)


async def test_tokens_of_other_sessions_are_not_given_to_it(revoked):
    assert (await revoked.get("/api/auth/list-sessions")).status_code == 401


async def test_a_deleted_user_lives_on_no_longer_than_the_cookie(ada, cached, clock):
    user_id = (await ada.get(GET_SESSION)).json()["user"]["id"]
    await cached.services.engine.users.remove(id=user_id)
    assert (await ada.get(GET_SESSION)).json()["user"]["id"] == user_id
    assert (await post(ada, "/update-user", name="x")).status_code == 401
    assert (await ada.get(GET_SESSION)).json() is None


class Reintroduce(Endpoints):
    """An endpoint that starts the session anew with what it has read, wherever that came from."""

    @post_route("/reintroduce", answers=Status)
    async def reintroduce(self, call: Call) -> Answer:
        live = await call.session()
        call.start_session(live.session, user=live.user, is_remembered=True)
        return Answer(body={"status": True})


class Careless(Feature):
    name = "careless"

    def endpoints(self, services):  # noqa: ARG002  (a socket)
        return (Reintroduce(),)


async def test_a_cookie_is_never_made_of_a_cookie(make_auth, clock):
    auth = make_auth(cookie_cache=ON, features=[Careless()])
    async with browser(auth.wrap(whoami)) as client:
        token = (await sign_up(client)).json()["token"]
        assert is_written(await client.get(GET_SESSION, params={"disableCookieCache": "true"}))
        await auth.services.sessions.revoke_token(token)
        assert of_cache(await post(client, "/reintroduce")) == [CLEARED]
        assert (await client.get(GET_SESSION)).json() is None


async def test_without_its_cookie_the_same_endpoint_writes_what_the_database_said(make_auth):
    async with browser(make_auth(cookie_cache=ON, features=[Careless()]).wrap(whoami)) as client:
        await sign_up(client)
        del client.cookies[DATA]
        assert is_written(await post(client, "/reintroduce"))


async def test_sensitive_routes_write_what_they_have_read(ada):
    assert is_written(await post(ada, "/verify-password", password=PASSWORD))


async def test_deferring_get_tells_no_need_from_the_cookie_and_post_extends_all_the_same(make_auth, clock):
    auth = make_auth(cookie_cache=ON, session=SessionOptions(defers_refresh=True, refresh_after=timedelta()))
    async with browser(auth.wrap(whoami)) as client:
        await sign_up(client)
        clock.advance(seconds=10)
        assert "needsRefresh" not in (await client.get(GET_SESSION)).json()
        read = await client.get(GET_SESSION, params={"disableCookieCache": "true"})
        assert read.json()["needsRefresh"] is True
        assert is_written(read)
        extended = await client.post(GET_SESSION)
        assert extended.json()["session"]["expiresAt"] == "2026-11-29T12:00:10.123Z"
        assert is_written(extended)


async def test_a_big_user_takes_several_cookies_and_one_again_when_it_shrinks(cached):
    async with browser(cached.wrap(whoami)) as client:
        await sign_up(client, {**ADA, "image": LONG_IMAGE})
        assert {f"{DATA}.0", f"{DATA}.1"} < set(client.cookies)
        with no_query(cached):
            assert (await client.get(GET_SESSION)).json()["user"]["image"] == LONG_IMAGE
        await post(client, "/update-user", image=None)
        assert DATA in client.cookies
        assert f"{DATA}.0" not in client.cookies
        await post(client, "/update-user", image=LONG_IMAGE)
        assert DATA not in client.cookies
        await post(client, "/sign-out")
        assert dict(client.cookies) == {}


async def test_an_answer_never_holds_two_states_of_a_big_user(cached):
    """The read writes the old user in chunks, the change the new one whole: only the latter must arrive."""
    async with browser(cached.wrap(whoami)) as client:
        await sign_up(client, {**ADA, "image": LONG_IMAGE})
        for name in (f"{DATA}.0", f"{DATA}.1"):
            del client.cookies[name]
        assert is_written(await post(client, "/update-user", image=None))


async def test_a_user_too_big_for_headers_is_not_written(cached):
    async with browser(cached.wrap(whoami)) as client:
        signed_up = await sign_up(client, {**ADA, "image": "https://example.com/" + "i" * 20_000})
        assert of_cache(signed_up) == []
        assert (await client.get(GET_SESSION)).json()["user"]["name"] == "Ada"


@pytest.mark.parametrize("path", ["get-session", "list-sessions"])
async def test_what_is_left_of_the_cache_is_cleared_once_it_is_off(make_auth, path):
    async with browser(make_auth().wrap(whoami)) as client:
        signed_up = await sign_up(client)
        token = signed_up.headers.get_list("set-cookie")[0].partition(";")[0]
        answer = await client.get(f"/api/auth/{path}", headers={"cookie": f"{token}; {DATA}=junk; {DATA}.3=junk"})
        assert [cookie.partition("=;")[0] for cookie in of_cache(answer)] == [DATA, f"{DATA}.3"]
        assert answer.json()


async def test_fields_that_are_not_returned_are_not_in_the_cookie_and_get_session_needs_none(make_auth):
    auth = make_auth(cookie_cache=replace(ON, strategy="jwt"), user_model=Profiled)
    async with browser(auth.wrap(whoami)) as client:
        await sign_up(client, {**ADA, "nickname": "Countess", "height": 1.5, "note": "a secret"})
        with no_query(auth):
            user = (await client.get(GET_SESSION)).json()["user"]
        assert (user["nickname"], user["height"]) == ("Countess", 1.5)
        assert "note" not in user


async def test_a_cookie_from_before_a_field_was_added_does_not_count(make_auth, sqlite_url):
    async with browser(make_auth(database=sqlite_url, cookie_cache=ON).wrap(whoami)) as client:
        await sign_up(client)
        cookies = dict(client.cookies)
    later = make_auth(database=sqlite_url, cookie_cache=ON, user_model=Profiled)
    await later.create_schema()
    async with browser(later.wrap(whoami), cookies=cookies) as client:
        with later.services.engine.recorded() as statements:
            answer = await client.get(GET_SESSION)
        assert len(statements) == 1
        assert answer.json()["user"]["nickname"] is None


async def test_its_cookie_is_called_and_sent_as_configured(make_auth):
    secure = CookieOptions(is_secure=True, prefix="acme", same_site="Strict")
    auth = make_auth(cookie_cache=ON, cookies=secure)
    async with browser(auth.wrap(whoami), base_url="https://app.test", origin="https://app.test") as client:
        await sign_up(client, {**ADA, "image": LONG_IMAGE})
        names = {f"__Secure-acme.session_data.{number}" for number in range(2)}
        assert names < set(client.cookies)
        with no_query(auth):
            answer = await client.get(GET_SESSION)
        assert answer.json()["user"]["image"] == LONG_IMAGE
        changed = await post(client, "/update-user", image=None)
        (written,) = [
            cookie
            for cookie in changed.headers.get_list("set-cookie")
            if cookie.startswith("__Secure-acme.session_data=")
        ]
        assert written.endswith("; Max-Age=300; Path=/; HttpOnly; Secure; SameSite=Strict")
        assert not names & set(client.cookies)

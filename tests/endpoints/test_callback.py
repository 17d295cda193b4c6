"""GET and POST /callback/{id}: whatever comes back, the answer is a redirect that says what became of it."""

import asyncio
from typing import Annotated

import pytest
from starlette.responses import JSONResponse

from asgi_auth import FieldRules, User
from asgi_auth.errors import Forbidden
from tests.endpoints.social_trips import (
    CALLBACK,
    CLEARED,
    SIGN_IN,
    come_back,
    corp,
    depart,
    error_of,
    query_of,
    social,
    trip,
    who,
)
from tests.support import browser, whoami

DEFAULT = "http://app.test/api/auth/error"
FORM = {"content-type": "application/x-www-form-urlencoded"}
FIELDS = ("code", "error", "device_id", "error_description", "state", "user", "iss")


@pytest.fixture
def site(make_auth, oidc):
    return make_auth(social=social(corp(oidc), corp(oidc, id="other")))


@pytest.fixture
async def stranger(site):
    async with browser(site.wrap(whoami)) as client:
        yield client


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", "state_not_found"),
        ("code=c", "state_not_found"),
        ("code=c&state=", "state_not_found"),
        ("error=access_denied&error_description=no", "state_not_found"),
        ("code=c&state=unknown", "state_mismatch"),
        (f"code=c&state={'x' * 32}", "state_mismatch"),
        (f"code=c&state={'x' * 5000}", "state_mismatch"),
        ("code=c&state=%2Freset-password%3Ax", "state_mismatch"),
    ],
)
async def test_without_a_state_of_ours_the_error_page_tells(visitor, query, code):
    response = await visitor.get(f"{CALLBACK}?{query}")
    assert (response.status_code, response.headers["location"]) == (302, f"{DEFAULT}?error={code}")
    assert response.content == b""
    assert "set-cookie" not in response.headers


@pytest.mark.parametrize("name", FIELDS)
async def test_a_parameter_given_twice_is_refused_and_uses_nothing_up(visitor, oidc, name):
    url = await depart(visitor)
    answer = await oidc.visit(url)
    pairs = [*answer.items(), *((name, answer.get(name, "x")) for _ in range(1 if name in answer else 2))]
    response = await visitor.get(CALLBACK, params=pairs)
    message = f"[query.{name}] Invalid input: expected string, received array"
    assert (response.status_code, response.json()["message"]) == (400, message)
    again = await visitor.get(CALLBACK, params=answer)
    assert again.headers["location"] == "/dash"


async def test_parameters_that_nobody_knows_are_ignored(visitor, oidc):
    answer = await oidc.visit(await depart(visitor))
    response = await visitor.get(CALLBACK, params=[*answer.items(), ("x", "1"), ("x", "2"), ("session_state", "y")])
    assert response.headers["location"] == "/dash"


async def test_nul_in_the_query_is_refused(visitor):
    assert (await visitor.get(f"{CALLBACK}?code=c&state=%00")).status_code == 400


@pytest.mark.parametrize(
    ("error_url", "changes", "location"),
    [
        (
            "/oops",
            {"error": "access_denied", "error_description": "no way"},
            "/oops?error=access_denied&error_description=no+way",
        ),
        ("/oops?x=1", {"error": "x y&z"}, "/oops?x=1&error=x+y%26z"),
        ("/oops#top", {"code": None}, "/oops?error=no_code#top"),
        ("/oops", {"code": ""}, "/oops?error=no_code"),
        ("/oops?error=old&x=a%20b", {"code": None}, "/oops?error=old&x=a%20b&error=no_code"),
        ("/oo ps/ä?x=ö", {"code": None}, "/oo%20ps/%C3%A4?x=%C3%B6&error=no_code"),
        ("http://app.test/oops", {"code": None}, "http://app.test/oops?error=no_code"),
        ("", {"code": None}, f"{DEFAULT}?error=no_code"),
    ],
)
async def test_errors_are_told_where_it_was_asked_for(visitor, oidc, error_url, changes, location):
    response = await come_back(visitor, oidc, await depart(visitor, errorCallbackURL=error_url), **changes)
    assert (response.status_code, response.headers["location"]) == (302, location)
    assert response.headers.get_list("set-cookie") == [CLEARED]
    assert await who(visitor) is None


async def test_errors_are_told_where_it_was_configured(make_auth, oidc):
    auth = make_auth(social=social(corp(oidc)), error_url="https://status.test/e?x=1")
    async with browser(auth.wrap(whoami)) as client:
        assert (await client.get(CALLBACK)).headers["location"] == "https://status.test/e?x=1&error=state_not_found"
        response = await come_back(client, oidc, await depart(client), code=None)
        assert response.headers["location"] == "https://status.test/e?x=1&error=no_code"


async def test_a_provider_that_is_not_there_is_told_after_the_state_was_checked(visitor, oidc):
    url = await depart(visitor, errorCallbackURL="/oops")
    response = await come_back(visitor, oidc, url, path="/api/auth/callback/nope")
    assert response.headers["location"] == "/oops?error=oauth_provider_not_found"
    assert error_of(await visitor.get("/api/auth/callback/nope")) == "state_not_found"


async def test_a_state_works_once(visitor, oidc):
    answer = await oidc.visit(await depart(visitor))
    assert (await visitor.get(CALLBACK, params=answer)).headers["location"] == "/dash"
    again = await visitor.get(CALLBACK, params=answer)
    assert again.headers["location"] == f"{DEFAULT}?error=state_mismatch"


async def test_a_state_belongs_to_the_browser_that_began_with_it(visitor, stranger, oidc):
    answer = await oidc.visit(await depart(visitor, errorCallbackURL="/oops"))
    refused = await stranger.get(CALLBACK, params=answer)
    assert refused.headers["location"] == "/oops?error=state_mismatch"
    assert "set-cookie" not in refused.headers
    assert (await visitor.get(CALLBACK, params=answer)).headers["location"] == "/dash"


async def test_of_two_trips_of_one_browser_the_second_counts(visitor, oidc):
    first, second = await depart(visitor, errorCallbackURL="/oops"), await depart(visitor)
    assert (await come_back(visitor, oidc, first)).headers["location"] == "/oops?error=state_mismatch"
    assert (await come_back(visitor, oidc, second)).headers["location"] == "/dash"


async def test_a_state_is_good_for_ten_minutes(visitor, oidc, clock):
    answer = await oidc.visit(await depart(visitor))
    clock.advance(minutes=10, seconds=1)
    assert error_of(await visitor.get(CALLBACK, params=answer)) == "state_mismatch"


async def test_a_row_that_nobody_can_read_is_an_error_and_no_crash(site, visitor, oidc):
    url = await depart(visitor, errorCallbackURL="/oops")
    identifier = f"auth-state:{query_of(url)['state']}"
    await site.services.engine.verifications.change({"identifier": identifier}, value="{")
    response = await come_back(visitor, oidc, url)
    assert response.headers["location"] == f"{DEFAULT}?error=internal_server_error"


async def test_a_provider_that_gives_no_tokens_is_told_of(visitor, oidc):
    oidc.answer_with("/token", JSONResponse({"error": "invalid_grant"}, 400))
    assert error_of(await trip(visitor, oidc)) == "invalid_code"


async def test_a_provider_that_is_down_is_told_of(visitor, oidc):
    oidc.answer_with("/token", JSONResponse({}, 502))
    assert error_of(await trip(visitor, oidc)) == "invalid_code"


async def test_a_provider_that_does_not_say_who_it_is_is_told_of(visitor, oidc):
    oidc.id_token_claims["sub"] = None
    assert error_of(await trip(visitor, oidc)) == "unable_to_get_user_info"


@pytest.mark.parametrize("email", [None, "", "nope", "a@x.test,b@y.test", "Al <al@x.test>", "al@x\uff0etest"])
async def test_without_an_address_nobody_gets_in(visitor, oidc, email):
    oidc.person["email"] = email
    assert error_of(await trip(visitor, oidc)) == "email_not_found"


async def test_a_nonce_has_to_have_been_stored_where_the_provider_uses_one(site, visitor, oidc):
    url = await depart(visitor)
    identifier = f"auth-state:{query_of(url)['state']}"
    row = await site.services.engine.verifications.find(identifier=identifier)
    value = row.value.replace("idTokenNonce", "forgotten")
    await site.services.engine.verifications.change({"identifier": identifier}, value=value)
    assert error_of(await come_back(visitor, oidc, url)) == "nonce_binding_missing"


async def test_the_issuer_of_the_answer_is_checked_where_it_tells(visitor, oidc):
    assert error_of(await come_back(visitor, oidc, await depart(visitor), iss="https://evil.test")) == "issuer_mismatch"
    assert oidc.count("/token") == 0
    without = await come_back(visitor, oidc, await depart(visitor), iss=None)
    assert without.headers["location"] == "/dash"


async def test_a_provider_may_have_to_tell_its_issuer(make_auth, oidc):
    auth = make_auth(social=social(corp(oidc, requires_issuer=True)))
    async with browser(auth.wrap(whoami)) as client:
        assert error_of(await come_back(client, oidc, await depart(client), iss=None)) == "issuer_missing"
        assert (await trip(client, oidc)).headers["location"] == "/dash"


async def test_what_no_longer_is_trusted_is_not_gone_to(make_auth, oidc, sqlite_url):
    before = make_auth(database=sqlite_url, social=social(corp(oidc)), trusted_origins=("https://old.test",))
    after = make_auth(database=sqlite_url, social=social(corp(oidc)))
    async with browser(before.wrap(whoami)) as client:
        url = await depart(client, callbackURL="https://old.test/in", errorCallbackURL="https://old.test/oops")
        another = await depart(client, newUserCallbackURL="https://old.test/new")
    async with browser(after.wrap(whoami), cookies=client.cookies) as client:
        state = query_of(url)["state"]
        client.cookies.set("better-auth.state", after.services.signer.sign(state))
        assert (await come_back(client, oidc, url)).headers["location"] == f"{DEFAULT}?error=no_callback_url"
        client.cookies.clear()
        client.cookies.set("better-auth.state", after.services.signer.sign(query_of(another)["state"]))
        assert (await come_back(client, oidc, another)).headers["location"] == "/dash"


async def test_a_field_that_new_users_must_have_is_told_of(make_auth, oidc):
    class Employee(User, frozen=True, kw_only=True):
        company: Annotated[str, FieldRules()]

    auth = make_auth(social=social(corp(oidc)), user_model=Employee)
    async with browser(auth.wrap(whoami)) as client:
        response = await trip(client, oidc, errorCallbackURL="/oops")
        assert response.headers["location"] == "/oops?error=MISSING_FIELD&error_description=company+is+required"
        assert await auth.services.engine.accounts.count() == 0


async def test_what_a_step_on_the_door_refuses_is_told_of(site, visitor, oidc):
    class Banned(Forbidden):
        code = "BANNED_USER"
        message = "You have been banned"

    async def refuse(_):
        raise Banned

    site.services.sign_in.add_step(refuse)
    response = await trip(visitor, oidc, errorCallbackURL="/oops")
    assert response.headers["location"] == "/oops?error=BANNED_USER&error_description=You+have+been+banned"
    assert await who(visitor) is None


@pytest.mark.parametrize(("table", "cookies"), [("verification", []), ("session", [CLEARED])])
async def test_a_database_that_fails_is_our_fault_and_no_verdict(site, visitor, oidc, table, cookies):
    answer = await oidc.visit(await depart(visitor))
    await site.services.engine._executor.run_text(f'DROP TABLE "{table}"')
    response = await visitor.get(CALLBACK, params=answer)
    assert (response.status_code, response.json()["code"]) == (503, "SERVICE_UNAVAILABLE")
    assert "retry-after" in response.headers
    # a state that was redeemed is of no more use to the browser
    assert response.headers.get_list("set-cookie") == cookies


@pytest.mark.parametrize(
    ("given", "query"),
    [
        ("code=a&code=b&state=%20x%2By%C3%A4&empty=", "code=b&state=+x%2By%C3%A4"),
        ("", ""),
        ("unknown=1", ""),
        (
            "iss=z&user=u&state=s&error_description=d&device_id=i&error=e&code=c",
            "code=c&error=e&device_id=i&error_description=d&state=s&user=u&iss=z",
        ),
    ],
)
async def test_a_posted_answer_becomes_the_same_by_get(visitor, given, query):
    response = await visitor.post(CALLBACK, content=given, headers=FORM)
    assert response.status_code == 302
    assert response.headers["location"] == f"http://app.test{CALLBACK}?{query}"
    assert response.headers["referrer-policy"] == "no-referrer"


async def test_the_query_of_a_posted_answer_comes_first(visitor):
    response = await visitor.post(f"{CALLBACK}?code=q&x=1", data={"code": "c", "state": "s"})
    assert response.headers["location"] == f"http://app.test{CALLBACK}?code=q&state=s"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ([1], "[body] Invalid input: expected object, received array"),
        ({"user": {"name": {}}}, "[body.user] Invalid input: expected string, received object"),
        (
            {"code": 1, "state": True, "error": None},
            (
                "[body.code] Invalid input: expected string, received number; "
                "[body.error] Invalid input: expected string, received null; "
                "[body.state] Invalid input: expected string, received boolean"
            ),
        ),
    ],
)
async def test_a_posted_answer_of_other_types_is_refused(visitor, body, message):
    response = await visitor.post(CALLBACK, json=body)
    assert (response.status_code, response.json()["message"]) == (400, message)


async def test_a_provider_that_posts_its_answer_is_followed_to_the_end(visitor, oidc):
    answer = await oidc.visit(await depart(visitor))
    posted = await visitor.post(CALLBACK, data=answer, headers={"origin": "http://app.test"})
    assert (await visitor.get(posted.headers["location"])).headers["location"] == "/dash"


async def test_a_form_of_another_site_is_turned_around_without_cookies_and_refused_with_them(visitor, stranger):
    await visitor.post(SIGN_IN, json={"provider": "corp"})
    elsewhere = {"origin": "https://provider.test"}
    assert (await stranger.post(CALLBACK, data={"code": "c"}, headers=elsewhere)).status_code == 302
    assert (await visitor.post(CALLBACK, data={"code": "c"}, headers=elsewhere)).status_code == 403


@pytest.mark.parametrize("user", ["{bad", "[]", "1", '"x"', "[" * 2000, '{"name":' * 50])
async def test_odd_news_of_a_person_are_ignored(visitor, oidc, user):
    response = await come_back(visitor, oidc, await depart(visitor), user=user)
    assert response.headers["location"] == "/dash"


async def test_of_many_callbacks_at_once_one_gets_in(make_auth, oidc, database_url):
    auth = make_auth(database=database_url, social=social(corp(oidc)))
    async with browser(auth.wrap(whoami)) as client:
        answer = await oidc.visit(await depart(client))
        responses = await asyncio.gather(*(client.get(CALLBACK, params=answer) for _ in range(5)))
    outcomes = sorted(response.headers["location"] for response in responses)
    assert outcomes == ["/dash", *[f"{DEFAULT}?error=state_mismatch"] * 4]
    assert await auth.services.engine.sessions.count() == 1
    assert oidc.count("/token") == 1


async def test_a_person_who_comes_twice_at_once_is_one_user(make_auth, oidc, database_url):
    auth = make_auth(database=database_url, social=social(corp(oidc)))
    app = auth.wrap(whoami)

    async def come():
        async with browser(app) as client:
            return await trip(client, oidc)

    responses = await asyncio.gather(*(come() for _ in range(4)))
    assert {response.headers["location"] for response in responses} == {"/dash"}
    assert await auth.services.engine.users.count() == 1
    assert await auth.services.engine.accounts.count() == 1
    assert await auth.services.engine.sessions.count() == 4

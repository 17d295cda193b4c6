"""A credential that was verified before costs no query, and counts exactly as long as it would anew."""

from __future__ import annotations

from datetime import timedelta

import pytest

from asgi_auth import (
    BearerMiddleware,
    CacheOptions,
    Protect,
    SessionMiddleware,
    SessionOptions,
    User,
    auth_context,
    require_bearer,
)
from tests.endpoints.wire import exchange, http, websocket
from tests.middleware.people import break_database, compose, welcome
from tests.services.recorders import Figures
from tests.support import SESSION_COOKIE, cookie_header, whoami

ADA = "ada@example.com"


class Runner(User, frozen=True, kw_only=True):
    """A user with a field that could be changed in place."""

    times: dict[str, float] | None = None


async def asks(app, *headers, **more):
    return (await exchange(app, http(headers=list(headers), **more))).json()


@pytest.fixture(params=["cookie", "bearer"])
def header(request, ada):
    """One of the two headers that Ada may send."""
    return getattr(ada, request.param)


async def test_a_known_credential_costs_no_query(quick, header):
    app = quick.wrap(whoami)
    first = await asks(app, header)
    with quick.services.engine.recorded() as statements:
        assert [await asks(app, header) for _ in range(5)] == [first] * 5
    assert statements == []
    assert first["email"] == ADA


async def test_it_is_known_to_endpoints_and_websockets_as_well(quick, ada):
    app = quick.wrap(whoami)
    await asks(app, ada.cookie)
    with quick.services.engine.recorded() as statements:
        answer = await exchange(app, http(path="/api/auth/get-session", headers=[ada.cookie]))
        greeting = await exchange(app, websocket(headers=[ada.cookie, ("origin", "http://app.test")]))
    assert answer.json()["user"]["email"] == ADA
    assert greeting.sent[1]["text"] == ADA
    assert statements == []


async def test_the_same_context_is_given_to_every_request(quick, ada):
    seen = []

    async def app(scope, receive, send):
        seen.append(auth_context(scope))
        await whoami(scope, receive, send)

    for _ in range(3):
        await asks(quick.wrap(app), ada.cookie)
    wrapped = quick.wrap(app)
    await asks(wrapped, ada.cookie)
    await asks(wrapped, ada.cookie)
    assert seen[-1] is seen[-2]
    with pytest.raises(TypeError):
        seen[-1].credentials["session"] = None
    with pytest.raises(TypeError):
        seen[-1].parts[int] = 1


async def test_a_user_that_could_be_changed_in_place_is_each_request_s_own(make_auth):
    auth = make_auth(user_model=Runner)
    ada = await welcome(auth)
    await auth.services.users.change(ada.user.id, times={"100 m": 12.5})
    seen = []

    async def app(scope, receive, send):
        seen.append(dict(auth_context(scope).user.times))
        auth_context(scope).user.times["100 m"] = 9.58
        await whoami(scope, receive, send)

    wrapped = auth.wrap(app)
    for _ in range(3):
        await asks(wrapped, ada.cookie)
    assert seen == [{"100 m": 12.5}] * 3


async def test_nobody_is_taken_for_somebody_else(quick, ada, bob):
    app = quick.wrap(whoami)
    for _ in range(3):
        assert (await asks(app, ada.cookie))["email"] == ADA
        assert (await asks(app, bob.bearer))["email"] == "bob@example.com"
        assert (await asks(app, bob.cookie))["email"] == "bob@example.com"
        assert (await asks(app))["email"] is None


@pytest.mark.parametrize(
    "spelling",
    [
        "{name}={bad}; {name}={good}",
        "{name}={good}; {name}={bad}",
        "x{name}={bad}; {name}={good}",
        "{name}={good}; x{name}={bad}",
        "{name} = {good}",
        " {name}={good}",
        'a="b; {name}={good}',
        "a=b;{name}={good}",
        "a=b;  {name}={good} ",
        "{name}={good};",
        "{name}; {name}={good}",
        "a={name}={bad}; {name}={good}",
        '{name}="{good}"',
    ],
)
async def test_a_cookie_counts_the_same_known_or_not_however_it_is_written(quick, ada, bob, spelling):
    app = quick.wrap(whoami)
    good = ada.cookie[1].partition("=")[2]
    jar = spelling.format(name=SESSION_COOKIE, good=good, bad=good[:-8] + "AAAAAA%3D")
    before = await asks(app, ("cookie", jar))
    await asks(app, ada.cookie)
    await asks(app, bob.cookie)
    assert await asks(app, ("cookie", jar)) == before == await asks(app, ("cookie", jar))
    assert before["email"] == ADA


async def test_a_known_header_of_one_kind_says_nothing_of_the_other_kind(quick, ada):
    app = quick.wrap(whoami)
    assert (await asks(app, ada.bearer))["email"] == ADA
    unsigned = ("cookie", f"{SESSION_COOKIE}={ada.bearer[1]}")
    assert (await asks(app, unsigned))["error"] == "UNAUTHORIZED"


@pytest.mark.parametrize("kind", ["cookie", "bearer"])
async def test_blanks_around_a_credential_take_no_memory(quick, ada, kind):
    name, value = getattr(ada, kind)
    padding = " " * 10_000
    padded = f"{value}{padding}; a=b" if kind == "cookie" else value.replace(" ", padding)
    middleware = (SessionMiddleware if kind == "cookie" else BearerMiddleware)(whoami, quick.services)
    for _ in range(2):
        assert (await asks(middleware, (name, padded)))["email"] == ADA
    assert len(middleware._known._known) == 0


async def test_a_scope_without_headers_is_nobody_s(quick):
    scope = http()
    del scope["headers"]
    assert (await exchange(quick.wrap(whoami), scope)).json()["email"] is None


async def test_a_credential_beside_it_is_still_judged(quick, ada, bob):
    app = quick.wrap(whoami)
    await asks(app, ada.cookie)
    await asks(app, bob.bearer)
    both = await asks(app, ada.cookie, bob.bearer)
    assert (both["email"], both["credentials"]) == ("bob@example.com", ["bearer", "session"])
    refused = await asks(app, ada.cookie, ("authorization", "Bearer nobody"))
    assert (refused["email"], refused["error"]) == (None, "UNAUTHORIZED")
    twice = await exchange(app, http(headers=[ada.bearer, ada.bearer]))
    assert twice.status == 400


async def test_header_names_are_compared_whatever_their_case(quick, ada):
    app = quick.wrap(whoami)
    await asks(app, ada.cookie)
    scope = http(headers=[ada.cookie])
    scope["headers"].append((b"Authorization", b"Bearer nobody"))
    assert (await exchange(app, scope)).json()["email"] is None


async def test_middlewares_composed_by_hand_agree_with_each_other(quick, ada, bob):
    app = compose(whoami, quick, ["session", "bearer"])
    for _ in range(2):
        assert (await asks(app, ada.cookie))["email"] == ADA
        assert (await asks(app, bob.bearer))["email"] == "bob@example.com"
        assert (await asks(app, ada.cookie, bob.bearer))["email"] == "bob@example.com"


async def test_a_required_kind_is_asked_for_each_time(quick, ada):
    only_bearer = BearerMiddleware(whoami, quick.services, required=True)
    only_session = SessionMiddleware(whoami, quick.services, required=True)
    for _ in range(2):
        assert (await exchange(only_session, http(headers=[ada.cookie]))).status == 200
        assert (await exchange(only_session, http())).status == 401
        assert (await exchange(only_bearer, http(headers=[ada.bearer]))).status == 200
        assert (await exchange(only_bearer, http(headers=[ada.cookie]))).status == 401


async def test_guards_see_which_kind_it_was(quick, ada):
    app = quick.wrap(Protect(whoami, require_bearer()))
    for _ in range(2):
        assert (await exchange(app, http(headers=[ada.bearer]))).status == 200
        assert (await exchange(app, http(headers=[ada.cookie]))).status == 401


async def test_another_site_s_form_is_refused_known_or_not(quick, ada):
    app = quick.wrap(whoami)
    await asks(app, ada.cookie)
    headers = [ada.cookie, ("origin", "https://evil.test"), ("sec-fetch-site", "cross-site")]
    assert (await exchange(app, http(method="POST", headers=headers))).status == 403


async def test_a_session_that_is_due_is_extended_though_it_is_known(quick, ada, clock):
    app = quick.wrap(whoami)
    await asks(app, ada.cookie)
    clock.advance(minutes=4)
    assert (await exchange(app, http(headers=[ada.cookie]))).header("set-cookie") == []
    clock.advance(days=1)
    (cookie,) = (await exchange(app, http(headers=[ada.cookie]))).header("set-cookie")
    assert "Max-Age=604800" in cookie


async def test_a_known_session_that_falls_due_within_its_time_in_memory_is_extended(make_auth, clock):
    auth = make_auth(session=SessionOptions(refresh_after=timedelta(minutes=1)))
    ada = await welcome(auth)
    app = auth.wrap(whoami)
    await asks(app, ada.cookie)
    clock.advance(seconds=59)
    assert (await exchange(app, http(headers=[ada.cookie]))).header("set-cookie") == []
    clock.advance(seconds=1)
    assert len((await exchange(app, http(headers=[ada.cookie]))).header("set-cookie")) == 1


async def test_a_known_session_ends_when_it_expires(make_auth, clock):
    options = SessionOptions(lifetime=timedelta(minutes=2), is_refreshed=False)
    auth = make_auth(session=options)
    ada = await welcome(auth)
    app = auth.wrap(whoami)
    for header in (ada.cookie, ada.bearer):
        assert (await asks(app, header))["email"] == ADA
    clock.advance(minutes=2, milliseconds=1)
    for header in (ada.cookie, ada.bearer):
        assert (await asks(app, header))["error"] == "UNAUTHORIZED"


async def test_use_of_a_known_session_is_noted(make_auth, clock):
    auth = make_auth(session=SessionOptions(tracks_activity=True))
    ada = await welcome(auth)
    app = auth.wrap(whoami)
    await asks(app, ada.cookie)
    clock.advance(seconds=61)
    await asks(app, ada.cookie)
    await auth.services.sessions.close()
    assert (await auth.services.engine.sessions.find(token=ada.token)).updated_at == clock()


async def test_a_known_credential_goes_on_while_the_database_is_gone(quick, ada, bob):
    app = quick.wrap(whoami)
    await asks(app, ada.cookie)
    await break_database(quick)
    assert (await asks(app, ada.cookie))["email"] == ADA
    assert (await exchange(app, http(headers=[bob.cookie]))).status == 503


async def test_without_caching_every_request_is_looked_up(make_auth):
    auth = make_auth(cache=CacheOptions(is_enabled=False))
    ada = await welcome(auth)
    app = auth.wrap(whoami)
    with auth.services.engine.recorded() as statements:
        for _ in range(3):
            await asks(app, ada.cookie)
    assert len(statements) == 3


async def test_a_token_that_is_nobody_s_is_not_looked_up_twice(quick):
    app = quick.wrap(whoami)
    header = ("cookie", cookie_header(quick, "nobody" * 5))
    with quick.services.engine.recorded() as statements:
        answers = [await asks(app, header) for _ in range(3)]
    assert {answer["error"] for answer in answers} == {"UNAUTHORIZED"}
    assert len(statements) == 1


async def test_hits_and_misses_are_counted_by_layer(make_auth):
    figures = Figures()
    auth = make_auth(metrics=figures)
    ada = await welcome(auth)
    app = auth.wrap(whoami)
    figures.counts.clear()
    for header in (ada.cookie, ada.cookie, ada.bearer, ada.bearer):
        await asks(app, header)
    assert figures.counts == [
        ("auth.session.cache.miss", {"layer": "record"}),
        ("auth.session.cache.hit", {"layer": "memory"}),
        ("auth.session.cache.hit", {"layer": "memory"}),
        ("auth.bearer.verify", {"outcome": "accepted"}),
        ("auth.session.cache.hit", {"layer": "memory"}),
        ("auth.bearer.verify", {"outcome": "accepted"}),
    ]


async def test_no_more_credentials_are_known_than_allowed(make_auth):
    auth = make_auth(cache=CacheOptions(max_entries=3))
    people = [await welcome(auth, f"person{number}@example.com") for number in range(10)]
    app = auth.wrap(whoami)
    for _ in range(2):
        for person in people:
            assert (await asks(app, person.cookie))["email"] == person.user.email

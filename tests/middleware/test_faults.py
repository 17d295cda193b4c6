"""A fault is not a verdict: where a credential was offered and nobody can judge it, the answer is 503."""

import pytest

from asgi_auth import (
    BearerMiddleware,
    ConfigurationError,
    CredentialMiddleware,
    Protect,
    SessionMiddleware,
    Unavailable,
    require_user,
)
from asgi_auth.middleware import BearerSource, SessionSource
from tests.endpoints.wire import DENIAL_EXTENSION, exchange, http, request, websocket
from tests.middleware.people import break_database, compose
from tests.support import cookie_header, whoami

UNREACHABLE = "postgresql://asgi_auth:canary-password@127.0.0.1:1/none"

UNAVAILABLE = {"message": "Service temporarily unavailable", "code": "SERVICE_UNAVAILABLE"}

ENDPOINTS = [
    ("GET", "/get-session"),
    ("GET", "/list-sessions"),
    ("POST", "/sign-out"),
    ("POST", "/revoke-sessions"),
    ("POST", "/revoke-other-sessions"),
]


class Counting:
    """Metrics that count."""

    def __init__(self):
        self.faults = []

    def increment(self, name, **labels):
        if name == "auth.request.fault":
            self.faults.append(labels)

    def gauge(self, name, value, **labels):
        pass

    def observe(self, name, value, **labels):
        pass


def assert_unavailable(answer):
    assert answer.status == 503
    assert answer.json() == UNAVAILABLE
    assert int(answer.header("retry-after")[0]) > 0
    assert answer.header("cache-control") == ["no-store"]
    assert answer.header("set-cookie") == []
    assert answer.header("www-authenticate") == []


@pytest.mark.parametrize("chain", [("session",), ("bearer",), ("session", "bearer"), ("bearer", "session")])
async def test_an_offered_credential_nobody_can_judge_is_503(quick, ada, chain):
    await break_database(quick)
    app = compose(whoami, quick, chain)
    offered = [ada.cookie] if "session" in chain else []
    offered += [ada.bearer] if "bearer" in chain else []
    assert_unavailable(await exchange(app, http(headers=offered)))


async def test_so_it_is_behind_wrap(quick, ada):
    await break_database(quick)
    assert_unavailable(await exchange(quick.wrap(whoami), http(headers=[ada.cookie])))
    assert_unavailable(await exchange(quick.wrap(whoami), http(headers=[ada.bearer])))


async def test_so_it_is_where_the_database_was_never_there(make_auth):
    auth = make_auth(database=UNREACHABLE)
    answer = await exchange(auth.wrap(whoami), http(headers=[("cookie", cookie_header(auth, "x" * 32))]))
    assert_unavailable(answer)
    assert b"canary" not in answer.body


@pytest.mark.parametrize(("method", "path"), ENDPOINTS)
async def test_the_endpoints_neither_say_null_nor_401_nor_success(quick, ada, method, path):
    await break_database(quick)
    for credential in (ada.cookie, ada.bearer):
        headers = [credential, ("origin", "http://app.test")]
        assert_unavailable(await exchange(quick.endpoints, http(method, path, headers)))


async def test_nobody_is_let_in_meanwhile(quick, ada):
    await break_database(quick)
    body = b'{"email":"ada@example.com","password":"correct horse battery"}'
    scope = http("POST", "/sign-in/email", [("content-type", "application/json")])
    assert_unavailable(await exchange(quick.endpoints, scope, request(body)))


async def test_without_a_credential_everything_works_as_always(make_auth):
    auth = make_auth(database=UNREACHABLE)
    for app in (auth.wrap(whoami), compose(whoami, auth, ["session", "bearer"])):
        answer = await exchange(app, http())
        assert (answer.status, answer.json()["error"]) == (200, None)


async def test_a_credential_that_can_be_judged_without_the_database_is(quick, ada):
    await break_database(quick)
    forged = ("cookie", "better-auth.session_token=forged.AAAA")
    answer = await exchange(compose(whoami, quick, ["session"]), http(headers=[forged]))
    assert (answer.status, answer.json()["error"]) == (200, "UNAUTHORIZED")


@pytest.mark.parametrize("middleware", [SessionMiddleware, BearerMiddleware])
async def test_passing_faults_on_lets_the_application_see_them(quick, ada, middleware):
    await break_database(quick)
    app = middleware(whoami, quick.services, on_fault="pass")
    answer = (await exchange(app, http(headers=[ada.cookie, ada.bearer]))).json()

    assert (answer["subject"], answer["error"]) == (None, "SERVICE_UNAVAILABLE")
    assert answer["credential"] == ("session" if middleware is SessionMiddleware else "bearer")


@pytest.mark.parametrize("middleware", [SessionMiddleware, BearerMiddleware])
@pytest.mark.parametrize("wrong", ["ignore", "Refuse", None, True])
def test_a_word_that_says_nothing_of_faults_is_not_taken_for_pass(quick, middleware, wrong):
    with pytest.raises(ConfigurationError, match='on_fault: "refuse" or "pass"'):
        middleware(whoami, quick.services, on_fault=wrong)


async def test_passed_on_it_is_still_refused_by_a_guard_and_by_a_required_middleware(quick, ada):
    await break_database(quick)
    guarded = SessionMiddleware(Protect(whoami, require_user()), quick.services, on_fault="pass")
    required = SessionMiddleware(whoami, quick.services, on_fault="pass", required=True)
    for app in (guarded, required):
        assert_unavailable(await exchange(app, http(headers=[ada.cookie])))


async def test_passed_on_by_the_explicit_credential_it_does_not_fall_back_to_the_cookie(quick, ada, bob):
    class Unjudged(BearerSource):
        async def authenticate(self, credential, scope):  # noqa: ARG002  (the sources' signature)
            raise Unavailable

    sources = [Unjudged(quick.services), SessionSource(quick.services)]
    app = CredentialMiddleware(whoami, quick.services, sources=sources, on_fault="pass")
    answer = (await exchange(app, http(headers=[ada.cookie, bob.bearer]))).json()
    assert (answer["subject"], answer["credential"], answer["error"]) == (None, "bearer", "SERVICE_UNAVAILABLE")


async def test_each_fault_is_counted_by_kind(make_auth):
    metrics = Counting()
    auth = make_auth(database=UNREACHABLE, metrics=metrics)
    await exchange(auth.wrap(whoami), http(headers=[("cookie", cookie_header(auth, "x"))]))
    await exchange(auth.wrap(whoami), http())
    assert metrics.faults == [{"kind": "session"}]


async def test_a_handshake_is_answered_503_or_closed_to_come_back_later(quick, ada):
    await break_database(quick)
    denied = await exchange(quick.wrap(whoami), websocket(headers=[ada.bearer], extensions=DENIAL_EXTENSION))
    assert_unavailable(denied)
    assert denied.types == ["websocket.http.response.start", "websocket.http.response.body"]

    closed = await exchange(quick.wrap(whoami), websocket(headers=[ada.bearer]))
    assert closed.sent == [{"type": "websocket.close", "code": 1013, "reason": "SERVICE_UNAVAILABLE"}]


async def test_after_the_fault_all_is_as_before(quick, ada):
    app = quick.wrap(whoami)
    rows = 'ALTER TABLE "session" RENAME TO "{}"'
    run = quick.services.engine._executor.run_text
    await run(rows.format("hidden"))
    assert_unavailable(await exchange(app, http(headers=[ada.cookie])))
    await run('ALTER TABLE "hidden" RENAME TO "session"')
    assert (await exchange(app, http(headers=[ada.cookie]))).json()["email"] == "ada@example.com"

"""Guards: who may pass, and how the others are answered, in plain ASGI, in Starlette and in FastAPI."""

import json
from contextlib import suppress
from dataclasses import replace
from typing import Annotated

import pytest
import structlog
from fastapi import Depends, FastAPI
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute

from asgi_auth import (
    ANONYMOUS,
    AuthError,
    Forbidden,
    Guard,
    NotAuthenticated,
    Proof,
    Protect,
    Unavailable,
    all_of,
    either,
    has_scope,
    require_api_key,
    require_authenticated,
    require_bearer,
    require_jwt,
    require_session,
    require_user,
)
from asgi_auth.clock import Timestamp
from asgi_auth.errors import EmailTaken, InvalidOrigin, InvalidToken
from asgi_auth.models import ApiKey, Session, User
from tests.endpoints.wire import DENIAL_EXTENSION, exchange, http, websocket
from tests.middleware.people import welcome
from tests.support import whoami

NOW = Timestamp.parse("2026-11-22T12:00:00.000Z")


class Only(Guard):
    """A guard of the application's own: one kind of credential."""

    def __init__(self, kind):
        self.kind = kind

    def admit(self, context):
        if self.kind not in context.credentials:
            raise NotAuthenticated
        return context.credentials[self.kind]


def user(name):
    return User(name=name, email=f"{name}@example.com", created_at=NOW, updated_at=NOW, id=name)


def session(name):
    return Session(expires_at=NOW, token="t", created_at=NOW, updated_at=NOW, user_id=name, id="s")


ADA = Proof(subject="ada", user=user("ada"), session=session("ada"))
BOB = Proof(subject="bob", user=user("bob"), session=session("bob"))


def api_key(owner, permissions):
    return ApiKey(reference_id=owner, permissions=permissions, created_at=NOW, updated_at=NOW, id="k")


READER = api_key("ada", {"files": ("read", "list"), "mail": ("read",)})
KEY = Proof(subject="ada", user=user("ada"), api_key=READER, scopes=READER.scopes)
ORGANIZATION_KEY = Proof(subject="org", api_key=api_key("org", None))
JWT = Proof(subject="ada", user=user("ada"), claims={"sub": "ada"}, scopes=frozenset({"files:read", "mail:send"}))
CHECKED_JWT = Proof(subject="ada", user=user("ada"), claims={"sub": "ada"}, session=session("ada"))
FOREIGN_JWT = Proof(subject="somebody", claims={"sub": "somebody"})

CONTEXTS = {
    "nobody": ANONYMOUS,
    "session": ANONYMOUS.with_proof("session", ADA),
    "bearer": ANONYMOUS.with_proof("bearer", ADA),
    "both": ANONYMOUS.with_proof("session", ADA).with_proof("bearer", ADA),
    "two people": ANONYMOUS.with_proof("session", ADA).with_proof("bearer", BOB),
    "key": ANONYMOUS.with_proof("api_key", KEY),
    "organization key": ANONYMOUS.with_proof("api_key", ORGANIZATION_KEY),
    "jwt": ANONYMOUS.with_proof("jwt", JWT),
    "checked jwt": ANONYMOUS.with_proof("jwt", CHECKED_JWT),
    "foreign jwt": ANONYMOUS.with_proof("jwt", FOREIGN_JWT),
    "jwt and key": ANONYMOUS.with_proof("jwt", JWT).with_proof("api_key", KEY),
    "session and jwt": ANONYMOUS.with_proof("session", ADA).with_proof("jwt", JWT),
    "bob's session and jwt": ANONYMOUS.with_proof("session", BOB).with_proof("jwt", CHECKED_JWT),
    "bob's jwt and key": ANONYMOUS.with_proof("jwt", replace(JWT, subject="bob")).with_proof("api_key", KEY),
    "refused jwt": ANONYMOUS.with_proof("session", ADA).with_refusal("jwt", InvalidToken()),
    "session and key": ANONYMOUS.with_proof("session", ADA).with_proof("api_key", KEY),
    "refused": ANONYMOUS.with_refusal("session", InvalidToken()),
    "refused bearer": ANONYMOUS.with_proof("session", ADA).with_refusal("bearer", InvalidToken()),
    "refused cookie": ANONYMOUS.with_proof("bearer", ADA).with_refusal("session", InvalidToken()),
    "foreign": ANONYMOUS.with_refusal("session", InvalidOrigin()),
    "fault": ANONYMOUS.with_refusal("session", Unavailable()),
}

WITH_SESSION = {"session", "bearer", "both", "two people", "session and key", "refused cookie", "session and jwt"}
WITH_JWT = {"jwt", "checked jwt", "foreign jwt", "jwt and key", "session and jwt", "bob's session and jwt"}
WITH_KEY = {"key", "organization key", "session and key", "jwt and key", "bob's jwt and key"}
OF_TWO = {"bob's session and jwt", "bob's jwt and key"}
WITH_BEARER = {"bearer", "both", "two people", "refused cookie"}

VERDICTS = {
    # guard: the contexts that pass; all others are 401 unless named with another status
    "authenticated": (require_authenticated(), WITH_SESSION | WITH_JWT | WITH_KEY),
    "session": (require_session(), WITH_SESSION),
    "bearer": (require_bearer(), WITH_BEARER),
    "user": (require_user(), WITH_SESSION | {"key", "jwt", "checked jwt", "jwt and key", *OF_TWO}),
    "jwt": (require_jwt(), WITH_JWT),
    "key": (require_api_key(), WITH_KEY),
    "jwt and key": (all_of(require_jwt(), require_api_key()), {"jwt and key"}),
    "session and jwt": (all_of(require_session(), require_jwt()), {"session and jwt"}),
    "either": (either(require_bearer(), require_session()), WITH_SESSION),
    "all of": (all_of(require_session(), require_bearer()), WITH_BEARER),
    "nested": (either(all_of(require_bearer(), require_user()), all_of(require_session())), WITH_SESSION),
}

STATUS = {"foreign": 403, "fault": 503}
# What Bob may do makes nobody of him whom another credential, which decides, stands for.
MIXED = {(guard, "bob's session and jwt") for guard in ("session", "either", "all of", "nested", "session and jwt")} | {
    (guard, "bob's jwt and key") for guard in ("jwt", "jwt and key")
}


@pytest.mark.parametrize("guard", VERDICTS)
@pytest.mark.parametrize("context", CONTEXTS)
def test_each_guard_lets_pass_whom_it_says_and_refuses_the_others(guard, context):
    rule, passes = VERDICTS[guard]
    scope = {"type": "http", "auth": CONTEXTS[context]}
    if context in passes:
        assert isinstance(rule.check(scope), Proof)
        return
    with pytest.raises(AuthError) as refusal:
        rule.check(scope)
    assert refusal.value.status == (403 if (guard, context) in MIXED else STATUS.get(context, 401))


@pytest.mark.parametrize(
    ("permissions", "context", "status"),
    [
        ({"files": ["read"]}, "key", 200),
        ({"files": ["list", "read"], "mail": ["read"]}, "key", 200),
        ({"files": ["read"]}, "jwt and key", 200),
        ({"files": []}, "key", 200),
        ({}, "organization key", 200),
        ({"files": ["write"]}, "key", 403),
        ({"files": ["read", "write"]}, "key", 403),
        ({"mail": ["list"]}, "key", 403),
        ({"people": ["read"]}, "key", 403),
        ({"files:read": ["list"]}, "key", 403),
        ({"files": ["read"]}, "organization key", 403),
        ({"files": ["read"]}, "jwt", 401),
        ({"files": ["read"]}, "session", 401),
        ({"files": ["read"]}, "nobody", 401),
        ({"files": ["read"]}, "fault", 503),
    ],
)
def test_a_key_has_to_allow_all_that_is_asked_of_it(permissions, context, status):
    assert status_of(require_api_key(permissions), context) == status


@pytest.mark.parametrize(
    ("scopes", "context", "status"),
    [
        (["files:read"], "key", 200),
        (["files:read"], "jwt", 200),
        (["files:read", "mail:send"], "jwt", 200),
        (["files:read", "mail:send"], "key", 403),
        (["mail:send"], "jwt and key", 200),
        (["mail:send"], "bob's jwt and key", 403),
        (["files:read"], "bob's jwt and key", 200),
        (["files:list", "mail:send"], "jwt and key", 403),
        (["files"], "key", 403),
        (["files:read"], "foreign jwt", 403),
        (["files:read"], "session", 403),
        (["files:read"], "refused jwt", 401),
        (["files:read"], "nobody", 401),
        (["files:read"], "fault", 503),
    ],
)
def test_one_credential_has_to_have_all_scopes(scopes, context, status):
    assert status_of(has_scope(*scopes), context) == status


def test_sessions_may_be_let_pass_beside_scopes():
    rule = either(require_session(), has_scope("files:read"))
    assert [status_of(rule, context) for context in ("session", "jwt", "foreign jwt", "nobody")] == [200, 200, 403, 401]


def status_of(rule, context):
    try:
        rule.check({"type": "http", "auth": CONTEXTS[context]})
    except AuthError as refusal:
        return refusal.status
    return 200


def test_permissions_that_are_no_lists_are_a_mistake():
    for wrong in ({"files": "read"}, ["files:read"], "files:read"):
        with pytest.raises(ValueError, match="lists of actions"):
            require_api_key(wrong)
    with pytest.raises(ValueError, match="needs a scope"):
        has_scope()
    for wrong in (["files:read"], {"files": ["read"]}, None):
        with pytest.raises(ValueError, match="scopes are texts"):
            has_scope(wrong)


async def allow(scope, receive, send):
    """An application."""


@pytest.mark.parametrize("wrong", [require_jwt, allow, "jwt", [Only("jwt")], Only])
def test_what_is_no_guard_is_a_mistake_where_it_is_given_and_not_at_each_request(wrong):
    for combine in (either, all_of, lambda *guards: Protect(allow, *guards)):
        for guards in ((wrong,), (Only("session"), wrong)):
            with pytest.raises(ValueError, match=r"guards are made by a call: require_user\(\)"):
                combine(*guards)


def test_the_permissions_that_a_guard_was_made_with_stay_as_they_were():
    wanted = {"files": ["read"]}
    rule = require_api_key(wanted)
    wanted["files"].append("write")
    wanted["mail"] = ["send"]
    assert status_of(rule, "key") == 200


def test_the_deciding_credential_is_the_proof():
    assert require_session().check({"auth": CONTEXTS["two people"]}) is BOB
    assert require_user().check({"auth": CONTEXTS["session and key"]}) is KEY
    assert require_user().check({"auth": ANONYMOUS.with_proof("bearer", ADA).with_proof("jwt", BOB)}) is BOB
    assert require_session().check({"auth": CONTEXTS["session and key"]}) is ADA


def test_credentials_of_two_people_do_not_add_up():
    rule = all_of(Only("session"), require_bearer())
    assert rule.check({"auth": CONTEXTS["both"]}) is ADA
    with pytest.raises(Forbidden):
        rule.check({"auth": CONTEXTS["two people"]})


def test_whom_a_guard_knows_and_does_not_let_pass_is_logged_once_and_strangers_are_not():
    rule = either(Only("api_key"), all_of(Only("session"), Only("bearer")))
    with structlog.testing.capture_logs() as logs:
        for context in ("two people", "nobody", "both"):
            with suppress(AuthError):
                rule.check({"auth": CONTEXTS.get(context, ANONYMOUS)})
    assert [log["event"] for log in logs] == ["guard.refused"]
    decisive = CONTEXTS["two people"]
    assert (logs[0]["kind"], logs[0]["user_id"]) == (decisive.credential, decisive.user.id)


@pytest.mark.parametrize("auth", [None, "admin", {"user": "x"}, object()])
def test_what_is_no_context_of_ours_is_nobody(auth):
    for scope in ({"auth": auth}, {}):
        with pytest.raises(NotAuthenticated):
            require_authenticated().check(scope)


def test_the_refusal_that_came_closest_is_the_answer_of_either():
    context = ANONYMOUS.with_proof("session", ADA).with_proof("bearer", BOB)
    same = all_of(Only("session"), Only("bearer"))
    with pytest.raises(Forbidden):
        either(Only("api_key"), same, Only("api_key")).check({"auth": context})


@pytest.mark.parametrize("combine", [either, all_of])
def test_a_combination_of_nothing_is_a_mistake(combine):
    with pytest.raises(ValueError, match="needs a guard"):
        combine()


ANSWERS = [
    # context, status, body, challenge, retry-after
    ("nobody", 401, {"message": "Unauthorized", "code": "UNAUTHORIZED"}, 'Bearer realm="app"', False),
    (
        "refused",
        401,
        {"message": "Unauthorized", "code": "UNAUTHORIZED"},
        'Bearer realm="app", error="invalid_token"',
        False,
    ),
    ("foreign", 403, {"message": "Invalid origin", "code": "INVALID_ORIGIN"}, None, False),
    ("fault", 503, {"message": "Service temporarily unavailable", "code": "SERVICE_UNAVAILABLE"}, None, True),
]


@pytest.mark.parametrize(("context", "status", "body", "challenge", "waits"), ANSWERS)
@pytest.mark.parametrize("kind", ["http", "websocket"])
async def test_a_refusal_is_answered_in_the_shape_of_the_contract(context, status, body, challenge, waits, kind):
    app = Protect(whoami, require_user(), realm="app")
    scope = http() if kind == "http" else websocket(extensions=DENIAL_EXTENSION)
    answer = await exchange(app, {**scope, "auth": CONTEXTS[context]})

    assert (answer.status, answer.json()) == (status, body)
    assert list(answer.json()) == ["message", "code"]
    assert answer.header("content-type") == ["application/json"]
    assert answer.header("content-length") == [str(len(answer.body))]
    assert answer.header("cache-control") == ["no-store"]
    assert answer.header("www-authenticate") == ([challenge] if challenge else [])
    assert bool(answer.header("retry-after")) is waits
    assert answer.header("set-cookie") == []


async def test_without_a_guard_anybody_authenticated_passes_and_several_guards_all_count():
    assert (await exchange(Protect(whoami), {**http(), "auth": CONTEXTS["key"]})).status == 200
    assert (await exchange(Protect(whoami), http())).status == 401
    several = Protect(whoami, require_user(), require_session())
    assert (await exchange(several, {**http(), "auth": CONTEXTS["key"]})).status == 401
    assert (await exchange(several, {**http(), "auth": CONTEXTS["session"]})).status == 200


async def test_a_realm_cannot_break_out_of_its_quotes():
    for realm, written in [('a"b', 'a\\"b'), ("a\\b", "a\\\\b"), ("a\r\nx: y", "ax: y"), ("é日", "é?")]:
        answer = await exchange(Protect(whoami, realm=realm), http())
        assert answer.header("www-authenticate") == [f'Bearer realm="{written}"']


async def test_lifespan_passes_and_an_unknown_kind_of_scope_does_not():
    seen = []

    async def app(scope, receive, send):
        seen.append(scope["type"])

    await Protect(app)({"type": "lifespan"}, None, None)
    with pytest.raises(NotAuthenticated):
        await Protect(app)({"type": "webtransport"}, None, None)
    assert seen == ["lifespan"]


async def test_a_handshake_without_the_extension_is_closed_before_it_is_accepted():
    closed = await exchange(Protect(whoami), websocket())
    assert closed.sent == [{"type": "websocket.close", "code": 1008, "reason": "UNAUTHORIZED"}]
    later = await exchange(Protect(whoami), {**websocket(), "auth": CONTEXTS["fault"]})
    assert later.sent == [{"type": "websocket.close", "code": 1013, "reason": "SERVICE_UNAVAILABLE"}]


async def test_an_error_of_ours_raised_inside_is_answered_alike():
    async def app(scope, receive, send):
        raise EmailTaken

    answer = await exchange(Protect(app), {**http(), "auth": CONTEXTS["session"]})
    assert (answer.status, answer.json()["code"]) == (422, "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL")


@pytest.mark.parametrize("error", [EmailTaken, LookupError])
async def test_one_raised_after_the_response_began_and_any_other_is_passed_on(error):
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise error

    with pytest.raises(error):
        await exchange(Protect(app), {**http(), "auth": CONTEXTS["session"]})


async def test_in_starlette_a_guard_is_a_middleware_of_a_route(make_auth):
    auth = make_auth()
    ada = await welcome(auth)

    async def endpoint(request):
        return JSONResponse(request.auth.user.email)

    async def chat(websocket):
        await websocket.accept()
        await websocket.send_text(websocket.auth.user.email)
        await websocket.close()

    routes = [
        Route("/me", endpoint, middleware=[Middleware(Protect)]),
        Route("/token", endpoint, middleware=[Middleware(Protect, require_bearer())]),
        WebSocketRoute("/chat", chat, middleware=[Middleware(Protect)]),
    ]
    app = auth.wrap(Starlette(routes=routes))
    assert (await exchange(app, http(path="/me"))).status == 401
    assert (await exchange(app, http(path="/me", headers=[ada.cookie]))).json() == "ada@example.com"
    assert (await exchange(app, http(path="/token", headers=[ada.cookie]))).status == 401
    assert (await exchange(app, http(path="/token", headers=[ada.bearer]))).json() == "ada@example.com"
    assert (await exchange(app, websocket("/chat"))).types == ["websocket.close"]
    greeted = await exchange(app, websocket("/chat", [ada.bearer]))
    assert greeted.sent[1]["text"] == "ada@example.com"


async def test_in_fastapi_a_guard_is_a_dependency_and_refusals_are_answered_by_auth(make_auth):
    auth = make_auth()
    ada = await welcome(auth)
    app = FastAPI()
    app.add_exception_handler(AuthError, auth.answer)

    def caller(connection: HTTPConnection) -> User:
        proof = require_user().check(connection.scope)
        assert proof.user is not None
        return proof.user

    @app.get("/me")
    async def endpoint(caller: Annotated[User, Depends(caller)]) -> str:
        return caller.email

    wrapped = auth.wrap(app)
    assert (await exchange(wrapped, http(path="/me", headers=[ada.bearer]))).json() == "ada@example.com"

    refused = await exchange(wrapped, http(path="/me"))
    assert (refused.status, refused.json()) == (401, {"message": "Unauthorized", "code": "UNAUTHORIZED"})
    assert refused.header("www-authenticate") == ['Bearer realm="asgi_auth"']
    assert refused.header("content-type") == ["application/json"]
    assert refused.header("cache-control") == ["no-store"]

    wrong = await exchange(wrapped, http(path="/me", headers=[("authorization", "Bearer x")]))
    assert wrong.header("www-authenticate") == ['Bearer realm="asgi_auth", error="invalid_token"']


def test_answer_answers_every_refusal_and_nothing_else(make_auth):
    auth = make_auth(app_name="My app")
    response = auth.answer(HTTPConnection(http()), Unavailable(retry_after=7))
    assert (response.status_code, json.loads(response.body)["code"]) == (503, "SERVICE_UNAVAILABLE")
    assert response.headers["retry-after"] == "7"
    assert 'realm="My app"' in auth.answer(HTTPConnection(http()), NotAuthenticated()).headers["www-authenticate"]
    with pytest.raises(LookupError):
        auth.answer(HTTPConnection(http()), LookupError())


def test_a_context_tells_session_and_user_or_why_not():
    assert CONTEXTS["session"].session_user == (ADA.session, ADA.user)
    for name, status in (("nobody", 401), ("key", 401), ("fault", 503)):
        with pytest.raises(AuthError) as refusal:
            _ = CONTEXTS[name].session_user
        assert refusal.value.status == status
    assert not ANONYMOUS.is_authenticated

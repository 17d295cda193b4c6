"""Handshakes are identified like requests, and a cookie on one needs a trusted Origin beside it."""

import pytest

from asgi_auth import BearerMiddleware, Protect, SessionMiddleware, auth_context, require_session
from tests.endpoints.wire import CONNECT, DENIAL_EXTENSION, exchange, websocket
from tests.middleware.people import compose, welcome
from tests.support import cookie_header, whoami

OWN = ("origin", "http://app.test")

ORIGINS = [
    # headers beside a good cookie, the error or None
    ([OWN], None),
    ([("origin", "http://APP.test:80")], None),
    ([("origin", "https://partner.test")], None),
    ([("referer", "http://app.test/page")], None),
    ([], "MISSING_OR_NULL_ORIGIN"),
    ([("origin", "")], "MISSING_OR_NULL_ORIGIN"),
    ([("origin", "null")], "MISSING_OR_NULL_ORIGIN"),
    ([("sec-fetch-site", "same-origin")], "MISSING_OR_NULL_ORIGIN"),
    ([("origin", "https://evil.test")], "INVALID_ORIGIN"),
    ([("origin", "https://app.test")], "INVALID_ORIGIN"),
    ([("origin", "http://app.test.evil.test")], "INVALID_ORIGIN"),
    ([("origin", "ws://app.test")], "INVALID_ORIGIN"),
    ([OWN, ("origin", "https://evil.test")], "INVALID_ORIGIN"),
    ([OWN, OWN], "INVALID_ORIGIN"),
]


async def greeting(app, headers, **more):
    answer = await exchange(app, websocket(headers=headers, **more))
    return next(message["text"] for message in answer.sent if message["type"] == "websocket.send")


def reporting(seen):
    async def app(scope, receive, send):
        await receive()
        seen.append(auth_context(scope))
        await send({"type": "websocket.accept"})

    return app


@pytest.mark.parametrize(("headers", "error"), ORIGINS)
async def test_a_cookie_counts_with_a_trusted_origin_only(make_auth, headers, error):
    auth = make_auth(trusted_origins=("https://partner.test",))
    person = await welcome(auth)
    seen = []
    await exchange(SessionMiddleware(reporting(seen), auth.services), websocket(headers=[person.cookie, *headers]))

    (context,) = seen
    assert (context.error.code if context.error else None) == error
    assert context.is_authenticated is (error is None)


@pytest.mark.parametrize("origin", ["https://evil.test", "null", None])
async def test_a_bearer_token_needs_no_origin(quick, ada, origin):
    headers = [ada.bearer] + ([("origin", origin)] if origin else [])
    assert await greeting(BearerMiddleware(whoami, quick.services), headers) == "ada@example.com"
    assert await greeting(quick.wrap(whoami), headers) == "ada@example.com"


async def test_a_secure_socket_has_an_https_origin(quick, ada):
    app = quick.wrap(whoami)
    https = ("origin", "https://app.test")
    assert await greeting(app, [ada.cookie, https], scheme="wss") == "ada@example.com"
    assert await greeting(app, [ada.cookie, OWN], scheme="wss") == "anonymous"


async def test_the_token_decides_over_a_cookie_without_origin(quick, ada, bob):
    assert await greeting(quick.wrap(whoami), [ada.cookie, bob.bearer]) == "bob@example.com"


async def test_without_a_credential_the_application_greets_a_stranger(quick):
    assert await greeting(quick.wrap(whoami), []) == "anonymous"


async def test_a_token_in_the_query_is_nothing(quick, ada):
    query = f"token={ada.token}&access_token={ada.token}".encode()
    assert await greeting(quick.wrap(whoami), [], query_string=query) == "anonymous"


UNKNOWN = 'Bearer realm="asgi_auth"'
BAD_TOKEN = 'Bearer realm="asgi_auth", error="invalid_token"'

REFUSALS = [
    # the required middleware, what is offered, the answer
    (SessionMiddleware, [], 401, "UNAUTHORIZED", UNKNOWN),
    (BearerMiddleware, [], 401, "UNAUTHORIZED", UNKNOWN),
    (BearerMiddleware, [("authorization", "Bearer x")], 401, "UNAUTHORIZED", BAD_TOKEN),
    (SessionMiddleware, ["cookie"], 403, "MISSING_OR_NULL_ORIGIN", None),
    (SessionMiddleware, ["cookie", ("origin", "https://evil.test")], 403, "INVALID_ORIGIN", None),
    (SessionMiddleware, ["dead", OWN], 401, "UNAUTHORIZED", BAD_TOKEN),
]


async def never(scope, receive, send):
    raise AssertionError("reached")


@pytest.mark.parametrize(("middleware", "offered", "status", "code", "challenge"), REFUSALS)
@pytest.mark.parametrize("is_guarded", [True, False])
async def test_a_refused_handshake_is_answered_where_the_server_can(
    quick, ada, middleware, offered, status, code, challenge, is_guarded
):
    given = {"cookie": ada.cookie, "dead": ("cookie", cookie_header(quick, "x" * 32))}
    headers = [given.get(header, header) for header in offered]
    required = middleware(never, quick.services, required=True)
    app = quick.wrap(Protect(never, require_session())) if is_guarded else required

    denied = await exchange(app, websocket(headers=headers, extensions=DENIAL_EXTENSION))
    assert denied.types == ["websocket.http.response.start", "websocket.http.response.body"]
    assert (denied.status, denied.json()["code"]) == (status, code)
    assert denied.header("content-type") == ["application/json"]
    assert denied.header("www-authenticate") == ([challenge] if challenge else [])

    for extensions in ({}, None):
        closed = await exchange(app, websocket(headers=headers, extensions=extensions))
        assert closed.sent == [{"type": "websocket.close", "code": 1008, "reason": code}]


async def test_a_refusal_waits_for_the_server_to_deliver_the_connection(quick):
    events = []

    async def receive():
        events.append("receive")
        return CONNECT

    async def send(message):
        events.append(message["type"])

    await SessionMiddleware(whoami, quick.services, required=True)(websocket(), receive, send)
    assert events == ["receive", "websocket.close"]


async def test_who_left_before_being_refused_is_told_nothing(quick):
    app = SessionMiddleware(whoami, quick.services, required=True)
    answer = await exchange(app, websocket(), {"type": "websocket.disconnect", "code": 1006})
    assert answer.sent == []


async def test_two_authorization_headers_refuse_the_handshake(quick, ada, bob):
    scope = websocket(headers=[ada.bearer, bob.bearer], extensions=DENIAL_EXTENSION)
    denied = await exchange(quick.wrap(whoami), scope)
    assert (denied.status, denied.json()["code"]) == (400, "REPEATED_HEADER")


async def test_an_extended_session_sends_its_cookie_with_the_acceptance(quick, ada, clock):
    clock.advance(days=1)
    answer = await exchange(quick.wrap(whoami), websocket(headers=[ada.cookie, OWN]))
    (cookie,) = answer.header("set-cookie")
    assert cookie.startswith("better-auth.session_token=")


async def test_csrf_leaves_handshakes_to_the_cookie_check(quick, ada):
    assert await greeting(compose(whoami, quick, ["session", "csrf"]), [ada.cookie, OWN]) == "ada@example.com"

"""A session that was extended on the way sends its cookie with the application's own response, once."""

import asyncio

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse, RedirectResponse, StreamingResponse
from starlette.routing import Route

from asgi_auth import SessionMiddleware
from tests.endpoints.wire import exchange, http
from tests.middleware.people import compose, welcome
from tests.support import whoami

COOKIE = "better-auth.session_token"


def responding(headers=(), status=200, body=b"x"):
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": status, "headers": list(headers)})
        await send({"type": "http.response.body", "body": body})

    return app


async def ask(app, person, **more):
    return await exchange(app, http(headers=[person.cookie], **more))


@pytest.fixture
async def due(ada, clock):
    """Ada, whose session is due to be extended."""
    clock.advance(days=1)
    return ada


async def test_only_a_session_that_was_extended_sends_its_cookie(quick, ada, clock):
    app = quick.wrap(whoami)
    assert (await ask(app, ada)).header("set-cookie") == []
    clock.advance(days=1)
    (cookie,) = (await ask(app, ada)).header("set-cookie")
    assert cookie == f"{ada.cookie[1]}; Max-Age=604800; Path=/; HttpOnly; SameSite=Lax"
    assert (await ask(app, ada)).header("set-cookie") == []


async def test_the_session_lives_on_as_long_as_its_cookie_says(quick, due, clock):
    app = quick.wrap(whoami)
    for _ in range(3):
        assert (await ask(app, due)).json()["email"] == "ada@example.com"
        clock.advance(days=6, hours=23)
    assert (await ask(app, due)).json()["email"] == "ada@example.com"


@pytest.mark.parametrize("chain", [("session", "session"), ("session", "bearer", "csrf", "session")])
async def test_it_is_sent_once_whatever_the_number_of_middlewares(quick, due, chain):
    answer = await ask(quick.wrap(compose(responding(), quick, chain)), due)
    assert len(answer.header("set-cookie")) == 1


async def test_a_session_not_to_be_remembered_is_never_extended(quick, clock):
    person = await welcome(quick, is_remembered=False)
    mark = f"better-auth.dont_remember={quick.services.signer.sign('true')}"
    clock.advance(hours=23)
    headers = [("cookie", f"{person.cookie[1]}; {mark}")]
    answer = await exchange(quick.wrap(whoami), http(headers=headers))

    assert answer.json()["email"] == "ada@example.com"
    assert answer.header("set-cookie") == []
    clock.advance(hours=1, seconds=1)
    assert (await exchange(quick.wrap(whoami), http(headers=headers))).json()["error"] == "UNAUTHORIZED"


async def test_the_response_must_not_be_stored_whatever_the_application_says(quick, due):
    headers = [(b"Cache-Control", b"public, max-age=3600"), (b"cache-control", b"immutable"), (b"x", b"1")]
    answer = await ask(quick.wrap(responding(headers)), due)
    assert answer.header("cache-control") == ["no-store"]
    assert answer.header("x") == ["1"]


async def test_otherwise_the_applications_headers_are_its_own(quick, ada):
    headers = [(b"cache-control", b"public"), (b"set-cookie", b"a=1")]
    answer = await ask(quick.wrap(responding(headers)), ada)
    assert answer.start["headers"] == headers


async def test_cookies_of_the_application_stay_beside_it(quick, due):
    headers = [(b"set-cookie", b"theme=dark"), (b"set-cookie", b"lang=de; Path=/")]
    answer = await ask(quick.wrap(responding(headers)), due)
    assert [value.partition("=")[0] for value in answer.header("set-cookie")] == ["theme", "lang", COOKIE]


async def test_an_application_that_sets_the_cookie_itself_has_the_last_word(quick, due):
    own = f"{COOKIE}=; Max-Age=0; Path=/"
    headers = [(b"Set-Cookie", own.encode()), (b"cache-control", b"private")]
    answer = await ask(quick.wrap(responding(headers)), due)
    assert answer.header("set-cookie") == [own]
    assert answer.header("cache-control") == ["private"]


@pytest.mark.parametrize("status", [200, 204, 302, 304, 404, 500])
async def test_any_status_carries_it(quick, due, status):
    answer = await ask(quick.wrap(responding(status=status, body=b"")), due)
    assert len(answer.header("set-cookie")) == 1


async def test_a_stream_is_passed_on_piece_by_piece(quick, due):
    seen = []

    async def stream(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for piece in (b"a", b"b", b""):
            seen.append(len(sent))
            await send({"type": "http.response.body", "body": piece, "more_body": bool(piece)})

    sent = []

    async def send(message):
        sent.append(message)

    await quick.wrap(stream)(http(headers=[due.cookie]), None, send)
    assert seen == [1, 2, 3]
    assert [name for name, _ in sent[0]["headers"]].count(b"set-cookie") == 1
    assert all("headers" not in message for message in sent[1:])


async def test_other_messages_pass_as_they_are(quick, due):
    messages = [
        {"type": "http.response.debug", "info": {}},
        {"type": "http.response.start", "status": 200},
        {"type": "http.response.pathsend", "path": "/tmp/x"},
        {"type": "http.response.trailers", "headers": [(b"cache-control", b"x")]},
    ]

    async def app(scope, receive, send):
        for message in messages:
            await send(message)

    answer = await ask(quick.wrap(app), due)
    assert [answer.sent[0], *answer.sent[2:]] == [messages[0], *messages[2:]]
    assert len(answer.header("set-cookie")) == 1


async def test_a_message_the_application_keeps_never_carries_somebodys_cookie(quick, due, bob):
    kept = {"type": "http.response.start", "status": 200, "headers": [(b"x", b"1")]}

    async def app(scope, receive, send):
        await send(kept)
        await send({"type": "http.response.body"})

    assert len((await ask(quick.wrap(app), due)).header("set-cookie")) == 1
    assert kept["headers"] == [(b"x", b"1")]
    assert (await ask(quick.wrap(app), bob)).header("set-cookie") == []


async def test_responses_of_a_framework_carry_it(quick, due, clock):
    async def pieces():
        yield b"a"
        yield b"b"

    async def plain(request):
        return JSONResponse({"user": request.auth.user.email})

    async def stream(request):
        return StreamingResponse(pieces())

    async def away(request):
        response = RedirectResponse("/plain")
        response.set_cookie("theme", "dark")
        return response

    site = Starlette(routes=[Route("/plain", plain), Route("/stream", stream), Route("/away", away)])
    for path in ("/plain", "/stream", "/away"):
        clock.advance(days=1)
        answer = await ask(quick.wrap(site), due, path=path)
        names = [value.partition("=")[0] for value in answer.header("set-cookie")]
        assert names == (["theme", COOKIE] if path == "/away" else [COOKIE])


@pytest.mark.parametrize("begins", [True, False])
async def test_what_the_application_raises_is_passed_on(quick, due, begins):
    async def app(scope, receive, send):
        if begins:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        raise LookupError("of the application")

    sent = []

    async def send(message):
        sent.append(message)

    with pytest.raises(LookupError, match="of the application"):
        await quick.wrap(app)(http(headers=[due.cookie]), None, send)
    assert len(sent) == int(begins)


async def test_a_custom_name_is_sent_again_under_that_name(quick, due):
    headers = [("cookie", f"sid={due.cookie[1].partition('=')[2]}")]
    app = SessionMiddleware(whoami, quick.services, cookie_name="sid")
    (cookie,) = (await exchange(app, http(headers=headers))).header("set-cookie")
    assert cookie.startswith(f"sid={due.token}.")


async def test_a_bearer_token_needs_no_cookie(quick, due):
    answer = await exchange(quick.wrap(whoami), http(headers=[due.bearer]))
    assert answer.json()["email"] == "ada@example.com"
    assert answer.header("set-cookie") == []
    live = await quick.services.sessions.get_session_metadata(due.session.id)
    assert live.expires_at > due.session.expires_at


async def test_of_requests_at_once_one_extends_the_session(quick, due):
    app = quick.wrap(whoami)
    answers = await asyncio.gather(*(ask(app, due) for _ in range(10)))
    assert [len(answer.header("set-cookie")) for answer in answers].count(1) == 1
    assert {answer.json()["email"] for answer in answers} == {"ada@example.com"}

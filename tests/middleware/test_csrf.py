"""The application's own unsafe requests, where a cookie says who asks."""

import pytest

from asgi_auth import Auth, AuthConfig, CsrfOptions, SessionMiddleware
from asgi_auth.middleware import CSRFMiddleware
from tests.endpoints.wire import exchange, http, websocket
from tests.middleware.people import compose, welcome
from tests.support import SECRET, cookie_header, whoami

MISSING = "MISSING_OR_NULL_ORIGIN"
INVALID = "INVALID_ORIGIN"

OWN = ("origin", "http://app.test")
EVIL = ("origin", "https://evil.test")

WITH_COOKIE = [
    # headers, code of the refusal or None
    ([OWN], None),
    ([("origin", "HTTP://APP.TEST")], None),
    ([("origin", "https://partner.test")], None),
    ([("referer", "http://app.test/page")], None),
    ([("sec-fetch-site", "same-origin")], None),
    ([("sec-fetch-site", "none")], None),
    ([("sec-fetch-site", "same-origin"), ("origin", "null")], None),
    ([], MISSING),
    ([("origin", "")], MISSING),
    ([("origin", "null")], MISSING),
    ([("referer", "null")], MISSING),
    ([("sec-fetch-site", "same-site")], MISSING),
    ([("sec-fetch-site", "cross-site")], MISSING),
    ([("sec-fetch-site", "Same-Origin")], MISSING),
    ([("sec-fetch-site", "same-site"), EVIL], INVALID),
    ([("sec-fetch-site", "cross-site"), OWN], None),
    ([EVIL], INVALID),
    ([("origin", "http://app.test.evil.test")], INVALID),
    ([("origin", "http://app.test@evil.test")], INVALID),
    ([("origin", "https://app.test")], INVALID),
    ([("origin", "http://app.test:8080")], INVALID),
    ([("referer", "https://evil.test/http://app.test/")], INVALID),
    ([OWN, EVIL], INVALID),
    ([EVIL, OWN], INVALID),
]

LENIENT = [
    ([], None),
    ([("referer", "")], None),
    ([("origin", "null")], MISSING),
    ([("origin", "")], MISSING),
    ([("sec-fetch-site", "cross-site")], MISSING),
    ([EVIL], INVALID),
]


def refusal(answer):
    return answer.json()["code"] if answer.status == 403 else None


@pytest.mark.parametrize("is_wrapped", [True, False])
async def test_an_unsafe_request_by_cookie_has_to_come_from_a_trusted_place(make_auth, is_wrapped):
    auth = make_auth(trusted_origins=("https://partner.test",))
    person = await welcome(auth)
    app = auth.wrap(whoami) if is_wrapped else compose(whoami, auth, ["session", "csrf"])
    for headers, code in WITH_COOKIE:
        answer = await exchange(app, http("POST", headers=[person.cookie, *headers]))
        assert refusal(answer) == code, headers
        if code is None:
            assert answer.json()["email"] == "ada@example.com"
        else:
            assert list(answer.json()) == ["message", "code"]
            assert answer.header("content-type") == ["application/json"]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "TRACE", "QUERY", "post", "get", ""])
async def test_every_method_that_is_not_known_to_be_safe_is_checked(quick, ada, method):
    assert refusal(await exchange(quick.wrap(whoami), http(method, headers=[ada.cookie, EVIL]))) == INVALID


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
async def test_safe_methods_are_not(quick, ada, method):
    answer = await exchange(quick.wrap(whoami), http(method, headers=[ada.cookie, EVIL]))
    assert answer.json()["email"] == "ada@example.com"


async def test_nobody_needs_an_origin_without_a_cookie_that_identifies(quick, ada, bob):
    dead = ("cookie", cookie_header(quick, "x" * 32))
    forged = ("cookie", "better-auth.session_token=forged.AAAA")
    for headers in ([], [bob.bearer], [("cookie", "a=1")], [ada.cookie, bob.bearer], [dead], [forged]):
        for origin in ([], [EVIL]):
            answer = await exchange(quick.wrap(whoami), http("POST", headers=[*headers, *origin]))
            assert answer.status == 200
            assert answer.json()["email"] in (None, "bob@example.com")


@pytest.mark.parametrize(("headers", "code"), LENIENT)
async def test_requests_that_say_nothing_at_all_can_be_allowed(make_auth, headers, code):
    auth = make_auth(csrf=CsrfOptions(allows_missing_origin=True))
    person = await welcome(auth)
    answer = await exchange(auth.wrap(whoami), http("POST", headers=[person.cookie, *headers]))
    assert refusal(answer) == code


async def test_it_can_be_switched_off(make_auth):
    auth = make_auth(csrf=CsrfOptions(protects_application=False))
    person = await welcome(auth)
    assert (await exchange(auth.wrap(whoami), http("POST", headers=[person.cookie, EVIL]))).status == 200


async def test_exempt_paths_are_not_checked(quick, ada):
    app = SessionMiddleware(CSRFMiddleware(whoami, quick.services, exempt=["/hooks"]), quick.services)
    assert (await exchange(app, http("POST", "/hooks/x", [ada.cookie, EVIL]))).status == 200
    for path in ("/hooksx", "/hooks/../x", "//hooks", "/x"):
        assert refusal(await exchange(app, http("POST", path, [ada.cookie, EVIL]))) == INVALID


async def test_exempt_paths_of_wrap_are_neither_identified_nor_checked(quick, ada):
    app = quick.wrap(whoami, exempt=["/hooks"])
    answer = await exchange(app, http("POST", "/hooks", [ada.cookie, EVIL]))
    assert (answer.status, answer.json()["credential"]) == (200, None)


LOCAL = [
    ("localhost:8000", "http://localhost:8000"),
    ("localhost:8000", "http://127.0.0.1:8000"),
    ("127.0.0.1:8000", "http://localhost:8000"),
    ("127.0.0.1:8000", "http://localhost:5173"),
    ("localhost", "http://127.0.0.1"),
]


@pytest.mark.parametrize(("host", "origin"), LOCAL)
async def test_in_development_localhost_and_127_0_0_1_are_one_place(tmp_path, host, origin):
    config = AuthConfig.development(
        secret=SECRET,
        database=f"sqlite:///{tmp_path / 'dev.sqlite'}",
        base_url=f"http://{host}",
    )
    auth = Auth(config)
    person = await welcome(auth)
    try:
        for wanted, status in ((origin, 200), ("http://localhost.evil.test:8000", 403), ("https://evil.test", 403)):
            headers = [("host", host), ("origin", wanted), person.cookie]
            assert (await exchange(auth.wrap(whoami), http("POST", headers=headers))).status == status
    finally:
        await auth.services.close()


async def test_the_check_does_not_run_on_handshakes(quick, ada):
    app = CSRFMiddleware(whoami, quick.services)
    assert "websocket.accept" in (await exchange(app, websocket(headers=[ada.cookie, EVIL]))).types


async def test_the_application_never_hears_of_a_refused_request(quick, ada):
    async def never(scope, receive, send):
        raise AssertionError("reached")

    answer = await exchange(quick.wrap(never), http("DELETE", headers=[ada.cookie, EVIL]))
    assert answer.json() == {"message": "Invalid origin", "code": INVALID}


async def test_a_refusal_costs_nobody_the_extension_of_a_session(quick, ada, clock):
    clock.advance(days=1)
    answer = await exchange(quick.wrap(whoami), http("POST", headers=[ada.cookie, EVIL]))
    assert answer.status == 403
    assert len(answer.header("set-cookie")) == 1
    assert answer.header("cache-control") == ["no-store"]

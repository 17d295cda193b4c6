"""Exempt paths and preflights: what is let through unlooked at, and what never is."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from asgi_auth import BearerMiddleware, SessionMiddleware
from tests.endpoints.wire import exchange, http, websocket
from tests.support import whoami

EXEMPT = ("/public", "/healthz", "/users/*/avatar", "/files")

NEVER = [
    "//private",
    "/private/",
    "/PRIVATE",
    "/public/..%2fprivate",
    "/public/../private",
    "/public/./private",
    "/private%00/public",
    "/private\x00/public",
    "/./private",
    "/publicity",
    "/public%2fx",
    "/private?x=/public",
    "/%70rivate",
    "/private\\..\\public",
    "/\uff0e\uff0e/private",
    "/public//private",
    "//public",
    "/public\\",
    "/public;x=/private",
    "/public;",
    "/public%3F/private",
    "/public%23/private",
    "/public\n",
    "/healthz-admin",
    "/admin/healthz",
    "/users/1/avatars",
    "/users/1/2/avatar",
    "/users//avatar",
    "/users/avatar",
    "@evil.test",
    "",
    "*",
    "/",
    "public",
    "/x/public",
    "/public\x85",
]

ALWAYS = ["/public", "/public/", "/public/a/b.css", "/healthz", "/users/7/avatar", "/users/7/avatar/large", "/files/.x"]

PREFLIGHT = [("origin", "https://elsewhere.test"), ("access-control-request-method", "POST")]


def guarded(auth, **options):
    return SessionMiddleware(whoami, auth.services, required=True, exempt=EXEMPT, **options)


async def test_an_exempt_path_is_let_through_and_nobody_is_looked_up(quick, ada):
    with quick.services.engine.recorded() as statements:
        for path in ALWAYS:
            answer = await exchange(guarded(quick), http(path=path, headers=[ada.cookie]))
            assert (answer.status, answer.json()["credential"]) == (200, None), path
    assert statements == []


async def test_anything_else_is_not(quick):
    for path in NEVER:
        assert (await exchange(guarded(quick), http(path=path))).status == 401, path


async def test_the_host_header_does_not_move_a_path(quick):
    for host in ("app.test/public?x=", "app.test/public", "/public"):
        answer = await exchange(guarded(quick), http(path="/admin/x", raw_path=b"/public", headers=[("host", host)]))
        assert answer.status == 401


@pytest.mark.parametrize(
    ("root_path", "path", "status"),
    [
        ("/v", "/v/public", 200),
        ("/v", "/public", 200),
        ("/v", "/v/private", 401),
        ("/v", "/vpublic", 401),
        ("/v", "/v1/public", 401),
        ("/v", "/v/v/public", 401),
        ("/v/", "/v/public", 401),
        ("/public", "/public", 401),
        ("/public", "/public/public", 200),
        ("/public", "/public/private", 401),
        ("/pub", "/pub/public", 200),
        ("/pub", "/public", 200),
    ],
)
async def test_the_root_path_is_taken_off_on_a_segment_boundary(quick, root_path, path, status):
    assert (await exchange(guarded(quick), http(path=path, root_path=root_path))).status == status


async def test_an_exempt_path_keeps_what_an_outer_middleware_found(quick, ada):
    app = SessionMiddleware(BearerMiddleware(whoami, quick.services, exempt=["/free"]), quick.services)
    answer = await exchange(app, http(path="/free", headers=[ada.cookie]))
    assert answer.json()["email"] == "ada@example.com"


async def test_two_authorization_headers_do_not_matter_where_nobody_looks(quick, ada, bob):
    app = BearerMiddleware(whoami, quick.services, exempt=["/free"])
    assert (await exchange(app, http(path="/free", headers=[ada.bearer, bob.bearer]))).status == 200


async def test_websockets_have_exempt_paths_too(quick):
    assert (await exchange(guarded(quick), websocket("/public"))).types[0] == "websocket.accept"
    assert (await exchange(guarded(quick), websocket("/private"))).types == ["websocket.close"]


def test_a_pattern_that_could_be_read_in_two_ways_is_refused_at_once(quick):
    for pattern in ("public", "/a//b", "/a/../b", "/a%2fb", "/a;b", "/a*", "", "/a\\b"):
        with pytest.raises(ValueError, match="exempt path"):
            SessionMiddleware(whoami, quick.services, exempt=[pattern])


def test_a_single_pattern_is_not_taken_for_its_letters(quick):
    for pattern in ("/", "/public"):
        with pytest.raises(ValueError, match=rf'exempt is a list of paths: \["{pattern}"\]'):
            SessionMiddleware(whoami, quick.services, exempt=pattern)
        with pytest.raises(ValueError, match="exempt is a list of paths"):
            quick.wrap(whoami, exempt=pattern)


async def test_a_preflight_passes(quick, ada):
    answer = await exchange(guarded(quick), http("OPTIONS", "/private", [*PREFLIGHT, ada.cookie]))
    assert (answer.status, answer.json()["credential"]) == (200, None)


@pytest.mark.parametrize("method", ["GET", "POST", "options", "HEAD", "TRACE"])
async def test_only_options_is_a_preflight(quick, method):
    assert (await exchange(guarded(quick), http(method, "/private", PREFLIGHT))).status == 401


@pytest.mark.parametrize("missing", [0, 1])
async def test_a_preflight_has_both_headers(quick, missing):
    headers = [header for index, header in enumerate(PREFLIGHT) if index != missing]
    assert (await exchange(guarded(quick), http("OPTIONS", "/private", headers))).status == 401


async def test_a_websocket_is_never_a_preflight(quick):
    scope = websocket("/private", PREFLIGHT)
    assert (await exchange(guarded(quick), scope)).types == ["websocket.close"]


def answering(text):
    async def endpoint(request):
        return PlainTextResponse(text)

    return endpoint


SITE = Starlette(
    routes=[
        Route("/public", answering("public")),
        Route("/public/{rest:path}", answering("public")),
        Route("/private", answering("secret")),
        Mount("/private", routes=[Route("/{rest:path}", answering("secret"))]),
        Route("/{rest:path}", answering("secret")),
    ]
)

tricky = st.lists(
    st.sampled_from(["/", "public", "private", "..", ".", "%2e", ";", "\\", "?", "#", "%", "\n", "P", "\uff0e", "*"]),
    max_size=8,
).map("".join)


@given(path=tricky, root=st.sampled_from(["", "/public", "/private", "/v"]))
@settings(max_examples=150, suppress_health_check=list(HealthCheck))
async def test_no_path_gets_a_secret_without_a_credential(quick, path, root):
    app = SessionMiddleware(SITE, quick.services, required=True, exempt=["/public"])
    answer = await exchange(app, http(path=path, root_path=root))
    assert b"secret" not in answer.body

"""auth.wrap: endpoints beside the application, below any root path, with CORS where it is asked for."""

import pytest
from starlette.applications import Starlette
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Mount

from asgi_auth import BearerOptions
from tests.endpoints.wire import exchange, http, request, websocket
from tests.middleware.people import welcome
from tests.support import ADA, BASE_URL, browser, me, sign_up, whoami

PARTNER = "https://app.partner.test"
TRUSTED = ("https://*.partner.test",)

PREFLIGHT = {"access-control-request-method": "POST", "access-control-request-headers": "content-type"}


def cors_headers(response):
    return {name: value for name, value in response.headers.items() if name.startswith("access-control-")}


async def test_the_base_path_is_served_and_all_else_is_the_applications(auth):
    async with browser(auth.wrap(whoami)) as client:
        assert (await client.get("/api/auth/ok")).json() == {"ok": True}
        assert (await client.get("/api/auth/nowhere")).status_code == 404
        assert (await me(client))["credential"] is None
        user_id = (await sign_up(client)).json()["user"]["id"]
        assert await me(client, "/some/page") == {
            "subject": user_id,
            "email": ADA["email"],
            "credential": "session",
            "credentials": ["session"],
            "error": None,
        }


async def test_the_endpoints_are_served_before_any_middleware_of_ours(make_auth):
    auth = make_auth(database="postgresql://nobody@127.0.0.1:1/none")
    app = auth.wrap(whoami)
    repeated = [("authorization", "Bearer x"), ("authorization", "Bearer y")]
    assert (await exchange(app, http(path="/api/auth/ok", headers=repeated))).json() == {"ok": True}
    scope = http(path="/api/auth/ok", headers=[("authorization", "Bearer x")])
    assert (await exchange(app, scope)).json() == {"ok": True}
    assert "auth" not in scope


async def test_the_application_never_sees_the_base_path(make_auth):
    async def never(scope, receive, send):
        raise AssertionError(scope["path"])

    app = make_auth().wrap(never)
    for path in ("/api/auth", "/api/auth/", "/api/auth/x", "/api/auth//ok", "/api/auth/../x", "/api/auth/%2e%2e/x"):
        answer = await exchange(app, http(path=path))
        assert (answer.status, answer.body) == (404, b"")


@pytest.mark.parametrize(
    "path", ["/api/authx", "/api/auth.php", "/API/AUTH/ok", "//api/auth/ok", "/x/api/auth/ok", "", "*"]
)
async def test_a_look_alike_is_the_applications(make_auth, path):
    assert (await exchange(make_auth().wrap(whoami), http(path=path))).json()["credential"] is None


ROOTS = [(root, True) for root in ("", "/svc", "/svc/deep", "/api", "/api/auth")] + [
    ("/svc", False),
    ("/svc/deep", False),
]


@pytest.mark.parametrize(("root_path", "is_in_path"), ROOTS)
async def test_a_root_path_is_respected_whether_or_not_the_server_leaves_it_in_the_path(
    make_auth, root_path, is_in_path
):
    app = make_auth().wrap(whoami)
    prefix = root_path if is_in_path else ""
    ok = await exchange(app, http(path=f"{prefix}/api/auth/ok", root_path=root_path))
    assert (ok.status, ok.json()) == (200, {"ok": True})

    body = request(b'{"name":"A","email":"a@example.com","password":"correct horse battery"}')
    headers = [("content-type", "application/json")]
    signed_up = await exchange(
        app, http("POST", f"{prefix}/api/auth/sign-up/email", headers, root_path=root_path), body
    )
    assert signed_up.status == 200
    cookie = signed_up.header("set-cookie")[0].partition(";")[0]
    page = await exchange(app, http(path=f"{prefix}/page", root_path=root_path, headers=[("cookie", cookie)]))
    assert page.json()["email"] == "a@example.com"


async def test_the_scope_of_the_server_is_left_as_it_was(make_auth):
    scope = http(path="/svc/api/auth/ok", root_path="/svc")
    before = dict(scope)
    await exchange(make_auth().wrap(whoami), scope)
    assert scope == before


async def test_another_base_path_and_a_base_url(make_auth):
    auth = make_auth(base_url="https://app.test", base_path="/login")
    async with browser(auth.wrap(whoami), base_url="https://app.test", origin="https://app.test") as client:
        response = await sign_up_at(client, "/login")
        (cookie,) = response.headers.get_list("set-cookie")
        assert cookie.startswith("__Secure-better-auth.session_token=")
        assert cookie.endswith("; Max-Age=604800; Path=/; HttpOnly; Secure; SameSite=Lax")
        assert (await me(client))["email"] == ADA["email"]
        evil = {"origin": "http://app.test"}
        assert (await client.post("/login/update-user", json={"name": "x"}, headers=evil)).status_code == 403
        assert (await client.post("/", headers=evil)).status_code == 403


async def sign_up_at(client, base_path):
    response = await client.post(f"{base_path}/sign-up/email", json=ADA)
    assert response.status_code == 200
    return response


async def test_mounting_the_endpoints_too_is_harmless(make_auth):
    auth = make_auth()
    site = Starlette(routes=[Mount("/api/auth", auth.endpoints), Mount("/", whoami)])
    async with browser(auth.wrap(site)) as client:
        await sign_up(client)
        assert (await me(client))["email"] == ADA["email"]
        assert (await client.get("/api/auth/nowhere")).status_code == 404


async def test_a_websocket_below_the_base_path_is_the_applications(make_auth):
    answer = await exchange(make_auth().wrap(whoami), websocket("/api/auth/chat"))
    assert answer.types[0] == "websocket.accept"


async def test_bearer_tokens_can_be_switched_off(make_auth):
    auth = make_auth(bearer=BearerOptions(is_enabled=False))
    ada = await welcome(auth)
    answer = await exchange(auth.wrap(whoami), http(headers=[ada.bearer, ada.bearer]))
    assert answer.json()["credential"] is None


async def test_without_asking_there_is_no_cors_header_and_options_is_404(make_auth):
    async with browser(make_auth(trusted_origins=TRUSTED).wrap(whoami), origin=PARTNER) as client:
        preflight = await client.options("/api/auth/sign-in/email", headers=PREFLIGHT)
        actual = await client.get("/api/auth/get-session")
    assert (preflight.status_code, preflight.content) == (404, b"")
    assert cors_headers(preflight) == cors_headers(actual) == {}


async def test_a_trusted_origin_may_ask_before_it_sends(make_auth):
    async with browser(make_auth(trusted_origins=TRUSTED).wrap(whoami, cors=True), origin=PARTNER) as client:
        response = await client.options("/api/auth/sign-in/email", headers=PREFLIGHT)
    assert response.status_code == 200
    headers = cors_headers(response)
    assert headers["access-control-allow-origin"] == PARTNER
    assert headers["access-control-allow-credentials"] == "true"
    assert "POST" in headers["access-control-allow-methods"]
    assert "content-type" in headers["access-control-allow-headers"].lower()


async def test_a_trusted_origin_may_read_answers_of_every_status(make_auth):
    async with browser(make_auth(trusted_origins=TRUSTED).wrap(whoami, cors=True), origin=PARTNER) as client:
        signed_up = await client.post("/api/auth/sign-up/email", json=ADA)
        refused = await client.post("/api/auth/sign-in/email", json={"email": ADA["email"], "password": "x"})
        missing = await client.get("/api/auth/nowhere")
    assert [signed_up.status_code, refused.status_code, missing.status_code] == [200, 401, 404]
    for response in (signed_up, refused, missing):
        headers = cors_headers(response)
        assert headers["access-control-allow-origin"] == PARTNER
        assert headers["access-control-allow-credentials"] == "true"
        exposed = {name.strip().lower() for name in headers["access-control-expose-headers"].split(",")}
        assert {"set-auth-token", "retry-after"} <= exposed
        assert "origin" in response.headers["vary"].lower()


@pytest.mark.parametrize(
    "origin", ["https://evil.test", "null", "https://partner.test.evil.test", "http://app.partner.test", "*", "/", ""]
)
async def test_to_all_others_it_is_silent(make_auth, origin):
    async with browser(make_auth(trusted_origins=TRUSTED).wrap(whoami, cors=True), origin=origin) as client:
        preflight = await client.options("/api/auth/sign-in/email", headers=PREFLIGHT)
        actual = await client.get("/api/auth/get-session")
    assert (preflight.status_code, preflight.content) == (404, b"")
    assert (actual.status_code, actual.content) == (200, b"null")
    assert cors_headers(preflight) == cors_headers(actual) == {}


async def test_cors_ends_at_the_base_path(make_auth):
    async with browser(make_auth(trusted_origins=TRUSTED).wrap(whoami, cors=True), origin=PARTNER) as client:
        assert cors_headers(await client.get("/page")) == {}


async def test_a_request_of_the_same_site_needs_no_cors(make_auth):
    async with browser(make_auth(trusted_origins=TRUSTED).wrap(whoami, cors=True), origin=None) as client:
        response = await client.get("/api/auth/get-session")
    assert cors_headers(response) == {}
    assert response.headers["cache-control"] == "no-store"


async def test_preflights_of_the_application_reach_its_own_cors(make_auth):
    inner = CORSMiddleware(whoami, allow_origins=[PARTNER], allow_methods=["PUT"], allow_credentials=True)
    auth = make_auth(trusted_origins=TRUSTED)
    ada = await welcome(auth)
    async with browser(auth.wrap(inner), origin=PARTNER) as client:
        asked = await client.options("/page", headers={"access-control-request-method": "PUT"})
        sent = await client.put("/page", headers=dict([ada.cookie]))
    assert asked.status_code == 200
    assert asked.headers["access-control-allow-origin"] == PARTNER
    assert (sent.status_code, sent.headers["access-control-allow-origin"]) == (200, PARTNER)


async def test_wrapping_twice_is_harmless(make_auth):
    auth = make_auth()
    async with browser(auth.wrap(auth.wrap(whoami))) as client:
        await sign_up(client)
        assert (await me(client))["email"] == ADA["email"]


async def test_everything_opens_on_first_use_without_any_lifespan(make_auth, database_url):
    auth = make_auth(database=database_url)
    assert not auth.services.engine.is_ready
    async with browser(auth.wrap(whoami), base_url=BASE_URL) as client:
        assert (await me(client))["credential"] is None
        assert not auth.services.engine.is_ready
        await sign_up(client)
        assert auth.services.engine.is_ready

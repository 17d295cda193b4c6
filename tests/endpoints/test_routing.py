"""Which requests reach a handler, and in which order they are judged."""

import pytest

from asgi_auth import Auth, Feature, RequestOptions
from asgi_auth.endpoints.routing import Endpoints, get
from tests.endpoints.wire import exchange, http, request, websocket
from tests.support import ADA, BASE_URL, PASSWORD, browser, me, sign_up, whoami

JSON = {"content-type": "application/json"}

UNKNOWN = [
    ("GET", "/api/auth"),
    ("GET", "/api/auth/"),
    ("GET", "/api/auth/ok/"),
    ("GET", "/api/auth//ok"),
    ("GET", "/api/auth/OK"),
    ("GET", "/api/auth/ok%2F"),
    ("GET", "/api/auth/x"),
    ("POST", "/api/auth/ok"),
    ("HEAD", "/api/auth/ok"),
    ("OPTIONS", "/api/auth/ok"),
    ("PUT", "/api/auth/update-user"),
    ("GET", "/api/auth/sign-in/email"),
    ("GET", "/api/auth/sign-out"),
    ("HEAD", "/api/auth/sign-out"),
    ("GET", "/api/auth/revoke-sessions"),
    ("DELETE", "/api/auth/sign-out"),
    ("POST", "/api/auth/sign-up/email/"),
    ("POST", "/api/auth/sign-up//email"),
    ("POST", "/api/auth/Sign-Up/Email"),
    ("POST", "/api/auth/set-password"),
]

OUTSIDE = ["/api/authevil/ok", "/x/api/auth/ok", "/sign-in/email", "//api/auth/ok", "/API/auth/ok", "/api"]


async def test_what_is_not_known_is_404_without_a_body(member):
    for method, path in UNKNOWN:
        response = await member.request(method, path)
        assert (response.status_code, response.content) == (404, b""), path
        assert "content-type" not in response.headers
    assert (await me(member))["email"] == ADA["email"]


@pytest.mark.parametrize("path", OUTSIDE)
async def test_what_lies_outside_the_base_path_is_the_applications(guest, path):
    assert (await guest.get(path)).json()["credential"] is None


@pytest.mark.parametrize("method", ["POST", "GET", "OPTIONS"])
async def test_a_disabled_path_is_404_with_two_words(make_auth, method):
    options = RequestOptions(disabled_paths=frozenset({"/sign-up/email"}))
    async with browser(make_auth(request=options).wrap(whoami)) as client:
        response = await client.request(method, "/api/auth/sign-up/email", json=ADA)
        assert (response.status_code, response.content) == (404, b"Not Found")
        assert response.headers["content-type"] == "text/plain;charset=UTF-8"


ALIASES = [
    "/api/auth//sign-up/email",
    "/api/auth/sign-up/email/",
    "/api/auth/sign-up//email",
    "/api/auth/Sign-Up/Email",
    "/api/auth/./sign-up/email",
    "/api/auth/x/../sign-up/email",
    "/api/auth/sign-up/email;x",
    "/api/auth/sign-up\\email",
    "/api/auth/sign-up%2Femail",
    "/api/auth/sign-up/email\x00",
    "//api/auth/sign-up/email",
    "/api/auth/api/auth/sign-up/email",
]


async def test_no_other_spelling_reaches_a_disabled_path(make_auth):
    auth = make_auth(request=RequestOptions(disabled_paths=frozenset({"/sign-up/email"})))
    headers = [("content-type", "application/json")]
    body = b'{"name":"A","email":"a@example.com","password":"correct horse battery"}'
    for path in ALIASES:
        answer = await exchange(auth.endpoints, http("POST", path, headers, root_path="/api/auth"), request(body))
        # Better Auth's own words where only slashes follow
        assert (answer.status, answer.body) == (404, b"Not Found" if path.endswith("email/") else b""), path
    assert await auth.services.users.find_by_email("a@example.com") is None


async def test_a_method_override_is_not_heard(member):
    for name in ("x-http-method-override", "x-method-override", "x-http-method"):
        response = await member.get("/api/auth/sign-out", headers={name: "POST"})
        assert response.status_code == 404
    assert (await me(member))["email"] == ADA["email"]


ORDER = [
    # path, headers, body, status, code
    ("/nowhere", {"content-type": "text/plain"}, b"{", 404, None),
    (
        "/change-password",
        {"content-type": "text/plain", "origin": "http://evil.test"},
        b"{",
        415,
        "UNSUPPORTED_MEDIA_TYPE",
    ),
    ("/change-password", {**JSON, "origin": "http://evil.test"}, b"{", 400, "BAD_REQUEST"),
    ("/change-password", {**JSON, "origin": "http://evil.test"}, b"{}", 403, "INVALID_ORIGIN"),
    ("/change-password", {**JSON, "origin": ""}, b"{}", 403, "MISSING_OR_NULL_ORIGIN"),
    ("/sign-in/email", JSON, b'{"callbackURL":"//evil.test"}', 403, "INVALID_CALLBACK_URL"),
    ("/change-password", JSON, b"{}", 400, "VALIDATION_ERROR"),
    ("/change-password", JSON, b'{"currentPassword":"x","newPassword":"x"}', 401, "UNAUTHORIZED"),
    ("/update-session", JSON, b"[]", 400, "VALIDATION_ERROR"),
    ("/update-session", JSON, b"{}", 401, "UNAUTHORIZED"),
    ("/update-user", JSON, b"[]", 400, "VALIDATION_ERROR"),
]


@pytest.mark.parametrize(("path", "headers", "body", "status", "code"), ORDER)
async def test_the_first_thing_wrong_is_what_is_answered(guest, path, headers, body, status, code):
    cookies = {"cookie": "unrelated=1"}
    response = await guest.post(f"/api/auth{path}", content=body, headers={**cookies, **headers})

    assert response.status_code == status
    assert (response.json()["code"] if response.content else None) == code
    assert "set-cookie" not in response.headers


async def test_errors_are_json_whatever_the_client_would_like(guest):
    headers = {"accept": "text/html", "accept-language": "de"}
    response = await guest.post("/api/auth/sign-in/email", json={"email": "<svg onload=1>@x.test"}, headers=headers)
    assert response.headers["content-type"] == "application/json"
    assert list(response.json()) == ["message", "code"]


async def test_another_base_path_moves_everything(make_auth):
    async with browser(make_auth(base_path="/v1/login").wrap(whoami)) as client:
        assert (await client.get("/v1/login/ok")).json() == {"ok": True}
        assert (await client.post("/v1/login/sign-up/email", json=ADA)).status_code == 200
        assert (await client.get("/v1/login/get-session")).json()["user"]["email"] == ADA["email"]
        assert (await client.get("/api/auth/ok")).json()["email"] == ADA["email"]


async def test_a_websocket_at_the_endpoints_is_refused(quick: Auth):
    answer = await exchange(quick.endpoints, websocket("/api/auth/ok", root_path="/api/auth"))
    assert answer.types == ["websocket.close"]


class Broken(Endpoints):
    """An endpoint with a bug in it."""

    @get("/broken")
    async def broken(self, call):  # noqa: ARG002  (the handlers' signature)
        raise LookupError("canary")


class BrokenFeature(Feature):
    name = "broken"

    def endpoints(self, services):  # noqa: ARG002  (a socket's signature)
        return [Broken()]


async def test_a_bug_of_ours_is_500_without_a_body_and_whoever_runs_the_process_sees_it(make_auth):
    sent = []

    async def send(message):
        sent.append(message)

    with pytest.raises(LookupError):
        await make_auth(features=[BrokenFeature()]).endpoints(http(path="/broken"), None, send)
    assert (sent[0]["status"], sent[1]["body"]) == (500, b"")


async def test_a_query_of_many_fields_is_refused(guest):
    most = "&".join(f"a{number}=1" for number in range(100))
    assert (await guest.get(f"/api/auth/ok?{most}")).status_code == 200
    for query in (f"{most}&b=1", "a&" * 5000):
        response = await guest.get(f"/api/auth/get-session?{query}")
        assert response.status_code == 400
        assert response.json() == {"message": "Invalid query string", "code": "BAD_REQUEST"}


@pytest.mark.parametrize("query", [b"a=%00", b"%00=1"])
async def test_a_query_with_nul_is_refused(quick, query):
    answer = await exchange(quick.endpoints, http("GET", "/ok", query_string=query))
    assert (answer.status, answer.json()) == (400, {"message": "Invalid query string", "code": "BAD_REQUEST"})


@pytest.mark.parametrize("query", [b"\xff\xfe", b"%zz", b"%ff=%fe", b"&&&", b"=", b"?", b"a=b=c", b"\xed\xa0\x80"])
async def test_an_odd_query_is_no_error(quick, query):
    answer = await exchange(quick.endpoints, http("GET", "/error", query_string=b"error_description=" + query))
    assert answer.status == 200


async def test_what_the_base_url_and_the_host_say_changes_nothing_about_paths(make_auth):
    app = make_auth(base_url=BASE_URL).wrap(whoami)
    for host in (
        "evil.test",
        "app.test/api/auth",
        "a" * 5000,
        "app.test:99999",
        "[::1",
        "",
        "app.test@evil.test#",
        "é",
    ):
        answer = await exchange(app, http("GET", "/api/auth/ok", [("host", host)]))
        assert (answer.status, answer.json()) == (200, {"ok": True})


async def test_the_endpoints_can_be_used_with_no_wrapping_at_all(quick: Auth):
    async with browser(quick.endpoints) as client:
        body = {"name": "A", "email": "a@example.com", "password": PASSWORD}
        assert (await client.post("/sign-up/email", json=body)).status_code == 200
        assert (await client.get("/get-session")).json()["user"]["email"] == "a@example.com"


async def test_a_session_survives_a_request_to_a_path_that_is_not_there(member):
    await member.get("/api/auth/nowhere")
    assert (await sign_up(member, {**ADA, "email": "ada2@example.com"})).status_code == 200

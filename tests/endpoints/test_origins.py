"""Where requests to the endpoints may come from, and where they may send people afterwards."""

import pytest

from asgi_auth import CsrfOptions
from tests.endpoints.wire import exchange, http, request
from tests.support import ADA, BASE_URL, PASSWORD, browser, sign_up, whoami

SIGN_IN = "/api/auth/sign-in/email"
UPDATE = "/api/auth/update-user"
CREDENTIALS = {"email": ADA["email"], "password": PASSWORD}

MISSING = "MISSING_OR_NULL_ORIGIN"
INVALID = "INVALID_ORIGIN"

WITH_COOKIE = [
    # headers, code of the refusal or None
    ({"origin": BASE_URL}, None),
    ({"origin": f"{BASE_URL}/"}, None),
    ({"origin": "http://APP.test:80"}, None),
    ({"referer": f"{BASE_URL}/some/page?x=http://evil.test"}, None),
    ({"origin": "", "referer": f"{BASE_URL}/page"}, None),
    ({"origin": "null", "sec-fetch-site": "same-origin"}, None),
    ({}, MISSING),
    ({"origin": ""}, MISSING),
    ({"origin": "null"}, MISSING),
    ({"origin": "null", "sec-fetch-site": "same-site"}, MISSING),
    ({"origin": "null", "referer": f"{BASE_URL}/"}, MISSING),
    ({"referer": "null", "sec-fetch-site": "same-origin"}, MISSING),
    ({"sec-fetch-site": "same-origin"}, MISSING),
    ({"origin": "https://evil.test"}, INVALID),
    ({"origin": "https://evil.test", "referer": f"{BASE_URL}/"}, INVALID),
    ({"origin": f"{BASE_URL}.evil.test"}, INVALID),
    ({"origin": "http://evil-app.test"}, INVALID),
    ({"origin": "https://app.test"}, INVALID),
    ({"origin": "http://app.test:1"}, INVALID),
    ({"origin": "http://app.test.:80"}, INVALID),
    ({"origin": "http://app.test@evil.test"}, INVALID),
    ({"origin": "http://evil.test\\@app.test/"}, INVALID),
    ({"origin": "http://evil.test#@app.test/"}, INVALID),
    ({"origin": f"{BASE_URL}, https://evil.test"}, INVALID),
    ({"origin": f"{BASE_URL} https://evil.test"}, INVALID),
    ({"origin": "app.test"}, INVALID),
    ({"origin": "/"}, INVALID),
    ({"origin": "*"}, INVALID),
    ({"origin": "file://"}, INVALID),
    ({"referer": "http://app.test@evil.test/"}, INVALID),
    ({"referer": "http://evil.test/http://app.test/"}, INVALID),
    ({"referer": "http://evil.test/?http://app.test"}, INVALID),
]

FORM_CHECK = [
    # without cookies: headers, code of the refusal or None
    ({}, None),
    ({"origin": ""}, None),
    ({"sec-fetch-site": " ", "sec-fetch-mode": ""}, None),
    ({"origin": BASE_URL}, None),
    ({"referer": f"{BASE_URL}/login"}, None),
    ({"origin": BASE_URL, "sec-fetch-site": "cross-site", "sec-fetch-mode": "cors"}, None),
    ({"origin": "https://evil.test"}, INVALID),
    ({"referer": "https://evil.test/"}, INVALID),
    ({"origin": "null"}, MISSING),
    ({"sec-fetch-site": "same-origin"}, MISSING),
    ({"sec-fetch-mode": "navigate"}, MISSING),
    ({"sec-fetch-dest": "document"}, MISSING),
    (
        {"origin": BASE_URL, "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"},
        "CROSS_SITE_NAVIGATION_LOGIN_BLOCKED",
    ),
]

SAFE_URLS = ["/", "/ok", "/a/b?x=//evil.test#//y", "/a b", BASE_URL, f"{BASE_URL}/x", "http://APP.test/x", ""]

EVIL_URLS = [
    "//evil.test",
    "///evil.test",
    "/\\evil.test",
    "\\\\evil.test",
    "/\t/evil.test",
    "/\n/evil.test",
    "/%2f%2fevil.test",
    "/%5Cevil.test",
    "/a/%2F../evil",
    "https:/evil.test",
    "https:evil.test",
    "http://app.test@evil.test/",
    "http://evil.test#@app.test/",
    "http://evil.test?.app.test",
    "http://evil.test\\@app.test/",
    "http://\uff45vil.test/",
    "http://app\u3002test.evil.test/",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "java\nscript:alert(1)",
    "data:text/html;base64,PHNjcmlwdD4=",
    "vbscript:msgbox(1)",
    "blob:http://app.test/x",
    "ftp://app.test/",
    "//app.test@evil.test",
    "https://app.test",
    "http://app.test:8080/",
    "ok",
    "app.test",
    " /ok",
    "?x=1",
    "#x",
    "/x\r\nset-cookie: a=b",
    "%2F%2Fevil.test",
    f"{BASE_URL}/\r\nx: y",
]


async def test_with_a_cookie_the_origin_has_to_be_trusted(quick):
    async with browser(quick.wrap(whoami), origin=None) as client:
        await sign_up(client)
        for headers, code in WITH_COOKIE:
            await client.post(UPDATE, json={"name": "Ada"}, headers={"origin": BASE_URL})
            response = await client.post(UPDATE, json={"name": "changed"}, headers=headers)
            stored = (await client.get("/api/auth/get-session")).json()["user"]["name"]
            if code is None:
                assert (response.status_code, stored) == (200, "changed"), headers
            else:
                assert (response.status_code, response.json()["code"], stored) == (403, code, "Ada"), headers


@pytest.mark.parametrize("second", ["https://evil.test", BASE_URL, ""])
async def test_two_origins_are_none(quick, second):
    for pair in ((BASE_URL, second), (second, BASE_URL)):
        headers = [("cookie", "a=b"), ("content-type", "application/json"), *(("origin", origin) for origin in pair)]
        answer = await exchange(quick.endpoints, http("POST", "/sign-out", headers), request(b"{}"))
        assert (answer.status, answer.json()) == (403, {"message": "Invalid origin", "code": INVALID})


@pytest.mark.parametrize("cookie", ["unrelated=1", "", "=", ";"])
async def test_any_cookie_at_all_asks_for_an_origin(quick, cookie):
    headers = [("cookie", cookie)]
    answer = await exchange(quick.endpoints, http("POST", "/sign-out", headers))
    assert answer.json() == {"message": "Missing or null Origin", "code": MISSING}


async def test_without_a_cookie_no_origin_is_asked_for_except_at_the_door(guest):
    evil = {"origin": "https://evil.test"}
    assert (await guest.post("/api/auth/sign-out", headers=evil)).status_code == 200
    token = (await sign_up(guest)).json()["token"]
    guest.cookies.clear()
    headers = {**evil, "authorization": f"Bearer {token}"}
    assert (await guest.post(UPDATE, json={"name": "x"}, headers=headers)).status_code == 200


async def test_reading_asks_for_no_origin(member):
    response = await member.get("/api/auth/get-session", headers={"origin": "https://evil.test"})
    assert response.json()["user"]["email"] == ADA["email"]


@pytest.mark.parametrize("path", [SIGN_IN, "/api/auth/sign-up/email"])
async def test_nobody_is_signed_in_by_a_foreign_page(quick, path):
    async with browser(quick.wrap(whoami), origin=None) as client:
        await sign_up(client)
        for number, (headers, code) in enumerate(FORM_CHECK):
            client.cookies.clear()
            body = CREDENTIALS if path == SIGN_IN else {**ADA, "email": f"new{number}@example.com"}
            response = await client.post(path, json=body, headers=headers)
            assert response.status_code == (200 if code is None else 403), headers
            assert response.json().get("code") == code
            assert ("set-cookie" in response.headers) is (code is None)


async def test_a_body_that_does_not_fit_is_told_before_the_form_check(guest):
    response = await guest.post(SIGN_IN, json={}, headers={"origin": "https://evil.test"})
    assert response.json()["code"] == "VALIDATION_ERROR"


async def test_people_may_be_sent_on_within_the_site(member):
    for url in SAFE_URLS:
        response = await member.post(SIGN_IN, json={**CREDENTIALS, "callbackURL": url})
        assert (response.status_code, response.json().get("url", "")) == (200, url)


async def test_people_may_not_be_sent_elsewhere(member):
    for url in EVIL_URLS:
        in_body = await member.post(SIGN_IN, json={**CREDENTIALS, "callbackURL": url})
        in_query = await member.post(SIGN_IN, params={"callbackURL": url}, json=CREDENTIALS)
        for response in (in_body, in_query):
            assert response.status_code == 403, url
            assert response.json() == {"message": "Invalid callbackURL", "code": "INVALID_CALLBACK_URL"}
            assert "location" not in response.headers
            assert "set-cookie" not in response.headers


OTHER_FIELDS = [
    ("redirectTo", "redirectURL", "INVALID_REDIRECT_URL"),
    ("errorCallbackURL", "errorCallbackURL", "INVALID_ERROR_CALLBACK_URL"),
    ("newUserCallbackURL", "newUserCallbackURL", "INVALID_NEW_USER_CALLBACK_URL"),
]


@pytest.mark.parametrize(("field", "name", "code"), OTHER_FIELDS)
async def test_every_field_that_leads_somewhere_is_checked(member, field, name, code):
    for path in (SIGN_IN, "/api/auth/sign-out"):
        evil = await member.post(path, json={**CREDENTIALS, field: "https://evil.test/"})
        assert (evil.status_code, evil.json()) == (403, {"message": f"Invalid {name}", "code": code})

        number = await member.post(path, json={**CREDENTIALS, field: 7})
        assert (number.status_code, number.json()) == (400, {"message": f"Invalid {name}: expected a string"})


@pytest.mark.parametrize("value", [5, ["https://evil.test"], {"toString": 1}, True, ["/ok"], [], {}])
async def test_a_callback_is_a_text(member, value):
    response = await member.post(SIGN_IN, json={**CREDENTIALS, "callbackURL": value})
    assert (response.status_code, response.json()) == (400, {"message": "Invalid callbackURL: expected a string"})


async def test_a_repeated_query_callback_is_no_text(member):
    response = await member.post(f"{SIGN_IN}?callbackURL=/a&callbackURL=//evil.test", json=CREDENTIALS)
    assert (response.status_code, response.json()) == (400, {"message": "Invalid callbackURL: expected a string"})


async def test_the_callback_of_the_body_comes_before_that_of_the_query(member):
    response = await member.post(f"{SIGN_IN}?callbackURL=//evil.test", json={**CREDENTIALS, "callbackURL": "/ok"})
    assert response.json()["url"] == "/ok"


WILDCARDS = [
    ("https://a.good.test/x", 200),
    ("https://a.b.good.test", 200),
    ("https://evil.test/.good.test", 403),
    ("https://evil.test?.good.test", 403),
    ("https://evil.test#.good.test", 403),
    ("https://x.good.test.evil.test/", 403),
    ("https://xgood.test/", 403),
    ("http://a.good.test/", 403),
    ("https://goodXtest.exact/", 403),
    ("https://exactXtest/", 403),
    ("https://exact.test/a", 200),
    ("myapp://done", 200),
]


@pytest.mark.parametrize(("url", "status"), WILDCARDS)
async def test_trusted_origins_may_have_wildcards(make_auth, url, status):
    auth = make_auth(trusted_origins=("https://*.good.test", "https://exact.test", "myapp://"))
    async with browser(auth.wrap(whoami)) as client:
        await sign_up(client)
        assert (await client.post(SIGN_IN, json={**CREDENTIALS, "callbackURL": url})).status_code == status


async def test_the_origin_check_can_be_switched_off_for_the_endpoints(make_auth):
    auth = make_auth(csrf=CsrfOptions(checks_auth_origin=False))
    async with browser(auth.wrap(whoami), origin="https://evil.test") as client:
        await sign_up(client)
        assert (await client.post(UPDATE, json={"name": "x"})).status_code == 200
        assert (await client.post(SIGN_IN, json={**CREDENTIALS, "callbackURL": "//evil.test"})).status_code == 403


async def test_a_host_header_is_trusted_only_where_no_base_url_is_configured(make_auth):
    headers = [("content-type", "application/json"), ("cookie", "a=b")]
    for host, origin, base_url, status in [
        ("app.test", "http://app.test", None, 200),
        ("evil.test", "http://evil.test", "http://app.test", 403),
        ("app.test@evil.test", "http://evil.test", None, 403),
        ("evil.test#", "http://evil.test", None, 403),
        ("[::1", "http://[::1", None, 403),
        ("app.test, evil.test", "http://evil.test", None, 403),
        ("a" * 5000, "http://app.test", None, 403),
        ("*", "http://evil.test", None, 403),
    ]:
        app = make_auth(base_url=base_url).endpoints
        scope = http("POST", "/sign-out", [*headers, ("host", host), ("origin", origin)])
        answer = await exchange(app, scope, request(b"{}"))
        assert answer.status == status, host


async def test_forwarded_hosts_are_nobodys_word(quick):
    for name in ("x-forwarded-host", "x-original-host", "forwarded", "x-host"):
        headers = [("cookie", "a=b"), ("origin", "http://evil.test"), (name, "evil.test")]
        assert (await exchange(quick.endpoints, http("POST", "/sign-out", headers))).status == 403

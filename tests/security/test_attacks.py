"""Attacks that cross several rooms: injection, replay, fixation, enumeration, caches."""

import json

import pytest

from tests.endpoints.wire import exchange, http, request, websocket
from tests.middleware.people import welcome
from tests.support import ADA, PASSWORD, SESSION_COOKIE, browser, cookie_header, me, sign_up, whoami

JSON = ("content-type", "application/json")

INJECTIONS = [
    "' OR 1=1--",
    "a@x.test' OR '1'='1",
    "a@x.test\\' OR 1=1",
    "'; DROP TABLE session; --",
    "x'); DELETE FROM user; --",
    "%' OR email LIKE '%",
    "$1",
    ":email",
    "?",
    "{0}",
    "%s%s%s",
    "admin'/*",
]

ANSWERS = [
    ("GET", "/get-session", None),
    ("POST", "/get-session", None),
    ("GET", "/list-sessions", None),
    ("POST", "/verify-password", {"password": PASSWORD}),
    ("POST", "/verify-password", {"password": "wrong"}),
    ("POST", "/update-user", {"name": "A"}),
    ("POST", "/update-user", {}),
    ("POST", "/sign-in/email", {"email": ADA["email"], "password": PASSWORD}),
    ("POST", "/sign-up/email", {**ADA, "email": "new@example.com"}),
    ("POST", "/change-password", {"currentPassword": PASSWORD, "newPassword": PASSWORD}),
    ("POST", "/change-password", {"currentPassword": PASSWORD, "newPassword": PASSWORD, "revokeOtherSessions": True}),
    ("POST", "/revoke-other-sessions", {}),
    ("POST", "/revoke-sessions", {}),
    ("GET", "/list-sessions", None),
    ("POST", "/sign-out", {}),
]


async def rows(auth):
    return [
        await auth.services.engine._executor.run_text(f'SELECT COUNT(*) FROM "{table}"')
        for table in ("user", "session", "account", "verification")
    ]


async def post(auth, path, body, *headers):
    scope = http("POST", path, [JSON, *headers])
    return await exchange(auth.endpoints, scope, request(json.dumps(body).encode()))


async def test_what_is_sent_stays_data(auth):
    ada = await welcome(auth)
    own = (ada.cookie, ("origin", "http://app.test"))
    before = await rows(auth)
    with auth.services.engine.recorded() as statements:
        for text in INJECTIONS:
            refused = [
                await post(auth, "/sign-in/email", {"email": text, "password": text}),
                await post(auth, "/sign-up/email", {**ADA, "email": text}),
                await post(auth, "/sign-in/email", {"email": f"{'x' * 9}@x.test", "password": text}),
            ]
            assert {answer.status for answer in refused} <= {400, 401}
            assert all(answer.header("set-cookie") == [] for answer in refused)
            for name, value in [("authorization", f"Bearer {text}"), ("cookie", cookie_header(auth, text))]:
                answer = await exchange(auth.endpoints, http(path="/get-session", headers=[(name, value)]))
                assert answer.body == b"null"
            assert (await post(auth, "/revoke-session", {"token": text}, *own)).json() == {"status": True}
            assert (await post(auth, "/update-user", {"name": text}, *own)).json() == {"status": True}
            stored = await auth.services.users.find(ada.user.id)
            assert stored.name == text
    assert await rows(auth) == before
    assert not [statement for statement in statements if any(text in statement for text in INJECTIONS if len(text) > 2)]


async def test_nul_in_a_header_reaches_no_database(auth):
    headers = [("user-agent", "a\x00b"), ("x-forwarded-for", "1.2.3.4\x00"), ("referer", "http://app.test/\x00")]
    answer = await post(auth, "/sign-up/email", ADA, *headers[:2])
    assert answer.status == 200
    session = await auth.services.engine.sessions.find(token=answer.json()["token"])
    assert (session.user_agent, session.ip_address) == ("ab", "203.0.113.7")
    assert (await post(auth, "/sign-in/email", {**ADA}, headers[2])).status == 403


async def test_a_stolen_credential_is_worth_nothing_after_signing_out(auth):
    ada = await welcome(auth)
    signed = auth.services.signer.sign(ada.token)
    stolen = [
        ada.cookie,
        ada.bearer,
        ("authorization", f"Bearer {signed}"),
        ("cookie", f"{SESSION_COOKIE}={signed}"),
    ]
    app = auth.wrap(whoami)
    for header in stolen:
        assert (await exchange(app, http(headers=[header]))).json()["email"] == ada.user.email
    await exchange(app, http("POST", "/api/auth/sign-out", [ada.cookie, ("origin", "http://app.test")]))
    for header in stolen:
        assert (await exchange(app, http(headers=[header]))).json()["error"] == "UNAUTHORIZED"
        assert (await exchange(app, http(path="/api/auth/get-session", headers=[header]))).body == b"null"
        greeted = await exchange(app, websocket(headers=[header, ("origin", "http://app.test")]))
        assert "anonymous" in str(greeted.sent)


@pytest.mark.parametrize("path", ["/revoke-sessions", "/revoke-other-sessions", "/change-password"])
async def test_a_thief_is_thrown_out_by_every_way_of_ending_sessions(make_auth, path):
    auth = make_auth()
    async with browser(auth.wrap(whoami)) as victim, browser(auth.wrap(whoami)) as thief:
        await sign_up(victim)
        await thief.post("/api/auth/sign-in/email", json={"email": ADA["email"], "password": PASSWORD})
        assert (await me(thief))["email"] == ADA["email"]
        body = {"currentPassword": PASSWORD, "newPassword": "another horse", "revokeOtherSessions": True}
        await victim.post(f"/api/auth{path}", json=body)
        assert (await me(thief))["email"] is None
        assert (await thief.get("/api/auth/list-sessions")).status_code == 401


async def test_signing_in_never_takes_over_a_token_that_was_there(make_auth):
    auth = make_auth()
    mallory = await welcome(auth, "mallory@example.com")
    async with browser(auth.wrap(whoami)) as client:
        await sign_up(client)
        client.cookies.clear()
        credentials = {"email": ADA["email"], "password": PASSWORD}
        for planted in (mallory.cookie[1], f"{SESSION_COOKIE}=planted.AAAA"):
            headers = {"cookie": planted, "origin": "http://app.test"}
            response = await client.post("/api/auth/sign-in/email", json=credentials, headers=headers)
            assert response.json()["token"] != mallory.token
            client.cookies.clear()
        assert (await me(client, headers={"cookie": mallory.cookie[1]}))["email"] == "mallory@example.com"


async def test_a_user_who_is_gone_has_no_session(auth):
    ada = await welcome(auth)
    await auth.services.engine.users.remove(id=ada.user.id)
    assert (await exchange(auth.wrap(whoami), http(headers=[ada.cookie]))).json()["error"] == "UNAUTHORIZED"
    answer = await post(auth, "/update-user", {"name": "x"}, ada.bearer)
    assert answer.status == 401


async def test_refusing_a_stranger_takes_as_many_statements_as_refusing_a_wrong_password(auth):
    await welcome(auth)
    counts = []
    for email in ("ada@example.com", "nobody@example.com"):
        with auth.services.engine.recorded() as statements:
            answer = await post(auth, "/sign-in/email", {"email": email, "password": "wrong password"})
        counts.append((answer.status, answer.body, len(statements)))
    assert counts[0] == counts[1]


async def test_no_answer_with_a_credential_in_it_may_be_stored(make_auth, clock):
    async with browser(make_auth().wrap(whoami)) as client:
        await sign_up(client)
        for is_due in (False, True):
            for method, path, body in ANSWERS:
                if is_due:
                    clock.advance(days=1)
                response = await client.request(method, f"/api/auth{path}", json=body)
                holds = {"set-cookie", "set-auth-token"} & set(response.headers) or '"token":"' in response.text
                if holds or path == "/get-session":
                    assert response.headers["cache-control"] == "no-store", (method, path)


async def test_keys_of_other_rooms_are_no_tokens(make_auth):
    auth = make_auth()
    ada = await welcome(auth)
    for token in (
        f"active-sessions-{ada.user.id}",
        "verification:2fa-x",
        "rate:127.0.0.1|/sign-in/email",
        "jwks",
        "api-key:x",
        "*",
        "%",
        "_" * 32,
        ada.session.id,
        ada.user.id,
        ada.token.swapcase(),
        ada.token[:-1],
        f"{ada.token} ",
        f" {ada.token}x",
    ):
        for form in (token, auth.services.signer.sign(token)):
            answer = await exchange(auth.wrap(whoami), http(headers=[("authorization", f"Bearer {form}")]))
            expected = ada.user.email if form.strip() == ada.token else None
            assert answer.json()["email"] == expected, form


async def test_an_answer_never_holds_what_it_should_not(make_auth):
    auth = make_auth()
    ada = await welcome(auth)
    stored = await auth.services.accounts.find_credential(ada.user.id)
    for path in ("/get-session", "/list-sessions"):
        answer = await exchange(auth.endpoints, http(path=path, headers=[ada.cookie]))
        assert stored.password.encode() not in answer.body
        assert b"password" not in answer.body.lower()


async def test_a_session_belongs_to_the_one_who_asks_whatever_the_body_says(auth):
    ada, bob = await welcome(auth), await welcome(auth, "bob@example.com")
    claims = {"userId": bob.user.id, "id": bob.user.id, "user": {"id": bob.user.id}, "session": bob.session.id}
    own = (ada.cookie, ("origin", "http://app.test"))
    assert (await post(auth, "/update-user", {"name": "pwned", **claims}, *own)).json() == {"status": True}
    assert (await auth.services.users.find(bob.user.id)).name == "Somebody"
    await post(auth, "/revoke-sessions", claims, *own)
    assert (await exchange(auth.wrap(whoami), http(headers=[bob.cookie]))).json()["email"] == "bob@example.com"

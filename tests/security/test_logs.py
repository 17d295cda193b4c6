"""With everything logged, no secret is: a whole life of accounts and sessions under surveillance."""

import json
import logging
from urllib.parse import quote, unquote

from asgi_auth import Auth, AuthConfig, Secret
from asgi_auth.cookies.session import SessionCookies
from tests.endpoints.wire import exchange, http, request, websocket
from tests.middleware.people import break_database, welcome
from tests.security.canaries import disguises, leaks
from tests.support import ADA, SESSION_COOKIE, browser, whoami

PASSWORD = "canary/password?one+1"
WRONG = "canary/password?wrong+2"
NEW = "canary/password?three+3"
SECRET = "canary-secret-for-signing-0123456789-abcdef"
DATABASE_PASSWORD = "canary-database-password"

JSON = ("content-type", "application/json")

NASTY = "x\x1b[2J\r\nINFO fake line user=admin\x00\x85\u2028"


def with_password(url):
    return url.replace("postgres@", f"postgres:{DATABASE_PASSWORD}@") if url.startswith("postgres") else url


async def live_through_it_all(client):
    """Everything that can be done with a password and a session, right and wrong; returns the secrets it made."""
    made = {}

    async def post(path, **body):
        response = await client.post(f"/api/auth{path}", json=body)
        token = client.cookies.get(SESSION_COOKIE)
        if token:
            made[f"cookie {len(made)}"] = token
            made[f"signed {len(made)}"] = unquote(token)
            made[f"token {len(made)}"] = token.partition(".")[0]
        return response

    email = ADA["email"]
    assert (await post("/sign-up/email", name="Ada", email=email, password=PASSWORD)).status_code == 200
    assert (await post("/sign-up/email", name="Ada", email=email, password=PASSWORD)).status_code == 422
    assert (await post("/sign-in/email", email=email, password=WRONG)).status_code == 401
    assert (await post("/sign-in/email", email="nobody@example.com", password=PASSWORD)).status_code == 401
    assert (await post("/sign-in/email", email=email, password=PASSWORD, rememberMe=False)).status_code == 200
    form = {"email": email, "password": PASSWORD}
    assert (await client.post("/api/auth/sign-in/email", data=form)).status_code == 200
    assert (await post("/verify-password", password=WRONG)).status_code == 400
    assert (await post("/verify-password", password=PASSWORD)).status_code == 200
    assert (await post("/update-user", name="Ada L.")).status_code == 200
    for path in ("/get-session", "/list-sessions", "/error?error=x"):
        assert (await client.get(f"/api/auth{path}")).status_code == 200
    assert (await client.get("/page")).json()["email"] == email
    assert (await client.post("/page", headers={"origin": "https://evil.test"})).status_code == 403
    changed = {"currentPassword": PASSWORD, "newPassword": NEW}
    assert (await post("/change-password", currentPassword=WRONG, newPassword=NEW)).status_code == 400
    assert (await post("/change-password", **changed, revokeOtherSessions=True)).status_code == 200
    token = client.cookies[SESSION_COOKIE].partition(".")[0]
    assert (await post("/revoke-session", token="canary-unknown-token")).status_code == 200
    for value in (f"Bearer {token}", f"Bearer {token}.forged", f"Basic {token}", f"Bearer {token} {token}"):
        for path in ("/page", "/api/auth/get-session", "/api/auth/list-sessions"):
            await client.get(path, headers={"authorization": value})
    for body in (f'{{"password":"{PASSWORD}"', f'{{"password":["{PASSWORD}"]}}', f'"{PASSWORD}\\u0000"'):
        broken = await client.post("/api/auth/sign-in/email", content=body, headers=dict([JSON]))
        assert broken.status_code == 400
    plain = {"content-type": f"text/plain; x={token}"}
    assert (await client.post("/api/auth/sign-in/email", content=PASSWORD, headers=plain)).status_code == 415
    assert (await post("/sign-out")).status_code == 200
    assert (await client.get("/page", headers={"cookie": f"{SESSION_COOKIE}={token}.forged"})).status_code == 200
    return made


async def test_a_whole_life_leaves_no_secret_in_any_log(make_auth, database_url, listening, clock):
    auth = make_auth(secret=SECRET, database=with_password(database_url))
    async with auth.lifespan(), browser(auth.wrap(whoami)) as client:
        made = await live_through_it_all(client)
        ada = await welcome(auth, "second@example.com")
        clock.advance(days=1)
        refreshed = await exchange(auth.wrap(whoami), http(headers=[ada.cookie]))
        await exchange(auth.wrap(whoami), websocket(headers=[ada.bearer, ada.bearer]))
        await break_database(auth)
        for person in (ada.cookie, ada.bearer):
            for app in (auth.wrap(whoami), auth.endpoints):
                await exchange(app, http(path="/get-session", headers=[person]))

    written = listening()
    assert "sign_in.succeeded" in written
    assert "credential.not_judged" in written
    assert "database.unavailable" in written
    planted = {"password": PASSWORD, "wrong": WRONG, "new": NEW, "secret": SECRET, "database": DATABASE_PASSWORD}
    made |= {"token": ada.token, "cookie": ada.cookie[1], "refreshed": refreshed.header("set-cookie")[0].split(";")[0]}
    assert leaks(written, {**planted, **made, "unknown token": "canary-unknown-token"}) == []


async def test_a_database_that_is_not_there_keeps_its_password(make_auth, listening):
    auth = make_auth(database=f"postgresql://asgi_auth:{DATABASE_PASSWORD}@127.0.0.1:1/none")
    signed = auth.services.signer.sign("x" * 32)
    cookie = ("cookie", f"{SESSION_COOKIE}={quote(signed, safe='')}")
    assert (await exchange(auth.wrap(whoami), http(headers=[cookie]))).status == 503
    assert leaks(listening(), {"database": DATABASE_PASSWORD, "cookie": signed, "token": "x" * 32}) == []


async def test_nothing_a_client_sends_begins_a_line_of_its_own(make_auth, capsys, caplog):
    caplog.set_level(logging.DEBUG)
    auth = make_auth()
    app = auth.wrap(whoami)
    email = "a@x.test\\r\\nINFO fake line user=admin"
    body = request(f'{{"email":"{email}","password":"x"}}'.encode())
    stored = {**ADA, "name": NASTY.replace("\x00", "")}
    signed_up = http("POST", "/api/auth/sign-up/email", [JSON, ("user-agent", NASTY.encode().decode("latin-1"))])
    assert (await exchange(app, signed_up, request(json.dumps(stored).encode()))).status == 200
    named = ["user-agent", "origin", "referer", "authorization", "cookie", "host", "content-type", "x-forwarded-for"]
    nasty = NASTY.encode().decode("latin-1")
    for name in named:
        for value in (nasty, f"Bearer {nasty}", f"{SESSION_COOKIE}={nasty}"):
            for scope in (
                http("POST", "/api/auth/sign-in/email", [JSON, (name, value)]),
                http("POST", f"/{nasty}", [(name, value)]),
                http("GET", "/api/auth/get-session", [(name, value)], query_string=nasty.encode("latin-1")),
                websocket(f"/{nasty}", [(name, value)]),
            ):
                await exchange(app, scope, *([dict(body)] if scope["type"] == "http" else []))

    printed = capsys.readouterr()
    written = printed.out + printed.err + caplog.text
    assert "credential.refused" in written
    assert [line for line in written.splitlines() if line.startswith("INFO fake line")] == []
    for sign in ("\x1b[2J", "\x00", "\x85", "\u2028"):
        assert sign not in written


async def test_nothing_shows_a_secret_when_it_is_looked_at(make_auth):
    url = f"postgresql://asgi_auth:{DATABASE_PASSWORD}@127.0.0.1:1/none"
    auth = make_auth(secret=SECRET, secrets=(Secret("canary-newer-secret-0123456789-abcdef", 2),), database=url)
    live_auth = make_auth(secret=SECRET)
    ada = await welcome(live_auth)
    live = await live_auth.services.sessions.get_session(ada.token)
    scope = http(headers=[ada.cookie, ada.bearer])
    await exchange(live_auth.wrap(whoami), scope)
    shown = [
        auth.config,
        auth.services.signer,
        auth.services.config.all_secrets,
        auth.services.engine,
        auth.services.engine._executor,
        auth.services.engine._executor._database,
        SessionCookies(auth.config, auth.services.signer),
        live,
        live.session,
        scope["auth"],
        scope["auth"].credentials,
        AuthConfig.testing(secret=SECRET),
        Auth,
    ]
    written = "\n".join(f"{thing!r} {thing!s}" for thing in shown)
    secrets = {"secret": SECRET, "newer": "canary-newer-secret-0123456789-abcdef", "database": DATABASE_PASSWORD}
    assert leaks(written, {**secrets, "token": ada.token, "cookie": ada.cookie[1]}) == []


def test_the_search_itself_finds_what_is_hidden():
    for form in disguises(PASSWORD):
        assert leaks(f"...{form}...", {"password": PASSWORD}) == ["password"]
    assert leaks("nothing here", {"password": PASSWORD}) == []

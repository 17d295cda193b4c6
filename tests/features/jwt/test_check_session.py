"""With ``check_session`` our tokens count only while their session does, wherever it ends."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest

from asgi_auth import Auth, CredentialMiddleware, Protect, RedisOptions, SessionOptions
from asgi_auth.features.jwt import Jwt, JWTMiddleware, JwtOptions, JWTService
from asgi_auth.guards import all_of, require_jwt, require_session, require_user
from tests.endpoints.wire import exchange, websocket
from tests.features.jwt.asking import Seen, ask, asked, bearer, declared, newcomer, token_of
from tests.middleware.people import break_database, welcome
from tests.services.recorders import Figures
from tests.support import eventually, whoami

PATIENT = RedisOptions(timeout=timedelta(seconds=5))


@pytest.fixture
def seen():
    return Seen()


@pytest.fixture
def make(make_auth):
    """A factory of Auths that check the sessions of their tokens; options of tokens go to JwtOptions."""

    def make(jwt: dict[str, Any] | None = None, **options: Any) -> Auth:
        chosen = JwtOptions(**{"check_session": True} | (jwt or {}))
        return make_auth(features=[Jwt(chosen)], base_url="http://app.test", **options)

    return make


@pytest.fixture
def auth(make, database_url):
    return make(database=database_url)


def refuses(app, token):
    """Whether a token is refused by now."""

    async def is_refused() -> bool:
        return (await asked(app, bearer(token)))["error"] == "UNAUTHORIZED"

    return is_refused


def accepts(auth, app, token):
    """Whether a token is known, so that it costs no query."""

    async def is_known() -> bool:
        with auth.services.engine.recorded() as statements:
            assert (await asked(app, bearer(token)))["error"] is None
        return not statements

    return is_known


# whom it tells of


@pytest.mark.every_storage
async def test_it_tells_of_the_session_without_its_token_and_of_the_user(auth, seen):
    ada, token = await newcomer(auth)
    app = auth.wrap(seen)
    for _ in range(3):
        answer = await asked(app, bearer(token))
        assert (answer["subject"], answer["credential"], answer["email"]) == (ada.user.id, "jwt", ada.user.email)
    context = seen.last
    assert (context.session.id, context.session.user_id) == (ada.session.id, ada.user.id)
    assert context.session.token == ""
    assert context.user == ada.user
    assert context.session_user == (context.session, context.user)
    for shown in (seen.last, seen.contexts[0], context.credentials["jwt"]):
        assert ada.session.token not in repr(shown)


@pytest.mark.every_storage
async def test_the_user_is_as_it_is_now_and_not_as_the_token_says(auth, seen):
    ada, token = await newcomer(auth)
    app = auth.wrap(seen)
    await asked(app, bearer(token))
    await auth.services.users.change(ada.user.id, name="Countess")

    async def is_followed() -> bool:
        await asked(app, bearer(token))
        return seen.last.user.name == "Countess"

    await eventually(is_followed)
    assert seen.last.claims["name"] == "Somebody"


async def test_it_costs_a_read_and_none_once_it_is_known(auth, seen):
    _, token = await newcomer(auth)
    app = auth.wrap(seen)
    await eventually(accepts(auth, app, token))
    auth.services.sessions._cache_by_id.forget_all()
    with auth.services.engine.recorded() as statements:
        for _ in range(3):
            await asked(app, bearer(token))
    assert len(statements) == 1
    assert seen.contexts[-1] is seen.contexts[-2]


# when it ends

ENDINGS = {
    "it is revoked": lambda sessions, ada: sessions.revoke_session(ada.session.id),
    "it is signed out": lambda sessions, ada: sessions.revoke_token(ada.token),
    "all are revoked": lambda sessions, ada: sessions.revoke_all_user_sessions(ada.user.id),
    "there are too many": lambda sessions, ada: sessions.enforce_session_limit(ada.user.id, 0),
}


@pytest.mark.every_storage
@pytest.mark.parametrize("way", ENDINGS)
async def test_a_token_ends_at_once_with_its_session(auth, way):
    ada, token = await newcomer(auth)
    bob, bobs = await newcomer(auth, "bob@example.com")
    app = auth.wrap(whoami)
    for _ in range(2):
        assert (await asked(app, bearer(token)))["subject"] == ada.user.id
    assert await ENDINGS[way](auth.services.sessions, ada)
    for _ in range(2):
        answer = await asked(app, ada.cookie, bearer(token))
        assert (answer["subject"], answer["credential"], answer["error"]) == (None, "jwt", "UNAUTHORIZED")
    assert (await asked(app, bearer(bobs)))["subject"] == bob.user.id


async def test_a_token_ends_with_its_user(auth):
    ada, token = await newcomer(auth)
    app = auth.wrap(whoami)
    await eventually(accepts(auth, app, token))
    await auth.services.engine.users.remove(id=ada.user.id)
    await eventually(refuses(app, token))


@pytest.mark.every_storage
async def test_a_token_ends_with_its_session_s_time(make, database_url, clock):
    auth = make({"lifetime": timedelta(days=30)}, database=database_url)
    ada, token = await newcomer(auth)
    app = auth.wrap(whoami)
    clock.advance(days=7)
    assert (await asked(app, bearer(token)))["subject"] == ada.user.id
    clock.advance(milliseconds=1)
    for _ in range(2):
        assert (await asked(app, bearer(token)))["error"] == "UNAUTHORIZED"


async def test_its_use_extends_no_session_and_one_that_was_extended_holds(make, database_url, clock):
    options = SessionOptions(refresh_after=timedelta(minutes=1))
    auth = make({"lifetime": timedelta(days=30)}, database=database_url, session=options)
    ada, token = await newcomer(auth)
    app = auth.wrap(whoami)
    clock.advance(days=6)
    answer = await ask(app, bearer(token))
    assert answer.header("set-cookie") == []
    assert (await auth.services.sessions.get_session_metadata(ada.session.id)).expires_at == ada.session.expires_at
    await auth.services.sessions.refresh_session(ada.token)
    clock.advance(days=6)
    assert (await asked(app, bearer(token)))["subject"] == ada.user.id


async def test_a_token_still_ends_when_it_says(auth, clock):
    _, token = await newcomer(auth)
    app = auth.wrap(whoami)
    await asked(app, bearer(token))
    clock.advance(minutes=15)
    assert (await asked(app, bearer(token)))["error"] == "UNAUTHORIZED"


@pytest.mark.parametrize("has_redis", [False, True], ids=["alone", "with redis"])
async def test_a_session_that_ends_in_another_process_ends_its_tokens_here(make, database_url, request, has_redis):
    options = {"redis": request.getfixturevalue("redis_url"), "redis_options": PATIENT} if has_redis else {}
    here, there = (make(database=database_url, **options) for _ in range(2))
    ada, token = await newcomer(here)
    bob, bobs = await newcomer(here, "bob@example.com")
    apps = [auth.wrap(whoami) for auth in (here, there)]
    for auth, app in zip((here, there), apps, strict=True):
        await eventually(accepts(auth, app, token))
        await eventually(accepts(auth, app, bobs))
    assert await there.services.sessions.revoke_session(ada.session.id)
    assert await refuses(apps[1], token)()
    await eventually(refuses(apps[0], token))
    assert (await asked(apps[0], bearer(bobs)))["subject"] == bob.user.id


async def test_a_row_that_somebody_else_deletes_ends_its_tokens(make, sqlite_url):
    auth = make(database=sqlite_url)
    ada, token = await newcomer(auth)
    app = auth.wrap(whoami)
    await eventually(accepts(auth, app, token))
    with closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), timeout=60)) as other, other:
        other.execute("DELETE FROM session WHERE id = ?", (ada.session.id,))
    await eventually(refuses(app, token))


# whose it is


async def test_a_token_without_a_session_is_refused(auth):
    ada, _ = await newcomer(auth)
    service = auth.services.get(JWTService)
    app = auth.wrap(whoami)
    for claims in ({}, {"sid": None}, {"sid": 1}, {"sid": [ada.session.id]}, {"sid": ""}, {"sid": ada.token}):
        token = await service.sign_jwt({"sub": ada.user.id, **claims})
        assert (await asked(app, bearer(token)))["error"] == "UNAUTHORIZED"
    for odd in ({"sid": f"{ada.session.id}\0"}, {"sub": f"{ada.user.id}\0"}):
        token = await service.sign_jwt({"sub": ada.user.id, "sid": ada.session.id} | odd)
        assert (await asked(app, bearer(token)))["error"] == "UNAUTHORIZED"
    good = await service.sign_jwt({"sub": ada.user.id, "sid": ada.session.id})
    assert (await asked(app, bearer(good)))["subject"] == ada.user.id


@pytest.mark.every_storage
async def test_a_token_for_somebody_else_s_session_is_refused(auth):
    ada, _ = await newcomer(auth)
    bob, _ = await newcomer(auth, "bob@example.com")
    service = auth.services.get(JWTService)
    app = auth.wrap(whoami)
    for subject, session in ((ada, bob), (bob, ada)):
        token = await service.sign_jwt({"sub": subject.user.id, "sid": session.session.id})
        assert (await asked(app, bearer(token)))["error"] == "UNAUTHORIZED"


async def test_a_subject_that_is_not_the_session_s_user_is_refused(make):
    auth = make()
    ada, _ = await newcomer(auth)
    token = await auth.services.get(JWTService).sign_jwt({"sub": ada.user.email, "sid": ada.session.id})
    assert (await asked(auth.wrap(whoami), bearer(token)))["error"] == "UNAUTHORIZED"


async def test_of_other_issuers_no_session_is_asked_for(make, issuer, seen):
    auth = make({"issuers": (declared(issuer),)})
    ada, _ = await newcomer(auth)
    app = auth.wrap(seen)
    await auth.services.sessions.revoke_session(ada.session.id)
    for claims in ({}, {"sid": ada.session.id, "sub": ada.user.id}):
        assert (await asked(app, bearer(issuer.token(**claims))))["error"] is None
        assert (seen.last.user, seen.last.session) == (None, None)


# beside other credentials


async def test_it_is_no_session_s_own_credential(auth):
    ada, token = await newcomer(auth)

    async def status(guard, *headers):
        return (await ask(auth.wrap(Protect(whoami, guard)), *headers)).status

    assert await status(require_jwt(), bearer(token)) == 200
    assert await status(require_user(), bearer(token)) == 200
    assert await status(require_session(), bearer(token)) == 401
    assert await status(require_session(), ada.bearer) == 200
    both = all_of(require_session(), require_jwt())
    assert await status(both, bearer(token)) == 401
    assert await status(both, ada.cookie, bearer(token)) == 200


async def test_a_stricter_middleware_within_is_not_passed_by(make, database_url):
    auth = make({"check_session": False}, database=database_url)
    ada, token = await newcomer(auth)
    strict = JWTMiddleware(whoami, auth.services, check_session=True, required=True)
    loose = auth.wrap(whoami)
    both: CredentialMiddleware | Any = auth.wrap(strict)
    for _ in range(2):
        assert (await asked(both, bearer(token)))["subject"] == ada.user.id
    await auth.services.sessions.revoke_session(ada.session.id)
    for _ in range(2):
        assert (await ask(both, bearer(token))).status == 401
        assert (await ask(strict, bearer(token))).status == 401
        assert (await asked(loose, bearer(token)))["subject"] == ada.user.id


async def test_a_token_in_another_header_does_not_satisfy_a_required_middleware(make):
    auth = make({"check_session": False})
    ada, token = await newcomer(auth)
    strict = JWTMiddleware(whoami, auth.services, check_session=True, required=True, header="x-token")
    app = auth.wrap(strict)
    assert (await ask(app, bearer(token))).status == 401
    assert (await asked(app, ("x-token", f"Bearer {token}")))["subject"] == ada.user.id


async def test_a_looser_middleware_within_lets_nobody_pass(auth):
    ada, token = await newcomer(auth)
    app = auth.wrap(JWTMiddleware(whoami, auth.services, check_session=False))
    assert (await asked(app, bearer(token)))["subject"] == ada.user.id
    await auth.services.sessions.revoke_session(ada.session.id)
    assert (await asked(app, bearer(token)))["error"] == "UNAUTHORIZED"


async def test_a_handshake_is_judged_as_requests_are(auth):
    ada, token = await newcomer(auth)
    app = auth.wrap(whoami)
    assert (await exchange(app, websocket(headers=[bearer(token)]))).sent[1]["text"] == ada.user.email
    await auth.services.sessions.revoke_session(ada.session.id)
    assert (await exchange(app, websocket(headers=[bearer(token)]))).sent[1]["text"] == "anonymous"


# figures, faults


async def test_a_token_whose_session_has_ended_is_counted_as_refused(make):
    figures = Figures()
    auth = make(metrics=figures)
    ada, token = await newcomer(auth)
    app = auth.wrap(whoami)
    for _ in range(2):
        await asked(app, bearer(token))
    await auth.services.sessions.revoke_session(ada.session.id)
    await asked(app, bearer(token))
    outcomes = [labels["outcome"] for name, labels in figures.counts if name == "auth.jwt.verify"]
    assert outcomes == ["accepted", "accepted", "refused"]


async def test_while_its_session_cannot_be_looked_up_nobody_is_judged(make):
    auth = make()
    ada = await welcome(auth)
    token = await token_of(auth, ada)
    await break_database(auth)
    for app in (auth.wrap(whoami), JWTMiddleware(whoami, auth.services, required=True)):
        answer = await ask(app, bearer(token), ada.cookie)
        assert (answer.status, answer.json()["code"]) == (503, "SERVICE_UNAVAILABLE")
        assert int(answer.header("retry-after")[0]) > 0
        assert answer.header("set-cookie") == []

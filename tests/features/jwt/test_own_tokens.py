"""Our own tokens in front of the application: through ``auth.wrap``, and composed by hand."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

import pytest

from asgi_auth import Auth, BearerMiddleware, CSRFMiddleware, Protect, SessionMiddleware, User
from asgi_auth.features.jwt import Jwt, JWTMiddleware, JwtOptions, JWTService
from asgi_auth.features.jwt.models import StoredKey
from asgi_auth.fields import FieldRules, wire
from asgi_auth.guards import all_of, require_jwt, require_session, require_user
from tests.endpoints.wire import exchange, websocket
from tests.features.jwt.asking import Seen, ask, asked, bearer, declared, newcomer, token_of
from tests.middleware.people import break_database, welcome
from tests.services.recorders import Figures
from tests.support import SESSION_COOKIE, eventually, whoami

BASE = {"base_url": "http://app.test"}


class Member(User, frozen=True, kw_only=True):
    """A user with a field that clients are told of, one that they are not, and one that could be changed in place."""

    company: str | None = None
    secret_note: Annotated[str, FieldRules(returned=False)] = "none"


class Runner(User, frozen=True, kw_only=True):
    """A user with a field that could be changed in place."""

    times: dict[str, list[float]] | None = None


@pytest.fixture
def seen():
    return Seen()


@pytest.fixture
def make(make_auth):
    """A factory of Auths that issue tokens; options of tokens go to JwtOptions."""

    def make(jwt: dict[str, Any] | None = None, **options: Any) -> Auth:
        return make_auth(features=[Jwt(JwtOptions(**(jwt or {})))], **BASE | options)

    return make


@pytest.fixture
def auth(make, database_url):
    return make(database=database_url)


@pytest.fixture(params=["wrapped", "by hand"])
def app(request, auth, seen):
    """The application behind everything, and behind middlewares one by one."""
    if request.param == "wrapped":
        return auth.wrap(seen)
    inner = SessionMiddleware(BearerMiddleware(seen, auth.services), auth.services)
    return JWTMiddleware(inner, auth.services)


async def test_a_token_tells_of_its_user(app, auth, seen):
    ada, token = await newcomer(auth)
    for _ in range(3):
        answer = await asked(app, bearer(token))
        assert (answer["subject"], answer["credential"], answer["email"]) == (ada.user.id, "jwt", ada.user.email)
    assert seen.last.user == ada.user
    assert type(seen.last.user) is type(ada.user)
    assert seen.last.claims["sid"] == ada.session.id
    assert seen.last.session is None
    assert seen.last.scopes == frozenset()


async def test_it_costs_no_query_once_the_keys_are_known(app, auth):
    _, token = await newcomer(auth)
    bob, bobs = await newcomer(auth, "bob@example.com")

    async def costs_nothing() -> bool:
        with auth.services.engine.recorded() as statements:
            assert (await asked(app, bearer(await token_of(auth, bob))))["email"] == "bob@example.com"
            assert (await asked(app, bearer(token)))["email"] == "ada@example.com"
            assert (await asked(app, bearer(bobs)))["email"] == "bob@example.com"
        return not statements

    await eventually(costs_nothing)


async def test_it_counts_until_it_ends_whatever_becomes_of_its_session(app, auth, clock):
    ada, token = await newcomer(auth)
    assert (await asked(app, bearer(token)))["error"] is None
    await auth.services.sessions.revoke_session(ada.session.id)
    clock.advance(seconds=899)
    assert (await asked(app, bearer(token)))["subject"] == ada.user.id
    clock.advance(seconds=1)
    for _ in range(2):
        assert (await asked(app, bearer(token)))["error"] == "UNAUTHORIZED"


async def test_it_ends_with_its_key(app, auth):
    _, token = await newcomer(auth)
    await asked(app, bearer(token))
    keys = auth.services.engine.store("jwks", StoredKey)
    (key,) = await keys.list()
    await keys.remove(id=key.id)

    async def is_refused() -> bool:
        return (await asked(app, bearer(token)))["error"] == "UNAUTHORIZED"

    await eventually(is_refused)


async def test_after_keys_were_rotated_old_tokens_go_on_and_new_ones_count(app, auth):
    ada, token = await newcomer(auth)
    await asked(app, bearer(token))
    await auth.services.get(JWTService).rotate_keys()
    for each in (token, await token_of(auth, ada)):
        assert (await asked(app, bearer(each)))["subject"] == ada.user.id


async def test_what_no_client_is_told_has_its_default(make, seen):
    auth = make(user_model=Member)
    ada = await welcome(auth)
    user = await auth.services.users.change(ada.user.id, company="Analytical", secret_note="likes whist")
    token = await auth.services.get(JWTService).get_jwt_from_session(ada.session, user=user)
    app = auth.wrap(seen)
    for _ in range(2):
        await asked(app, bearer(token))
    assert (seen.last.user.company, seen.last.user.secret_note) == ("Analytical", "none")
    assert "likes whist" not in repr(seen.last)


async def test_a_user_that_could_be_changed_in_place_is_each_request_s_own(make):
    auth = make(user_model=Runner)
    ada = await welcome(auth)
    user = await auth.services.users.change(ada.user.id, times={"100 m": [12.5]})
    token = await auth.services.get(JWTService).get_jwt_from_session(ada.session, user=user)
    found = []

    async def app(scope, receive, send):
        found.append(scope["auth"].user.times["100 m"][0])
        scope["auth"].user.times["100 m"][0] = 9.58
        await whoami(scope, receive, send)

    wrapped = auth.wrap(app)
    for _ in range(3):
        await asked(wrapped, bearer(token))
    assert found == [12.5] * 3


PAYLOADS = {
    "nothing": lambda _: {},
    "an id alone": lambda user: {"id": user.id},
    "somebody else": lambda user: {**wire(user), "id": "somebody else"},
    "a field is missing": lambda user: {name: value for name, value in wire(user).items() if name != "emailVerified"},
    "a field of another type": lambda user: {**wire(user), "emailVerified": "yes"},
    "a moment that is none": lambda user: {**wire(user), "createdAt": "yesterday"},
    "a moment that is a number": lambda user: {**wire(user), "createdAt": 1},
    "a name that is a list": lambda user: {**wire(user), "name": ["Ada"]},
}


def saying(claims):
    """What a token says, or its subject, as it follows from the user alone."""

    def define_payload(user, session):
        return claims(user)

    return define_payload


@pytest.mark.parametrize("what", PAYLOADS)
async def test_of_a_payload_that_is_no_user_none_is_made(make, seen, what):
    auth = make({"define_payload": saying(PAYLOADS[what])})
    ada, token = await newcomer(auth)
    app = auth.wrap(seen)
    for _ in range(2):
        assert (await asked(app, bearer(token)))["subject"] == ada.user.id
        assert seen.last.user is None
    assert (await ask(auth.wrap(Protect(whoami, require_user())), bearer(token))).status == 401


async def test_more_than_a_user_in_a_payload_does_no_harm(make, seen):
    auth = make({"define_payload": saying(lambda user: {**wire(user), "scope": "a b", "team": 1, "secretNote": "x"})})
    ada, token = await newcomer(auth)
    await asked(auth.wrap(seen), bearer(token))
    assert seen.last.user == ada.user
    assert seen.last.scopes == {"a", "b"}


async def test_a_subject_that_is_no_user_is_none(make, seen):
    auth = make({"get_subject": saying(lambda user: f"user:{user.email}")})
    _, token = await newcomer(auth)
    await asked(auth.wrap(seen), bearer(token))
    assert (seen.last.subject, seen.last.user) == ("user:ada@example.com", None)


async def test_a_token_for_a_service_stands_for_no_user(auth, app, seen):
    token = await auth.services.get(JWTService).sign_jwt({"sub": "mailer", "scope": "mail:send"})
    await asked(app, bearer(token))
    assert (seen.last.subject, seen.last.user, seen.last.scopes) == ("mailer", None, {"mail:send"})


# law 1


async def test_a_refused_token_is_refused_with_a_good_cookie_and_its_cookie_stays(app, auth, seen):
    ada, token = await newcomer(auth)
    for bad in (token + "x", token[:-4] + "AAAA", "a.b.c", ".."):
        answer = await ask(app, ada.cookie, bearer(bad))
        assert (answer.json()["subject"], answer.json()["credential"]) == (None, "jwt")
        assert answer.json()["error"] == "UNAUTHORIZED"
        assert answer.header("set-cookie") == []


async def test_a_token_beside_a_cookie_decides_and_both_are_there(app, auth, seen):
    ada, _ = await newcomer(auth)
    bob, bobs = await newcomer(auth, "bob@example.com")
    for _ in range(2):
        answer = await asked(app, ada.cookie, bearer(bobs))
        assert (answer["subject"], answer["credential"]) == (bob.user.id, "jwt")
        assert answer["credentials"] == ["jwt", "session"]
    assert seen.last.credentials["session"].user == ada.user


async def test_both_are_asked_for_and_have_to_be_of_the_same_user(auth):
    ada, token = await newcomer(auth)
    bob, _ = await newcomer(auth, "bob@example.com")
    app = auth.wrap(Protect(whoami, all_of(require_session(), require_jwt())))
    statuses = [
        (await ask(app, *headers)).status
        for headers in ((ada.cookie, bearer(token)), (bob.cookie, bearer(token)), (ada.cookie,), (bearer(token),))
    ]
    assert statuses == [200, 403, 401, 401]


async def test_two_authorization_headers_are_refused(app, auth):
    ada, token = await newcomer(auth)
    for pair in ((bearer(token), bearer(token)), (bearer(token), ada.bearer), (ada.bearer, bearer(token))):
        answer = await ask(app, *pair)
        assert (answer.status, answer.json()["code"]) == (400, "REPEATED_HEADER")


async def test_session_tokens_and_tokens_of_ours_are_told_apart(app, auth):
    ada, token = await newcomer(auth)
    signed = auth.services.signer.sign(ada.token)
    kinds = [
        (await asked(app, header))["credential"] for header in (ada.bearer, bearer(signed), bearer(token), ada.cookie)
    ]
    assert kinds == ["bearer", "bearer", "jwt", "session"]
    for swapped in (bearer(f"{ada.token}.."), bearer(f"{signed}.")):
        assert (await asked(app, swapped))["error"] == "UNAUTHORIZED"
    assert (await asked(app, ("cookie", f"{SESSION_COOKIE}={token}")))["error"] == "UNAUTHORIZED"


# other sites


@pytest.mark.parametrize("has_cookie", [True, False])
async def test_another_site_cannot_add_a_token_so_none_is_refused_for_its_origin(auth, has_cookie):
    ada, token = await newcomer(auth)
    app = auth.wrap(whoami)
    foreign = [("origin", "https://evil.test"), ("sec-fetch-site", "cross-site"), *([ada.cookie] if has_cookie else [])]
    in_front = CSRFMiddleware(JWTMiddleware(whoami, auth.services), auth.services)
    for each in (app, in_front):
        assert (await ask(each, bearer(token), *foreign, method="POST")).status == 200
    assert (await ask(app, *foreign, method="POST")).status == (403 if has_cookie else 200)


# handshakes


async def test_handshakes_are_identified_without_an_origin(app, auth):
    _, token = await newcomer(auth)
    for headers in ([bearer(token)], [bearer(token), ("origin", "https://evil.test")]):
        answer = await exchange(app, websocket(headers=headers))
        assert answer.sent[1]["text"] == "ada@example.com"
    closed = await exchange(auth.wrap(Protect(whoami)), websocket(headers=[bearer("a.b.c")]))
    assert closed.sent == [{"type": "websocket.close", "code": 1008, "reason": "UNAUTHORIZED"}]


# the endpoints


async def test_below_the_base_path_a_token_is_no_credential(auth):
    ada, token = await newcomer(auth)
    app = auth.wrap(whoami)
    alone = await ask(app, bearer(token), path="/api/auth/get-session")
    assert (alone.status, alone.json()) == (200, None)
    assert alone.header("set-cookie") == []
    beside = await ask(app, ada.cookie, bearer(token), path="/api/auth/get-session")
    assert beside.json()["user"]["id"] == ada.user.id
    for method, path in (("GET", "/list-sessions"), ("GET", "/token"), ("POST", "/revoke-sessions")):
        answer = await ask(app, bearer(token), ("origin", "http://app.test"), method=method, path=f"/api/auth{path}")
        assert answer.status == 401
    signed_out = await ask(app, bearer(token), ("origin", "http://app.test"), method="POST", path="/api/auth/sign-out")
    assert signed_out.status == 200
    assert (await asked(app, ada.cookie))["subject"] == ada.user.id


# figures, faults


async def test_each_token_is_counted_known_or_not(make):
    figures = Figures()
    auth = make(metrics=figures)
    _, token = await newcomer(auth)
    app = auth.wrap(whoami)
    figures.counts.clear()
    for each in (token, token, token + "x"):
        await asked(app, bearer(each))
    assert figures.counts == [("auth.jwt.verify", {"outcome": each}) for each in ("accepted", "accepted", "refused")]


async def test_while_our_own_keys_cannot_be_read_nobody_is_judged(make):
    auth = make()
    ada, token = await newcomer(auth)
    await auth.services.engine._executor.run_text('DROP TABLE "jwks"')
    auth.services.get(JWTService)._keys._cache.forget_all()
    await break_database(auth)
    app = auth.wrap(whoami)
    for headers in ([bearer(token)], [bearer(token), ada.cookie]):
        answer = await ask(app, *headers)
        assert (answer.status, answer.json()["code"]) == (503, "SERVICE_UNAVAILABLE")
        assert int(answer.header("retry-after")[0]) > 0
        assert answer.header("set-cookie") == []
    assert (await ask(app)).status == 200
    assert (await asked(app, bearer("a.b.c")))["error"] == "UNAUTHORIZED"


# others beside ours


async def test_other_issuers_are_taken_beside_ours_as_the_feature_says(make, seen, issuer):
    auth = make({"issuers": (declared(issuer),)})
    ada, token = await newcomer(auth)
    for app in (auth.wrap(seen), JWTMiddleware(seen, auth.services)):
        assert (await asked(app, bearer(token)))["subject"] == ada.user.id
        foreign = issuer.token(**{**wire(ada.user), "id": "ada-1"})
        assert (await asked(app, bearer(foreign)))["subject"] == "ada-1"
        assert seen.last.user is None
    assert issuer.loads == 1
    ours_alone = JWTMiddleware(seen, auth.services, issuers=[])
    assert (await asked(ours_alone, bearer(token)))["subject"] == ada.user.id
    assert (await asked(ours_alone, bearer(issuer.token())))["error"] == "UNAUTHORIZED"


async def test_a_token_that_names_us_is_judged_by_our_keys(make, issuer):
    auth = make({"issuers": (declared(issuer),)})
    _, token = await newcomer(auth)
    claims = {"iss": "http://app.test", "aud": "http://app.test", "sub": "eve"}
    app = auth.wrap(whoami)
    assert (await asked(app, bearer(token)))["error"] is None
    assert (await asked(app, bearer(issuer.token(**claims))))["error"] == "UNAUTHORIZED"


async def test_a_token_with_a_longer_life_is_known_no_longer_than_its_key(make, clock):
    auth = make({"lifetime": timedelta(days=40), "grace": timedelta(days=30)})
    ada, token = await newcomer(auth)
    app = auth.wrap(whoami)
    await asked(app, bearer(token))
    await auth.services.get(JWTService).rotate_keys()
    assert (await asked(app, bearer(token)))["subject"] == ada.user.id
    clock.advance(days=30)
    assert (await asked(app, bearer(token)))["error"] == "UNAUTHORIZED"

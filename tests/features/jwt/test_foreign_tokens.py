"""A service that takes other issuers' tokens, without a feature, a table or a database."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from starlette.responses import PlainTextResponse, Response

from asgi_auth import BearerMiddleware, CacheOptions, ConfigurationError, Protect, SessionMiddleware
from asgi_auth.features.jwt import Jwt, JWTMiddleware, JwtOptions, extract_jwt
from asgi_auth.guards import has_scope, require_jwt, require_user
from tests.endpoints.wire import DENIAL_EXTENSION, exchange, http, websocket
from tests.features.jwt.asking import Seen, ask, asked, bearer, declared
from tests.middleware.people import welcome
from tests.servers.issuer import SUBJECT, new_key, running_issuer
from tests.services.recorders import Figures
from tests.support import whoami

NOWHERE = "postgresql://asgi_auth:canary-password@127.0.0.1:1/none"


@pytest.fixture
def seen():
    return Seen()


@pytest.fixture
def auth(make_auth):
    """An Auth whose database is not there."""
    return make_auth(database=NOWHERE)


@pytest.fixture
def app(auth, seen, issuer):
    return JWTMiddleware(seen, auth.services, issuers=[declared(issuer)])


async def test_a_token_says_who_asks_without_any_database(app, seen, issuer):
    token = issuer.token(scope="files:read mail:send", name="Ada", roles=["admin", {"of": ["x"]}])
    for _ in range(3):
        answer = await asked(app, bearer(token))
        assert (answer["subject"], answer["credential"], answer["error"]) == (SUBJECT, "jwt", None)
    context = seen.last
    assert context.scopes == {"files:read", "mail:send"}
    assert (context.user, context.session, context.api_key) == (None, None, None)
    assert context.claims["name"] == "Ada"
    assert context.claims["roles"][1]["of"] == ("x",)
    for change in (context.claims, context.claims["roles"][1]):
        with pytest.raises(TypeError):
            change["name"] = "Eve"
    assert issuer.loads == 1


async def test_a_token_that_is_known_is_not_judged_again(app, seen, issuer, monkeypatch):
    token = issuer.token()
    await asked(app, bearer(token))
    monkeypatch.setattr(app.sources[0], "authenticate", None)
    await asked(app, bearer(token))
    assert seen.contexts[0] is seen.contexts[1]
    with pytest.raises(TypeError):
        await asked(app, bearer(issuer.token(sub="bob")))


@pytest.mark.parametrize("tolerance", [timedelta(), timedelta(seconds=60)])
async def test_a_known_token_ends_when_it_says(auth, issuer, clock, tolerance):
    app = JWTMiddleware(whoami, auth.services, issuers=[declared(issuer, tolerance=tolerance)])
    token = issuer.token()
    end = timedelta(seconds=900) + tolerance
    clock.advance(seconds=(end - timedelta(seconds=1)).total_seconds())
    for _ in range(2):
        assert (await asked(app, bearer(token)))["subject"] == SUBJECT
    clock.advance(seconds=1)
    for _ in range(2):
        assert (await asked(app, bearer(token)))["error"] == "UNAUTHORIZED"


async def test_a_known_token_ends_with_its_key(auth, issuer, clock):
    app = JWTMiddleware(whoami, auth.services, issuers=[declared(issuer, key_lifetime=timedelta(minutes=5))])
    token = issuer.token()
    assert (await asked(app, bearer(token)))["subject"] == SUBJECT
    issuer.keys[:] = [new_key("second")]
    clock.advance(minutes=5)
    await asked(app, bearer(issuer.token()))  # its key is unknown, and has the keys read anew
    assert (await asked(app, bearer(token)))["error"] == "UNAUTHORIZED"
    assert (await asked(app, bearer(issuer.token())))["subject"] == SUBJECT


async def test_known_or_not_each_token_says_its_own(app, issuer):
    tokens = {name: issuer.token(sub=name) for name in ("ada", "bob", "eve")}
    for _ in range(3):
        for name, token in tokens.items():
            assert (await asked(app, bearer(token)))["subject"] == name
    forged = tokens["ada"].rpartition(".")[0] + "." + tokens["bob"].rpartition(".")[2]
    for _ in range(2):
        assert (await asked(app, bearer(forged)))["error"] == "UNAUTHORIZED"


async def test_no_more_tokens_are_known_than_allowed(make_auth, issuer):
    auth = make_auth(database=NOWHERE, cache=CacheOptions(max_entries=3))
    app = JWTMiddleware(whoami, auth.services, issuers=[declared(issuer)])
    for _ in range(2):
        for number in range(10):
            assert (await asked(app, bearer(issuer.token(sub=str(number)))))["subject"] == str(number)
    assert len(app._known._known) == 3


async def test_a_long_token_is_taken_and_takes_no_memory(app, seen, issuer):
    token = issuer.token(story="x" * 4000)
    for _ in range(2):
        assert (await asked(app, bearer(token)))["subject"] == SUBJECT
    assert seen.contexts[0] is not seen.contexts[1]
    assert len(app._known._known) == 0


async def test_however_the_header_is_written_it_takes_no_more_memory(app, issuer):
    token = issuer.token()
    for value in (f"Bearer {token}", f"bearer   {token}", f"BEARER {token}" + " " * 5000):
        assert (await asked(app, ("authorization", value)))["subject"] == SUBJECT
    assert {len(key) for key in app._known._known} == {32}


async def test_without_caching_every_token_is_judged(make_auth, seen, issuer):
    auth = make_auth(database=NOWHERE, cache=CacheOptions(is_enabled=False))
    app = JWTMiddleware(seen, auth.services, issuers=[declared(issuer)])
    for _ in range(2):
        await asked(app, bearer(issuer.token()))
    assert seen.contexts[0] == seen.contexts[1]
    assert seen.contexts[0] is not seen.contexts[1]


async def test_of_many_with_new_tokens_at_once_one_asks_for_the_keys(app, issuer):
    tokens = [issuer.token(sub=str(number)) for number in range(20)]
    answers = await asyncio.gather(*(asked(app, bearer(token)) for token in tokens))
    assert [answer["subject"] for answer in answers] == [str(number) for number in range(20)]
    assert issuer.loads == 1


async def test_middlewares_of_one_auth_ask_for_the_same_keys_once(auth, issuer):
    apps = [JWTMiddleware(whoami, auth.services, issuers=[declared(issuer)]) for _ in range(3)]
    for app in apps:
        assert (await asked(app, bearer(issuer.token())))["subject"] == SUBJECT
    assert issuer.loads == 1


async def test_the_keys_go_with_the_services(auth, app, issuer):
    asking = asyncio.Event()

    async def never(request):
        asking.set()
        await asyncio.Event().wait()

    issuer.answers["/api/auth/jwks"] = never
    waiting = asyncio.create_task(ask(app, bearer(issuer.token())))
    await asking.wait()
    await auth.services.close()
    assert (await waiting).status == 503


async def test_two_issuers_are_told_apart(auth, issuer, clock):
    async with running_issuer(clock) as other:
        app = JWTMiddleware(whoami, auth.services, issuers=[declared(issuer), declared(other, audience="theirs")])
        assert (await asked(app, bearer(issuer.token(sub="a"))))["subject"] == "a"
        assert (await asked(app, bearer(other.token(sub="b", aud="theirs"))))["subject"] == "b"
        for mixed in (
            other.token(aud="theirs", iss=issuer.url),
            issuer.token(aud="theirs"),
            other.token(),
            issuer.token(iss=other.url, aud="theirs"),
        ):
            assert (await asked(app, bearer(mixed)))["error"] == "UNAUTHORIZED"


async def test_both_outcomes_are_counted_known_or_not(make_auth, issuer):
    figures = Figures()
    auth = make_auth(database=NOWHERE, metrics=figures)
    app = JWTMiddleware(whoami, auth.services, issuers=[declared(issuer)])
    for token in (issuer.token(), issuer.token(), issuer.token(aud="other")):
        await asked(app, bearer(token))
    assert figures.counts == [("auth.jwt.verify", {"outcome": each}) for each in ("accepted", "accepted", "refused")]


# law 1: of all credentials offered the highest in rank decides


async def test_a_token_decides_over_a_cookie_and_a_cookie_beside_it_is_no_error(make_auth, issuer):
    auth = make_auth()
    ada = await welcome(auth)
    inner = SessionMiddleware(BearerMiddleware(whoami, auth.services), auth.services)
    app = JWTMiddleware(inner, auth.services, issuers=[declared(issuer)])
    for _ in range(2):
        both = await asked(app, ada.cookie, bearer(issuer.token()))
        assert (both["subject"], both["credential"], both["credentials"]) == (SUBJECT, "jwt", ["jwt", "session"])
        refused = await asked(app, ada.cookie, bearer(issuer.token(aud="other")))
        assert (refused["subject"], refused["credential"], refused["error"]) == (None, "jwt", "UNAUTHORIZED")
        assert (await asked(app, ada.cookie))["credential"] == "session"
        assert (await asked(app, ada.bearer))["credential"] == "bearer"


@pytest.mark.parametrize("kinds", [("jwt", "session", "bearer"), ("session", "bearer", "jwt"), ("bearer", "jwt")])
async def test_whatever_the_order_of_middlewares_each_takes_its_own_kind(make_auth, issuer, kinds):
    auth = make_auth()
    ada = await welcome(auth)
    app = whoami
    for kind in kinds:
        options = {"issuers": [declared(issuer)]} if kind == "jwt" else {}
        middlewares = {"jwt": JWTMiddleware, "session": SessionMiddleware, "bearer": BearerMiddleware}
        app = middlewares[kind](app, auth.services, **options)
    assert (await asked(app, bearer(issuer.token())))["credentials"] == ["jwt"]
    assert (await asked(app, ada.bearer))["credentials"] == ["bearer"]
    assert (await asked(app, bearer("a.b.c")))["credential"] == "jwt"
    assert (await asked(app, bearer("a.b")))["credential"] == "bearer"
    for pair in ((bearer(issuer.token()), ada.bearer), (bearer(issuer.token()),) * 2):
        twice = await ask(app, *pair)
        assert (twice.status, twice.json()["code"]) == (400, "REPEATED_HEADER")


async def test_a_required_token_has_to_be_there_and_right(auth, issuer):
    app = JWTMiddleware(whoami, auth.services, issuers=[declared(issuer)], required=True, exempt=["/open"])
    good, bad = bearer(issuer.token()), bearer(issuer.token(aud="other"))
    for _ in range(2):
        assert (await ask(app, good)).status == 200
        missing, refused = await ask(app), await ask(app, bad)
        assert (missing.status, missing.header("www-authenticate")) == (401, ['Bearer realm="asgi_auth"'])
        assert refused.json() == {"message": "Unauthorized", "code": "UNAUTHORIZED"}
        assert refused.header("www-authenticate") == ['Bearer realm="asgi_auth", error="invalid_token"']
    assert (await asked(app, bad, path="/open"))["error"] is None
    preflight = [("origin", "https://x.test"), ("access-control-request-method", "POST")]
    assert (await asked(app, *preflight, method="OPTIONS"))["credential"] is None


async def test_guards_know_a_token_and_what_it_allows(auth, issuer):
    def guarded(*guards):
        return JWTMiddleware(Protect(whoami, *guards), auth.services, issuers=[declared(issuer)])

    token = bearer(issuer.token(scope="read"))
    statuses = [
        (await ask(guarded(guard), token)).status for guard in (require_jwt(), has_scope("read"), has_scope("write"))
    ]
    assert statuses == [200, 200, 403]
    assert (await ask(guarded(require_user()), token)).status == 401


async def test_another_header_of_the_same_form(auth, issuer):
    app = JWTMiddleware(whoami, auth.services, issuers=[declared(issuer)], header="X-Access-Token")
    token = issuer.token()
    for name in ("x-access-token", "X-Access-Token"):
        for _ in range(2):
            assert (await asked(app, (name, f"Bearer {token}")))["subject"] == SUBJECT
    assert (await asked(app, bearer(token)))["credential"] is None
    assert (await asked(app, ("x-access-token", token)))["credential"] is None


def test_a_token_is_found_and_not_judged():
    assert extract_jwt(http(headers=[bearer("a.b.c")])) == "a.b.c"
    assert extract_jwt(http(headers=[("x", "bearer a.b.c")]), header="X") == "a.b.c"
    for value in ("Bearer a.b", "Bearer a.b.c.d", "Basic a.b.c", "a.b.c", "Bearer"):
        assert extract_jwt(http(headers=[("authorization", value)])) is None
    assert extract_jwt(http()) is None


# several around one application


async def test_what_one_has_refused_no_other_accepts(auth, seen, issuer, clock):
    async with running_issuer(clock) as other:
        ours, theirs = declared(issuer), declared(other)
        for order in ([[ours], [theirs]], [[theirs], [ours]]):
            app = seen
            for issuers in order:
                app = JWTMiddleware(app, auth.services, issuers=issuers)
            for _ in range(2):
                for server in (issuer, other):
                    assert (await asked(app, bearer(server.token())))["error"] == "UNAUTHORIZED"
                    assert seen.last.credentials == {}


async def test_what_one_has_accepted_others_with_other_settings_judge_again(auth, issuer):
    strict = declared(issuer, types=("at+jwt",))
    app = JWTMiddleware(whoami, auth.services, issuers=[strict], required=True)
    both = JWTMiddleware(app, auth.services, issuers=[declared(issuer)])
    for _ in range(2):
        assert (await ask(both, bearer(issuer.token()))).status == 401


async def test_others_with_the_same_settings_do_not(auth, issuer, monkeypatch):
    inner = JWTMiddleware(whoami, auth.services, issuers=[declared(issuer)], required=True)
    both = JWTMiddleware(inner, auth.services, issuers=[declared(issuer)])
    monkeypatch.setattr(inner.sources[0], "authenticate", None)
    for _ in range(2):
        assert (await asked(both, bearer(issuer.token())))["subject"] == SUBJECT


async def test_each_remembers_for_itself(auth, issuer):
    loose = JWTMiddleware(whoami, auth.services, issuers=[declared(issuer)])
    strict = JWTMiddleware(whoami, auth.services, issuers=[declared(issuer, audience="other")])
    token = issuer.token()
    for _ in range(2):
        assert (await asked(loose, bearer(token)))["subject"] == SUBJECT
        assert (await asked(strict, bearer(token)))["error"] == "UNAUTHORIZED"


# every kind of scope


async def test_handshakes_are_identified_and_need_no_origin(auth, issuer, clock):
    app = JWTMiddleware(Protect(whoami, require_jwt()), auth.services, issuers=[declared(issuer)])
    for _ in range(2):
        accepted = await exchange(app, websocket(headers=[bearer(issuer.token()), ("origin", "https://evil.test")]))
        assert "websocket.accept" in accepted.types
    refused = bearer(issuer.token(aud="other"))
    denied = await exchange(app, websocket(headers=[refused], extensions=DENIAL_EXTENSION))
    assert (denied.status, denied.json()["code"]) == (401, "UNAUTHORIZED")
    assert denied.header("www-authenticate") == ['Bearer realm="asgi_auth", error="invalid_token"']
    closed = await exchange(app, websocket(headers=[refused]))
    assert closed.sent == [{"type": "websocket.close", "code": 1008, "reason": "UNAUTHORIZED"}]


async def test_lifespan_passes_and_of_an_unknown_scope_nobody_is_known(auth, seen, issuer):
    scopes = []

    async def app(scope, receive, send):
        scopes.append(dict(scope))

    wrapped = JWTMiddleware(app, auth.services, issuers=[declared(issuer)], required=True)
    await wrapped({"type": "lifespan"}, None, None)
    headers = [(b"authorization", f"Bearer {issuer.token()}".encode())]
    await wrapped({"type": "webtransport", "headers": headers}, None, None)
    assert "auth" not in scopes[0]
    assert not scopes[1]["auth"].is_authenticated


# faults


@pytest.mark.parametrize("outage", ["it fails", "it says nonsense", "it is gone"])
async def test_while_the_keys_cannot_be_had_nobody_is_judged(auth, issuer, clock, outage):
    answers = {"it fails": Response(status_code=500), "it says nonsense": PlainTextResponse("hello")}
    gone = declared(issuer, jwks_url="http://127.0.0.1:1/jwks")
    if outage in answers:
        issuer.answers["/api/auth/jwks"] = answers[outage]
    issuers = [gone if outage == "it is gone" else declared(issuer)]
    optional = JWTMiddleware(whoami, auth.services, issuers=issuers)
    required = JWTMiddleware(whoami, auth.services, issuers=issuers, required=True)
    passing = JWTMiddleware(Protect(whoami, require_jwt()), auth.services, issuers=issuers, on_fault="pass")
    for app in (optional, required, passing, optional):
        answer = await ask(app, bearer(issuer.token()))
        assert (answer.status, answer.json()["code"]) == (503, "SERVICE_UNAVAILABLE")
        assert int(answer.header("retry-after")[0]) > 0
        assert answer.header("www-authenticate") == []
    assert (await asked(optional))["error"] is None
    assert (await asked(optional, bearer(issuer.token(aud="other"))))["error"] == "UNAUTHORIZED"
    issuer.answers.clear()
    clock.advance(seconds=10)
    expected = 503 if outage == "it is gone" else 200
    assert (await ask(optional, bearer(issuer.token()))).status == expected


async def test_who_is_known_goes_on_while_the_issuer_is_away(app, issuer):
    token = issuer.token()
    await asked(app, bearer(token))
    issuer.answers["/api/auth/jwks"] = Response(status_code=500)
    assert (await asked(app, bearer(token)))["subject"] == SUBJECT
    assert (await asked(app, bearer(issuer.token(sub="new"))))["subject"] == "new"


# what cannot work


def test_there_has_to_be_an_issuer(auth, issuer):
    for options in ({}, {"issuers": []}):
        with pytest.raises(ConfigurationError, match="issuers"):
            JWTMiddleware(whoami, auth.services, **options)
    for wrong in ([issuer.url], issuer.url, declared(issuer)):
        with pytest.raises(ConfigurationError, match=r'issuers is a list: \[Issuer\("https://'):
            JWTMiddleware(whoami, auth.services, issuers=wrong)
    with pytest.raises(ConfigurationError, match="Jwt"):
        JWTMiddleware(whoami, auth.services, issuers=[declared(issuer)], check_session=True)
    with pytest.raises(ConfigurationError, match="once"):
        JWTMiddleware(whoami, auth.services, issuers=[declared(issuer), declared(issuer, audience="other")])


def test_sessions_can_only_be_checked_of_tokens_that_say_them(make_auth):
    auth = make_auth(features=[Jwt(JwtOptions(include_session=False))], base_url="https://app.test")
    with pytest.raises(ConfigurationError, match="include_session"):
        JWTMiddleware(whoami, auth.services, check_session=True)


def test_sessions_can_only_be_checked_of_tokens_whose_subject_is_the_user(make_auth):
    options = JwtOptions(get_subject=lambda user, _: user.email)
    auth = make_auth(features=[Jwt(options)], base_url="https://app.test")
    with pytest.raises(ConfigurationError, match="get_subject"):
        JWTMiddleware(whoami, auth.services, check_session=True)

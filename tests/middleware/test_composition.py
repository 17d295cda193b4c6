"""The explicit credential decides, in whatever order and number the middlewares were composed."""

from itertools import permutations, product

import pytest

from asgi_auth import ANONYMOUS, BearerMiddleware, SessionMiddleware
from tests.endpoints.wire import exchange, http, websocket
from tests.middleware.people import compose, welcome
from tests.support import cookie_header, whoami

CHAINS = [
    *permutations(["session", "bearer"], 1),
    *permutations(["session", "bearer", "csrf"]),
    *permutations(["session", "session", "bearer"]),
    ("bearer", "session", "bearer", "session", "csrf", "csrf"),
]

COOKIES = ["none", "good", "dead", "forged"]
TOKENS = ["none", "good", "signed", "dead", "forged", "basic"]


def headers_of(auth, ada, bob, cookie, token):
    cookies = {
        "good": ada.cookie,
        "dead": ("cookie", cookie_header(auth, "x" * 32)),
        "forged": ("cookie", f"better-auth.session_token={ada.token}.{'A' * 43}="),
    }
    tokens = {
        "good": bob.bearer,
        "signed": ("authorization", f"bearer {auth.services.signer.sign(bob.token)}"),
        "dead": ("authorization", f"Bearer {'x' * 32}"),
        "forged": ("authorization", f"Bearer {bob.token}.{'A' * 43}="),
        "basic": ("authorization", "Basic YTpi"),
    }
    return [*filter(None, (cookies.get(cookie), tokens.get(token)))]


def expected(chain, cookie, token):
    """What law says: who it is, by which credential, why not."""
    if "bearer" in chain and token not in ("none", "basic"):
        accepted = token in ("good", "signed")
        return ("bob@example.com" if accepted else None, "bearer", None if accepted else "UNAUTHORIZED")
    if "session" in chain and cookie != "none":
        return (
            "ada@example.com" if cookie == "good" else None,
            "session",
            None if cookie == "good" else "UNAUTHORIZED",
        )
    return None, None, None


@pytest.mark.parametrize("chain", sorted(set(CHAINS)))
async def test_the_highest_ranked_credential_offered_says_who_this_is(quick, ada, bob, chain):
    app = compose(whoami, quick, chain)
    for cookie, token in product(COOKIES, TOKENS):
        answer = (await exchange(app, http(headers=headers_of(quick, ada, bob, cookie, token)))).json()
        found = (answer["email"], answer["credential"], answer["error"])
        assert found == expected(chain, cookie, token), (cookie, token)


async def test_wrapping_does_all_kinds_at_once(quick, ada, bob):
    app = quick.wrap(whoami)
    for cookie, token in product(COOKIES, TOKENS):
        answer = (await exchange(app, http(headers=headers_of(quick, ada, bob, cookie, token)))).json()
        assert (answer["email"], answer["credential"], answer["error"]) == expected(
            ("bearer", "session"), cookie, token
        )


@pytest.mark.parametrize("chain", [("session", "bearer"), ("bearer", "session")])
async def test_every_kind_that_was_verified_is_kept(quick, ada, bob, chain):
    app = compose(whoami, quick, chain)
    both = (await exchange(app, http(headers=[ada.cookie, bob.bearer]))).json()
    assert both["credentials"] == ["bearer", "session"]

    dead = ("cookie", cookie_header(quick, "x" * 32))
    one = (await exchange(app, http(headers=[dead, bob.bearer]))).json()
    assert (one["email"], one["credentials"], one["error"]) == ("bob@example.com", ["bearer"], None)


@pytest.mark.parametrize("chain", [("session", "bearer"), ("bearer", "session"), ("bearer",), ("bearer", "bearer")])
async def test_two_authorization_headers_are_400_wherever_they_are_looked_for(quick, ada, bob, chain):
    app = compose(whoami, quick, chain)
    for pair in ([ada.bearer, bob.bearer], [bob.bearer, ("Authorization", "Bearer x")], [ada.bearer, ada.bearer]):
        answer = await exchange(app, http(headers=[ada.cookie, *pair]))
        assert answer.status == 400
        assert answer.json() == {"message": "Header sent more than once: authorization", "code": "REPEATED_HEADER"}


async def test_a_middleware_that_looks_for_no_such_header_does_not_mind(quick, ada, bob):
    app = compose(whoami, quick, ["session"])
    answer = await exchange(app, http(headers=[ada.cookie, ada.bearer, bob.bearer]))
    assert answer.json()["email"] == "ada@example.com"


REQUIRED = [
    # middleware, headers offered, status, is the challenge about a token
    ("session", (), 401, False),
    ("session", ("bearer",), 401, False),
    ("session", ("cookie",), 200, None),
    ("session", ("dead cookie",), 401, True),
    ("bearer", (), 401, False),
    ("bearer", ("cookie",), 401, False),
    ("bearer", ("bearer",), 200, None),
    ("bearer", ("dead bearer",), 401, True),
    ("bearer", ("cookie", "dead bearer"), 401, True),
]


@pytest.mark.parametrize(("kind", "offered", "status", "is_about_token"), REQUIRED)
async def test_a_required_middleware_answers_for_itself(quick, ada, kind, offered, status, is_about_token):
    given = {
        "cookie": ada.cookie,
        "bearer": ada.bearer,
        "dead cookie": ("cookie", cookie_header(quick, "x" * 32)),
        "dead bearer": ("authorization", "Bearer x"),
    }
    middleware = {"session": SessionMiddleware, "bearer": BearerMiddleware}[kind]
    app = middleware(whoami, quick.services, required=True)
    answer = await exchange(app, http(headers=[given[name] for name in offered]))

    assert answer.status == status
    if status == 401:
        assert answer.json() == {"message": "Unauthorized", "code": "UNAUTHORIZED"}
        challenge = 'Bearer realm="asgi_auth"' + (', error="invalid_token"' if is_about_token else "")
        assert answer.header("www-authenticate") == [challenge]
        assert answer.header("cache-control") == ["no-store"]
        assert answer.header("set-cookie") == []


async def test_required_means_this_very_kind_whoever_was_identified_outside(quick, ada, bob):
    app = BearerMiddleware(SessionMiddleware(whoami, quick.services, required=True), quick.services)
    assert (await exchange(app, http(headers=[bob.bearer]))).status == 401
    both = await exchange(app, http(headers=[ada.cookie, bob.bearer]))
    assert (both.json()["email"], both.json()["credentials"]) == ("bob@example.com", ["bearer", "session"])


async def test_a_credential_refused_outside_is_not_asked_for_again_inside(quick, ada):
    inner = SessionMiddleware(whoami, quick.services, required=True)
    app = BearerMiddleware(inner, quick.services)
    answer = await exchange(app, http(headers=[ada.cookie, ("authorization", "Bearer x")]))
    assert (answer.status, answer.json()["code"]) == (401, "UNAUTHORIZED")


async def test_each_credential_is_looked_up_once_whatever_the_number_of_middlewares(quick, ada, bob):
    app = compose(whoami, quick, ["session", "bearer", "session", "bearer"])
    with quick.services.engine.recorded() as statements:
        await exchange(app, http(headers=[ada.cookie, bob.bearer]))
    assert len(statements) == 2


async def test_a_custom_cookie_name_and_a_custom_header_are_all_that_counts(quick, ada, bob):
    named = ("cookie", f"sid={ada.cookie[1].partition('=')[2]}")
    session = SessionMiddleware(whoami, quick.services, cookie_name="sid")
    bearer = BearerMiddleware(whoami, quick.services, header="X-Session-Token")

    assert (await exchange(session, http(headers=[named]))).json()["email"] == "ada@example.com"
    assert (await exchange(session, http(headers=[ada.cookie]))).json()["credential"] is None
    assert (await exchange(bearer, http(headers=[("x-session-token", bob.bearer[1])]))).json()[
        "email"
    ] == "bob@example.com"
    assert (await exchange(bearer, http(headers=[bob.bearer]))).json()["credential"] is None
    twice = await exchange(bearer, http(headers=[("x-session-token", bob.bearer[1])] * 2))
    assert twice.json()["message"] == "Header sent more than once: x-session-token"


async def test_exactly_one_key_of_the_scope_is_set_and_outer_layers_see_it(quick, ada):
    for scope in (http(headers=[ada.cookie]), websocket(headers=[ada.bearer]), http(), http(path="/free")):
        before = dict(scope)
        app = BearerMiddleware(SessionMiddleware(whoami, quick.services), quick.services, exempt=["/free"])
        await exchange(app, scope)
        assert scope.keys() - before.keys() == {"auth"}
        assert {key: scope[key] for key in before} == before


async def test_each_request_is_judged_anew(quick, ada):
    app = compose(whoami, quick, ["session"])
    scope = http(headers=[ada.cookie])
    await exchange(app, scope)
    await quick.services.sessions.revoke_token(ada.token)
    assert (await exchange(app, http(headers=[ada.cookie]))).json()["error"] == "UNAUTHORIZED"


async def test_an_unknown_kind_of_scope_is_nobodys_even_with_a_good_cookie(quick, ada):
    seen = []

    async def app(scope, receive, send):
        seen.append(scope["auth"])

    scope = {**http(headers=[ada.cookie]), "type": "webtransport", "auth": "forged"}
    await exchange(compose(app, quick, ["session", "bearer", "csrf"]), scope)
    assert seen == [ANONYMOUS]


async def test_lifespan_passes_untouched(quick):
    seen = []

    async def app(scope, receive, send):
        seen.append(scope)

    scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}
    await compose(app, quick, ["session", "bearer", "csrf"])(scope, None, None)
    assert seen == [scope]
    assert "auth" not in scope


async def test_what_somebody_else_put_under_our_key_is_nobody(quick):
    for forged in ("admin", None, {"user": "x"}, object()):
        answer = await exchange(compose(whoami, quick, ["session"]), http(auth=forged))
        assert answer.json()["credential"] is None


async def test_people_of_two_auths_do_not_meet(make_auth):
    here, there = make_auth(), make_auth(secret="another secret, just as long as the first one")
    person = await welcome(there)
    answer = await exchange(compose(whoami, here, ["session"]), http(headers=[person.cookie]))
    assert answer.json()["error"] == "UNAUTHORIZED"

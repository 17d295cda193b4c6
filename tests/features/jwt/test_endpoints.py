"""/token, the public keys, and the token that comes with a session."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import pytest

from asgi_auth import CookieCacheOptions, CookieOptions, FieldRules, SessionOptions, User
from asgi_auth.endpoints.hooks import EndpointHooks
from asgi_auth.feature import Feature
from asgi_auth.features.jwt import JWTService, SigningKeyUnreadable
from asgi_auth.features.jwt.models import StoredKey
from tests.features.jwt.stored_keys import part, rows
from tests.support import browser, eventually, sign_up, whoami


async def test_a_session_is_given_a_token_that_nobody_stores(client, service):
    answer = await client.get("/api/auth/token")
    assert answer.status_code == 200
    assert list(answer.json()) == ["token"]
    assert answer.headers["cache-control"] == "no-store"
    assert "set-auth-jwt" not in answer.headers
    user = (await client.get("/api/auth/get-session")).json()["user"]
    assert (await service.verify_jwt(answer.json()["token"])).subject == user["id"]


async def test_whoever_has_no_session_is_given_none(auth):
    async with browser(auth.wrap(whoami)) as client:
        for headers in ({}, {"authorization": "Bearer nobody"}, {"cookie": "better-auth.session_token=a.b"}):
            answer = await client.get("/api/auth/token", headers=headers)
            assert answer.status_code == 401
            assert answer.json() == {"message": "Unauthorized", "code": "UNAUTHORIZED"}


async def test_a_bearer_token_stands_for_its_session_here_too(auth, client, service):
    token = (await client.get("/api/auth/get-session")).json()["session"]["token"]
    async with browser(auth.wrap(whoami), origin=None) as program:
        answer = await program.get("/api/auth/token", headers={"authorization": f"Bearer {token}"})
    assert (await service.verify_jwt(answer.json()["token"])).claims["email"] == "ada@example.com"


async def test_a_token_is_no_session_here_and_begets_no_other(auth, client):
    token = (await client.get("/api/auth/token")).json()["token"]
    async with browser(auth.wrap(whoami), origin=None) as program:
        headers = {"authorization": f"Bearer {token}"}
        answer = await program.get("/api/auth/get-session", headers=headers)
        assert (answer.status_code, answer.json()) == (200, None)
        assert not {"set-auth-jwt", "set-cookie"} & set(answer.headers)
        for path in ("token", "list-sessions"):
            assert (await program.get(f"/api/auth/{path}", headers=headers)).status_code == 401


async def test_the_public_keys_are_for_everybody_and_say_nothing_of_caching(auth, client):
    token = (await client.get("/api/auth/token")).json()["token"]
    async with browser(auth.wrap(whoami), origin=None) as stranger:
        answer = await stranger.get("/api/auth/jwks")
    (row,) = await rows(auth)
    (key,) = answer.json()["keys"]
    assert list(key) == ["alg", "crv", "x", "kty", "kid"]
    assert key["kid"] == row.id == part(token, 0)["kid"]
    assert dict(answer.headers) == {"content-type": "application/json", "content-length": str(len(answer.content))}


@pytest.mark.parametrize(("method", "path"), [("HEAD", "jwks"), ("POST", "token"), ("POST", "jwks")])
async def test_other_methods_are_unknown(client, method, path):
    assert (await client.request(method, f"/api/auth/{path}")).status_code == 404


async def test_nobody_refreshes_where_there_are_no_refresh_tokens(client):
    answer = await client.post("/api/auth/token/refresh", json={"refreshToken": "a"})
    assert answer.status_code == 404


async def test_the_keys_may_be_somewhere_else(make_jwt):
    async with browser(make_jwt({"jwks_path": "/.well-known/jwks.json"}).wrap(whoami)) as client:
        assert len((await client.get("/api/auth/.well-known/jwks.json")).json()["keys"]) == 1
        assert (await client.get("/api/auth/jwks")).status_code == 404


async def test_a_session_comes_with_a_new_token_each_time(client, service, clock):
    tokens = []
    for _ in range(2):
        answer = await client.get("/api/auth/get-session")
        assert answer.headers["access-control-expose-headers"] == "set-auth-jwt"
        assert answer.headers["cache-control"] == "no-store"
        tokens.append(service.extract_jwt_from_headers(answer.headers))
        verified = await service.verify_jwt(tokens[-1])
        assert verified.claims["sid"] == answer.json()["session"]["id"]
        clock.advance(seconds=1)
    assert tokens[0] != tokens[1]


async def test_no_session_comes_without(auth):
    async with browser(auth.wrap(whoami)) as client:
        answer = await client.get("/api/auth/get-session")
    assert answer.json() is None
    assert "set-auth-jwt" not in answer.headers
    assert "access-control-expose-headers" not in answer.headers


async def test_other_answers_come_without(client):
    for path in ("/list-sessions", "/ok"):
        assert "set-auth-jwt" not in (await client.get(f"/api/auth{path}")).headers


async def test_a_session_that_was_extended_comes_with_both_tokens(make_jwt, clock):
    auth = make_jwt(session=SessionOptions(refresh_after=timedelta()))
    async with browser(auth.wrap(whoami)) as client:
        await sign_up(client)
        clock.advance(seconds=1)
        answer = await client.get("/api/auth/get-session")
    assert answer.headers["access-control-expose-headers"] == "set-auth-token, set-auth-jwt"
    assert {"set-auth-token", "set-auth-jwt"} <= set(answer.headers)


async def test_the_header_can_be_left_out(make_jwt):
    async with browser(make_jwt({"sets_header": False}).wrap(whoami)) as client:
        await sign_up(client)
        assert "set-auth-jwt" not in (await client.get("/api/auth/get-session")).headers
        assert (await client.get("/api/auth/token")).status_code == 200


async def test_a_token_that_nobody_would_take_for_its_length_is_not_sent(make_jwt):
    auth = make_jwt({"define_payload": lambda *_: {"a": "x" * 8192}})
    async with browser(auth.wrap(whoami)) as client:
        await sign_up(client)
        answer = await client.get("/api/auth/get-session")
        assert answer.json()["user"]["email"] == "ada@example.com"
        assert "set-auth-jwt" not in answer.headers
        assert len((await client.get("/api/auth/token")).json()["token"]) > 8192


async def test_what_stands_in_for_a_session_is_given_no_token(make_jwt):
    live = []

    class StandIn(EndpointHooks):
        async def before(self, call):
            if "x-stands-in" in {name.decode() for name, _ in call.scope["headers"]}:
                call.stand_in(live[0])

    class StandsIn(Feature):
        name = "stands_in"

        def hooks(self, services):  # noqa: ARG002
            return (StandIn(),)

    auth = make_jwt(more_features=[StandsIn()])
    async with browser(auth.wrap(whoami)) as client:
        token = (await sign_up(client)).json()["token"]
        live.append(await auth.services.sessions.get_session(token))
        headers = {"x-stands-in": "yes"}
        assert (await client.get("/api/auth/token", headers=headers)).status_code == 401
        answer = await client.get("/api/auth/get-session", headers=headers)
        assert answer.json()["user"]["email"] == "ada@example.com"
        assert "set-auth-jwt" not in answer.headers


class Member(User, frozen=True, kw_only=True):
    """Somebody with a rank that no client is told."""

    rank: Annotated[str | None, FieldRules(returned=False, input=False)] = None


async def test_what_no_client_is_told_is_read_for_a_payload_of_ones_own(make_jwt):
    auth = make_jwt(
        {"define_payload": lambda user, _: {"rank": user.rank}},
        user_model=Member,
        cookie_cache=CookieCacheOptions(is_enabled=True, instant_revocation=False),
    )
    async with browser(auth.wrap(whoami)) as client:
        await sign_up(client)
        user = (await client.get("/api/auth/get-session")).json()["user"]
        await auth.services.users.change(user["id"], rank="captain")
        header = (await client.get("/api/auth/get-session")).headers["set-auth-jwt"]
        token = (await client.get("/api/auth/token")).json()["token"]
    assert part(header, 1)["rank"] == part(token, 1)["rank"] == "captain"


async def test_a_key_that_cannot_be_read_is_a_fault_of_ours(make_jwt, database_url):
    told = []
    auth = make_jwt(database=database_url, on_error=lambda error, _: told.append(error))
    async with browser(auth.wrap(whoami)) as client:
        await sign_up(client)
        await client.get("/api/auth/token")
        (row,) = await rows(auth)
        await auth.services.engine.store("jwks", StoredKey).change({"id": row.id}, private_key='"00"')
        with pytest.raises(SigningKeyUnreadable, match=row.id):
            await client.get("/api/auth/token")
        shown = await client.get("/api/auth/get-session")
        assert (shown.status_code, shown.json()["user"]["email"]) == (200, "ada@example.com")
        assert "set-auth-jwt" not in shown.headers
        assert len((await client.get("/api/auth/jwks")).json()["keys"]) == 1

    async def is_told():
        return len(told) == 1

    await eventually(is_told)


async def test_an_outage_is_answered_503(auth, client):
    await auth.services.get(JWTService).rotate_keys()  # what is remembered is dropped
    await auth.services.engine._executor.run_text('DROP TABLE "jwks"')
    for path in ("token", "jwks", "get-session"):
        answer = await client.get(f"/api/auth/{path}")
        assert answer.status_code == 503, path
        assert "set-cookie" not in answer.headers


async def test_a_token_costs_no_statement_once_all_is_known(auth, client):
    async def is_free():
        with auth.services.engine.recorded() as statements:
            for path in ("token", "get-session", "jwks"):
                assert (await client.get(f"/api/auth/{path}")).status_code == 200
        return not statements

    await eventually(is_free)


async def test_the_endpoints_are_described(client):
    paths = (await client.get("/api/auth/open-api/generate-schema")).json()["paths"]
    assert "/token" in paths
    assert "/jwks" in paths
    assert "/token/refresh" not in paths


async def test_compatible_answers_have_the_contracts_headers_alone(make_jwt):
    auth = make_jwt(is_compatible=True, cookies=CookieOptions(forbids_caching=False))
    async with browser(auth.wrap(whoami)) as client:
        await sign_up(client)
        answer = await client.get("/api/auth/token")
    assert set(answer.headers) == {"content-type", "content-length"}
    assert "sid" not in part(answer.json()["token"], 1)

"""asgi_auth and Better Auth's own server on one table of keys: each signs with the other's, and believes the other."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from functools import partial

import pytest

from asgi_auth import Auth, AuthConfig, RateLimitOptions
from asgi_auth.errors import InvalidToken
from asgi_auth.features.jwt import Jwt, JwtOptions, JWTService
from tests.features.jwt.stored_keys import kid_of, part, rows
from tests.interop.test_shared_database import on, post
from tests.servers.live import serve
from tests.servers.node import better_auth_server
from tests.support import ADA, SECRET, eventually, whoami

ALGORITHMS = {
    "EdDSA": {"alg": "EdDSA", "crv": "Ed25519"},
    "ES256": {"alg": "ES256"},
    "ES512": {"alg": "ES512"},
    "PS256": {"alg": "PS256"},
    "RS256": {"alg": "RS256"},
}


@pytest.fixture
def database(tmp_path):
    return tmp_path / "shared.sqlite"


@contextmanager
def theirs(database, algorithm="EdDSA", **jwks):
    options = {"jwks": {"keyPairConfig": ALGORITHMS[algorithm], **jwks}}
    with better_auth_server(database, secret=SECRET, jwt=options) as url:
        yield url


def ours(database, url, **options) -> Auth:
    """Ours, that says it is the server at that URL."""
    unlimited = RateLimitOptions(is_enabled=False)
    config = AuthConfig.development(secret=SECRET, database=f"sqlite:///{database}", rate_limits=unlimited)
    return Auth(config, features=[Jwt(JwtOptions(issuer=url, audience=url, **options))])


async def their_word(url, token):
    """What the other server makes of a token: its payload, or None."""
    async with on(url) as node:
        answer = await node.post("/verify-jwt", json={"token": token})
    assert answer.status_code == 200, answer.text
    return answer.json()["payload"]


async def their_token(node):
    answer = await node.get("/api/auth/token")
    assert answer.status_code == 200, answer.text
    return answer.json()["token"]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_a_key_made_there_verifies_and_signs_here(database, algorithm):
    with theirs(database, algorithm) as url:
        auth = ours(database, url, algorithm=algorithm)
        async with auth.lifespan(), on(url) as node:
            await post(node, "/sign-up/email", **ADA)
            token = await their_token(node)
            service = auth.services.get(JWTService)
            assert (await service.verify_jwt(token)).claims["email"] == ADA["email"]
            mine = await service.sign_jwt({"sub": "ada"})
            assert part(mine, 0) == part(token, 0) == {"alg": algorithm, "kid": kid_of(token)}
            assert (await their_word(url, mine))["sub"] == "ada"
            assert (await node.get("/api/auth/jwks")).json() == await service.get_jwks()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_a_key_made_here_verifies_and_signs_there(database, algorithm):
    with theirs(database, algorithm) as url:
        auth = ours(database, url, algorithm=algorithm)
        async with auth.lifespan(), on(url) as node:
            service = auth.services.get(JWTService)
            mine = await service.sign_jwt({"sub": "ada"})
            assert (await their_word(url, mine))["sub"] == "ada"
            await post(node, "/sign-up/email", **ADA)
            token = await their_token(node)
            assert part(token, 0) == part(mine, 0)
            await service.verify_jwt(token)
            assert (await node.get("/api/auth/jwks")).json() == await service.get_jwks()
            assert len(await rows(auth)) == 1


async def test_the_table_made_here_is_the_one_they_expect(database):
    alone = ours(database, "https://app.test")
    async with alone.lifespan():
        kid = await alone.services.get(JWTService).rotate_keys()
    with theirs(database) as url:
        auth = ours(database, url)
        async with auth.lifespan(), on(url) as node:
            await post(node, "/sign-up/email", **ADA)
            token = await their_token(node)
            assert kid_of(token) == kid
            await auth.services.get(JWTService).verify_jwt(token)
            assert len(await rows(auth)) == 1


async def test_both_say_the_same_of_a_session_in_the_same_order(database):
    with theirs(database) as url:
        auth = ours(database, url, include_session=False)
        async with serve(auth.wrap(whoami)) as here, on(url) as node:
            await post(node, "/sign-up/email", **ADA)
            token = await their_token(node)
            async with on(here, node.cookies) as client:
                mine = await their_token(client)
                with_session = (await client.get("/api/auth/get-session")).headers["set-auth-jwt"]
            said = part(token, 1)
            for each in (mine, with_session):
                assert list(part(each, 1)) == list(said)
                assert part(each, 1) == said | {name: part(each, 1)[name] for name in ("iat", "exp")}
                assert await their_word(url, each) == part(each, 1)


async def test_unencrypted_keys_are_shared_as_well(database):
    with theirs(database, disablePrivateKeyEncryption=True) as url:
        auth = ours(database, url, encrypts_keys=False)
        async with auth.lifespan(), on(url) as node:
            service = auth.services.get(JWTService)
            mine = await service.sign_jwt({"sub": "ada"})
            await post(node, "/sign-up/email", **ADA)
            assert kid_of(await their_token(node)) == kid_of(mine)
            assert (await their_word(url, mine))["sub"] == "ada"


async def test_a_rotation_here_counts_there_and_the_old_key_goes_on_verifying(database):
    with theirs(database) as url:
        auth = ours(database, url)
        async with auth.lifespan(), on(url) as node:
            await post(node, "/sign-up/email", **ADA)
            old = await their_token(node)
            service = auth.services.get(JWTService)
            new = await service.rotate_keys()
            assert kid_of(await their_token(node)) == new
            await service.verify_jwt(old)
            assert (await their_word(url, old))["email"] == ADA["email"]
            assert (await node.get("/api/auth/jwks")).json() == await service.get_jwks()


async def test_a_rotation_there_counts_here(database):
    with theirs(database, rotationInterval=1) as url:
        auth = ours(database, url, rotation_interval=timedelta(seconds=1))
        async with auth.lifespan(), on(url) as node:
            await post(node, "/sign-up/email", **ADA)
            service = auth.services.get(JWTService)
            seen = set()

            async def is_taken(token):
                try:
                    await service.verify_jwt(token)
                except InvalidToken:
                    return False
                return True

            while len(seen) < 3:  # a second each
                token = await their_token(node)
                await eventually(partial(is_taken, token))  # at once, or when the file's feed has told of the key
                seen.add(kid_of(token))
            assert {key["kid"] for key in (await service.get_jwks())["keys"]} >= seen

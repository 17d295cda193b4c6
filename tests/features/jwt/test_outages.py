"""When the database or an issuer is away, a token that was offered is never anonymous: judged, or 503."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from asgi_auth import CacheOptions, DatabaseOptions, RedisOptions
from asgi_auth.features.jwt import Jwt, JWTMiddleware, JwtOptions
from tests.features.jwt.asking import ask, asked, bearer, declared, newcomer
from tests.servers.issuer import SUBJECT
from tests.support import eventually, whoami

PATIENT = RedisOptions(timeout=timedelta(seconds=2))


@pytest.fixture
def make_impatient(make_auth, private_url):
    """A factory of Auths on that server, as impatient with it as in production."""

    def make(*, check_session=False, **options):
        return make_auth(
            features=[Jwt(JwtOptions(check_session=check_session))],
            base_url="http://app.test",
            database=private_url,
            database_options=DatabaseOptions(),
            **options,
        )

    return make


async def is_answered(app, token, expected: int) -> bool:
    """Whether that is the answer by now; it is never another one than that the token is taken, or not judged."""
    answer = await ask(app, bearer(token))
    assert answer.status in (200, 503)
    if answer.status == 200:
        assert answer.json()["error"] is None
    else:
        assert int(answer.header("retry-after")[0]) > 0
    return answer.status == expected


async def becomes(app, token, expected: int) -> None:
    await eventually(lambda: is_answered(app, token, expected))


async def known(auth, app, token) -> None:
    async def is_known() -> bool:
        with auth.services.engine.recorded() as statements:
            assert await is_answered(app, token, 200)
        return not statements

    await eventually(is_known)


@pytest.mark.parametrize("check_session", [False, True])
async def test_without_redis_nobody_goes_on_without_the_database(make_impatient, server, check_session):
    auth = make_impatient(check_session=check_session)
    app = auth.wrap(whoami)
    _, token = await newcomer(auth)
    await known(auth, app, token)
    await asyncio.to_thread(server.stop)
    try:
        await becomes(app, token, 503)
        for _ in range(20):
            assert await is_answered(app, token, 503)
            await asyncio.sleep(0.05)
        assert (await ask(app)).status == 200
        assert (await asked(app, bearer("a.b.c")))["error"] == "UNAUTHORIZED"
    finally:
        await asyncio.to_thread(server.start)
    await becomes(app, token, 200)


async def test_who_is_known_goes_on_without_the_database_while_redis_lives(make_impatient, server, redis_url):
    auth = make_impatient(check_session=True, redis=redis_url, redis_options=PATIENT)
    app = auth.wrap(whoami)
    _, ada = await newcomer(auth)
    _, bob = await newcomer(auth, "bob@example.com")
    await known(auth, app, ada)
    await asyncio.to_thread(server.stop)
    try:
        await becomes(app, ada, 200)
        # our keys are known, but not his session
        assert await is_answered(app, bob, 503)
    finally:
        await asyncio.to_thread(server.start)
    await becomes(app, bob, 200)


async def test_the_grace_has_an_end(make_impatient, server, redis_url):
    options = CacheOptions(database_grace=timedelta(seconds=1))
    auth = make_impatient(redis=redis_url, redis_options=PATIENT, cache=options)
    app = auth.wrap(whoami)
    _, token = await newcomer(auth)
    await known(auth, app, token)
    await asyncio.to_thread(server.stop)
    try:
        await eventually(lambda: is_over_for_good(app, token))
    finally:
        await asyncio.to_thread(server.start)
    await becomes(app, token, 200)


async def is_over_for_good(app, token) -> bool:
    """Whether it stays 503 for longer than it takes to find out that the database does not answer at all."""
    for _ in range(40):
        if await is_answered(app, token, 200):
            return False
        await asyncio.sleep(0.05)
    return True


async def test_other_issuers_tokens_need_no_database(make_impatient, server, issuer):
    auth = make_impatient()
    _, token = await newcomer(auth)
    app = JWTMiddleware(whoami, auth.services, issuers=[declared(issuer)])
    await asyncio.to_thread(server.stop)
    try:
        await becomes(app, token, 503)
        for sub in (SUBJECT, SUBJECT, "somebody new"):
            assert (await asked(app, bearer(issuer.token(sub=sub))))["subject"] == sub
    finally:
        await asyncio.to_thread(server.start)
    await becomes(app, token, 200)

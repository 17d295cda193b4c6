"""asgi_auth and Better Auth's own server on one SQLite file and one Redis: sessions of either are good at both."""

from pathlib import Path

import httpx
import pytest
import redis.asyncio

from asgi_auth import Auth, AuthConfig, DeletionOptions, RateLimitOptions
from tests.interop.test_shared_database import on, post, session_of
from tests.servers.live import serve
from tests.servers.node import better_auth_server
from tests.storages import storage_options
from tests.support import ADA, SECRET, whoami

NEW_PASSWORD = "another horse entirely"
THEIRS = {
    "redis": {},
    "both": {"session": {"storeSessionInDatabase": True}, "verification": {"storeInDatabase": True}},
}


@pytest.fixture(params=["redis", "both"])
async def pair(request, tmp_path: Path, redis_url: str):
    """The URLs of our server and of theirs."""
    database = tmp_path / "shared.sqlite"
    options = storage_options(request.param, redis_url) | {"deletion": DeletionOptions(is_allowed=True)}
    with better_auth_server(database, secret=SECRET, options=THEIRS[request.param], redis=redis_url) as theirs:
        unlimited = RateLimitOptions(is_enabled=False)
        auth = Auth(
            AuthConfig.development(secret=SECRET, database=f"sqlite:///{database}", rate_limits=unlimited, **options)
        )
        async with serve(auth.wrap(whoami)) as ours:
            yield ours, theirs


@pytest.fixture(params=["from ours", "from theirs"])
async def one_and_other(request, pair):
    """Both servers, and Ada's browser, who has signed up at the first."""
    one, other = pair if request.param == "from ours" else reversed(pair)
    async with on(one) as ada:
        signed_up = await post(ada, "/sign-up/email", **ADA)
        assert signed_up.status_code == 200, signed_up.text
        yield ada, one, other


async def tokens_at(url: str, cookies: httpx.Cookies) -> set[str]:
    async with on(url, cookies) as client:
        return {session["token"] for session in (await client.get("/api/auth/list-sessions")).json()}


async def test_a_session_begun_at_one_is_the_same_at_the_other_and_follows_its_user(one_and_other):
    ada, one, other = one_and_other
    there = await session_of(other, ada.cookies)
    assert there is not None
    assert there == await session_of(one, ada.cookies)
    async with on(other) as elsewhere:
        await post(elsewhere, "/sign-in/email", email=ADA["email"], password=ADA["password"])
        listed = await tokens_at(one, ada.cookies)
        assert len(listed) == 2
        assert listed == await tokens_at(other, ada.cookies)
        assert (await post(ada, "/update-user", name="Countess")).status_code == 200
        for url in (one, other):
            for cookies in (ada.cookies, elsewhere.cookies):
                assert (await session_of(url, cookies))["user"]["name"] == "Countess"


async def test_what_is_revoked_at_one_is_gone_at_the_other(one_and_other):
    ada, _, other = one_and_other
    for path in ("/revoke-other-sessions", "/revoke-sessions", "/sign-out"):
        async with on(other) as elsewhere:
            for client in (elsewhere, ada):
                signed_in = await post(client, "/sign-in/email", email=ADA["email"], password=ADA["password"])
                assert signed_in.status_code == 200, signed_in.text
            held = httpx.Cookies(dict(ada.cookies.items()))
            assert (await post(ada, path)).status_code == 200
            is_left = [await session_of(other, jar) is not None for jar in (held, elsewhere.cookies)]
        assert (
            is_left
            == {
                "/revoke-other-sessions": [True, False],
                "/revoke-sessions": [False, False],
                "/sign-out": [False, True],
            }[path]
        )


async def test_a_new_password_and_the_end_of_a_user_end_sessions_at_the_other(one_and_other, redis_url):
    ada, _, other = one_and_other
    async with on(other) as elsewhere:
        await post(elsewhere, "/sign-in/email", email=ADA["email"], password=ADA["password"])
        new = {"currentPassword": ADA["password"], "newPassword": NEW_PASSWORD, "revokeOtherSessions": True}
        changed = await post(ada, "/change-password", **new)
        assert changed.status_code == 200, changed.text
        assert await session_of(other, elsewhere.cookies) is None
        assert await session_of(other, ada.cookies) is not None
    held = httpx.Cookies(dict(ada.cookies.items()))
    deleted = await post(ada, "/delete-user", password=NEW_PASSWORD)
    assert deleted.status_code == 200, deleted.text
    assert await session_of(other, held) is None
    async with redis.asyncio.Redis.from_url(redis_url) as raw:
        assert [key async for key in raw.scan_iter("active-sessions-*")] == []

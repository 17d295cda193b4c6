"""asgi_auth and Better Auth's own server on one SQLite file: each reads what the other wrote."""

from pathlib import Path

import httpx
import pytest

from asgi_auth import Auth, AuthConfig, RateLimitOptions
from tests.servers.live import serve
from tests.servers.node import better_auth_server
from tests.support import ADA, BOB, SECRET, whoami

NEW_PASSWORD = "another horse entirely"


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "shared.sqlite"


def ours(database: Path) -> Auth:
    # Everybody here comes from one address, and in a hurry.
    unlimited = RateLimitOptions(is_enabled=False)
    return Auth(AuthConfig.development(secret=SECRET, database=f"sqlite:///{database}", rate_limits=unlimited))


async def post(client: httpx.AsyncClient, path: str, **body: object) -> httpx.Response:
    return await client.post(f"/api/auth{path}", json=body, headers={"origin": str(client.base_url).rstrip("/")})


def on(url: str, cookies: httpx.Cookies | None = None) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=url, cookies=dict((cookies or {}).items()), timeout=60)


async def session_of(url: str, cookies: httpx.Cookies) -> object:
    async with on(url, cookies) as client:
        return (await client.get("/api/auth/get-session?disableCookieCache=true")).json()


async def test_a_user_and_session_made_by_better_auth_work_here(database):
    with better_auth_server(database, secret=SECRET) as theirs:
        async with serve(ours(database).wrap(whoami)) as url, on(theirs) as node:
            signed_up = await post(node, "/sign-up/email", **ADA)
            assert signed_up.status_code == 200, signed_up.text

            there = (await node.get("/api/auth/get-session")).json()
            here = await session_of(url, node.cookies)
            assert here == there

            async with on(url) as client:
                signed_in = await post(client, "/sign-in/email", email=ADA["email"], password=ADA["password"])
                assert signed_in.status_code == 200, signed_in.text
                assert signed_in.json()["user"]["id"] == there["user"]["id"]


async def test_a_user_and_session_made_here_work_in_better_auth(database):
    async with serve(ours(database).wrap(whoami)) as url, on(url) as client:
        signed_up = await post(client, "/sign-up/email", **BOB)
        assert signed_up.status_code == 200, signed_up.text
        here = (await client.get("/api/auth/get-session?disableCookieCache=true")).json()

        with better_auth_server(database, secret=SECRET) as theirs:
            assert await session_of(theirs, client.cookies) == here

            async with on(theirs) as node:
                signed_in = await post(node, "/sign-in/email", email=BOB["email"], password=BOB["password"])
                assert signed_in.status_code == 200, signed_in.text
                assert signed_in.json()["user"]["id"] == here["user"]["id"]


async def test_each_sees_at_once_what_the_other_revokes_and_changes(database):
    with better_auth_server(database, secret=SECRET) as theirs:
        async with serve(ours(database).wrap(whoami)) as url, on(url) as client, on(theirs) as node:
            await post(client, "/sign-up/email", **ADA)
            await post(node, "/sign-in/email", email=ADA["email"], password=ADA["password"])

            listed = (await client.get("/api/auth/list-sessions")).json()
            assert {session["token"] for session in listed} == {
                (await session_of(url, jar))["session"]["token"] for jar in (client.cookies, node.cookies)
            }

            changed = await post(
                node,
                "/change-password",
                currentPassword=ADA["password"],
                newPassword=NEW_PASSWORD,
                revokeOtherSessions=True,
            )
            assert changed.status_code == 200, changed.text
            assert await session_of(url, client.cookies) is None

            async with on(url) as again:
                old = await post(again, "/sign-in/email", email=ADA["email"], password=ADA["password"])
                assert old.status_code == 401
                new = await post(again, "/sign-in/email", email=ADA["email"], password=NEW_PASSWORD)
                assert new.status_code == 200

                await post(again, "/revoke-other-sessions")
                assert await session_of(theirs, node.cookies) is None


async def test_both_write_to_one_file_at_the_same_time(database):
    with better_auth_server(database, secret=SECRET) as theirs:
        async with serve(ours(database).wrap(whoami)) as url, on(url) as client, on(theirs) as node:
            for number in range(10):
                for side in (client, node):
                    person = {**ADA, "email": f"{number}-{side is node}@example.com"}
                    response = await post(side, "/sign-up/email", **person)
                    assert response.status_code == 200, response.text

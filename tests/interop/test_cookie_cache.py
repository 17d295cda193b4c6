"""A session in a cookie: Better Auth's own server reads ours, and we read what it wrote.

The two have a database each, so that nothing but the cookie can have told them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import httpx
import pytest

from asgi_auth import Auth, AuthConfig, CookieCacheOptions, FieldRules, RateLimitOptions, Session, User
from tests.servers.live import serve
from tests.servers.node import better_auth_server
from tests.support import ADA, PASSWORD, SECRET, whoami

NAME = 'José 😀 "quoted" \\ \u2028 \x7f \t 日本語 </script>'
LONG_IMAGE = "https://example.com/" + "i" * 5000
STRATEGIES = ["compact", "jwt", "jwe"]
PEOPLE = {
    "plain": {"name": "Ada"},
    "odd": {"name": NAME, "height": 1.5, "isMember": True, "nickname": "Countess", "note": "a secret"},
    "whole number": {"name": "Ada", "height": 170.0, "isMember": False},
    "big number": {"name": "Ada", "height": 1e21},
    "small number": {"name": "Ada", "height": 1e-7},
    "big": {"name": NAME, "image": LONG_IMAGE},
}


class Member(User, frozen=True, kw_only=True):
    """Better Auth's ``additionalFields`` below, as we write them."""

    nickname: str | None = None
    height: float | None = None
    is_member: bool | None = None
    note: Annotated[str | None, FieldRules(returned=False)] = None


class Visit(Session, frozen=True, kw_only=True):
    """A session with a field that is null."""

    place: Annotated[str | None, FieldRules(input=False)] = None


def field(kind: str, **rules: bool) -> dict[str, object]:
    return {"type": kind, "required": False, **rules}


def their_options(strategy: str) -> dict[str, object]:
    return {
        "user": {
            "additionalFields": {
                "nickname": field("string"),
                "height": field("number"),
                "isMember": field("boolean"),
                "note": field("string", returned=False),
            }
        },
        "session": {
            "cookieCache": {"enabled": True, "strategy": strategy},
            "additionalFields": {"place": field("string", input=False)},
        },
    }


def ours(strategy: str, database: Path) -> Auth:
    config = AuthConfig.development(
        secret=SECRET,
        database=f"sqlite:///{database}",
        rate_limits=RateLimitOptions(is_enabled=False),  # everybody here comes from one address
        user_model=Member,
        session_model=Visit,
        cookie_cache=CookieCacheOptions(is_enabled=True, strategy=strategy, instant_revocation=False),
    )
    return Auth(config)


@pytest.fixture(params=STRATEGIES)
async def servers(request, tmp_path):
    """The origins of our server and of theirs, with the same secret and strategy."""
    options = their_options(request.param)
    with better_auth_server(tmp_path / "theirs.sqlite", secret=SECRET, options=options) as theirs:
        async with serve(ours(request.param, tmp_path / "ours.sqlite").wrap(whoami)) as here:
            yield here, theirs


def on(url: str, cookies: httpx.Cookies | None = None) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=url, cookies=dict((cookies or {}).items()), headers={"origin": url}, timeout=60)


async def session_of(url: str, cookies: httpx.Cookies, **query: str) -> object:
    async with on(url, cookies) as client:
        return (await client.get("/api/auth/get-session", params=query)).json()


async def told(written_by: str, read_by: str) -> None:
    for number, person in enumerate(PEOPLE.values()):
        async with on(written_by) as client:
            body = {**person, "email": f"{number}-{ADA['email']}", "password": PASSWORD}
            signed_up = await client.post("/api/auth/sign-up/email", json=body)
            assert signed_up.status_code == 200, signed_up.text
            at_home = await session_of(written_by, client.cookies, disableCookieCache="true")
            assert at_home["user"]["name"] == person["name"]
            assert await session_of(read_by, client.cookies) == at_home
            # Without the cache the other side knows nothing of anybody.
            assert await session_of(read_by, client.cookies, disableCookieCache="true") is None


async def test_better_auth_reads_what_we_wrote(servers):
    here, theirs = servers
    await told(here, theirs)


async def test_we_read_what_better_auth_wrote(servers):
    here, theirs = servers
    await told(theirs, here)


async def test_each_takes_nothing_from_a_session_that_was_tampered_with(servers):
    for written_by, read_by in (servers, servers[::-1]):
        async with on(written_by) as client:
            await client.post("/api/auth/sign-up/email", json=ADA)
            data = client.cookies["better-auth.session_data"]
            client.cookies.delete("better-auth.session_data")
            jar = dict(client.cookies.items()) | {"better-auth.session_data": "e" + data[1:-9] + "AAAAAAAAA"}
            assert await session_of(read_by, httpx.Cookies(jar)) is None

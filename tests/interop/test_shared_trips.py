"""Trips to a provider that begin at asgi_auth and end at Better Auth's own server, or the other way round."""

from __future__ import annotations

import httpx
import pytest
from starlette.responses import JSONResponse

from asgi_auth import Auth, AuthConfig
from asgi_auth.providers import GenericOAuth
from tests.endpoints.social_trips import query_of, social
from tests.servers.live import serve
from tests.servers.node import better_auth_server
from tests.support import ADA, SECRET, whoami

TOKENS = {"access_token": "at-1", "token_type": "Bearer", "expires_in": 3600}
PERSON = {
    "id": 7,
    "sub": "7",
    "username": "ada",
    "name": "Ada L.",
    "email": ADA["email"],
    "email_verified": True,
    "state": "active",
    "locked": False,
}


@pytest.fixture
def provider(oidc):
    """The tests' provider, with the paths of a GitLab of one's own."""
    oidc.answer_with("/oauth/token", JSONResponse(TOKENS))
    oidc.answer_with("/api/v4/user", JSONResponse(PERSON))
    return oidc


@pytest.fixture
async def sides(provider, tmp_path):
    """Where both servers are that share one database: ours, theirs."""
    database = tmp_path / "shared.sqlite"
    gitlab = GenericOAuth(
        id="gitlab",
        client_id="tests",
        client_secret="tests-secret",
        authorization_url=f"{provider.url}/oauth/authorize",
        token_url=f"{provider.url}/oauth/token",
        user_info_url=f"{provider.url}/api/v4/user",
    )
    given = {"clientId": "tests", "clientSecret": "tests-secret", "issuer": provider.url}
    auth = Auth(AuthConfig.development(secret=SECRET, database=f"sqlite:///{database}", social=social(gitlab)))
    async with serve(auth.wrap(whoami)) as here:
        with better_auth_server(database, secret=SECRET, options={"socialProviders": {"gitlab": given}}) as there:
            yield here, there


async def post(client: httpx.AsyncClient, url: str, path: str, **body: object) -> httpx.Response:
    response = await client.post(f"{url}/api/auth{path}", json=body, headers={"origin": url})
    assert response.status_code == 200, response.text
    return response


async def come_back(client: httpx.AsyncClient, url: str, away: str) -> str:
    answer = {"code": "c", "state": query_of(away)["state"]}
    response = await client.get(f"{url}/api/auth/callback/gitlab", params=answer)
    assert response.status_code == 302, response.text
    return response.headers["location"]


@pytest.mark.parametrize("is_begun_here", [True, False])
async def test_one_begins_to_sign_somebody_in_and_the_other_does_it(sides, is_begun_here):
    begins, ends = sides if is_begun_here else reversed(sides)
    async with httpx.AsyncClient(timeout=60) as client:
        body = {"provider": "gitlab", "callbackURL": "/dash", "newUserCallbackURL": "/new", "errorCallbackURL": "/oops"}
        away = (await post(client, begins, "/sign-in/social", **body)).json()["url"]
        assert await come_back(client, ends, away) == "/new"
        sessions = [(await client.get(f"{url}/api/auth/get-session?disableCookieCache=true")).json() for url in sides]
        assert sessions[0] == sessions[1]
        assert sessions[0]["user"]["email"] == ADA["email"]
        # used up on either side
        assert "state_mismatch" in await come_back(client, begins, away)


@pytest.mark.parametrize("is_begun_here", [True, False])
async def test_one_begins_to_link_an_account_and_the_other_does_it(sides, is_begun_here):
    begins, ends = sides if is_begun_here else reversed(sides)
    async with httpx.AsyncClient(timeout=60) as client:
        await post(client, begins, "/sign-up/email", **ADA)
        body = {"provider": "gitlab", "callbackURL": "/settings", "errorCallbackURL": "/oops"}
        away = (await post(client, begins, "/link-social", **body)).json()["url"]
        assert await come_back(client, ends, away) == "/settings"
        listed = (await client.get(f"{begins}/api/auth/list-accounts")).json()
        assert sorted(account["providerId"] for account in listed) == ["credential", "gitlab"]


async def test_a_session_that_ended_there_links_nothing_here(sides):
    here, there = sides
    async with httpx.AsyncClient(timeout=60) as client:
        await post(client, there, "/sign-up/email", **ADA)
        away = (await post(client, there, "/link-social", provider="gitlab", errorCallbackURL="/oops")).json()["url"]
        await post(client, there, "/sign-out")
        assert await come_back(client, here, away) == "/oops?error=unable_to_link_account"

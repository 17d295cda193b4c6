"""Accounts of a strict provider on one SQLite file: what Better Auth's own server and we wrote, the other uses.

The provider checks redirect URIs and code verifiers, takes each refresh token once, and repeats the nonce.
"""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from asgi_auth import AccountOptions, Auth, AuthConfig, RateLimitOptions
from tests.interop.foreign_services import Services, our_options, running_services, their_options
from tests.servers.live import serve
from tests.servers.node import better_auth_server
from tests.support import ADA, BASE_URL, SECRET, whoami

PAGES = {"callbackURL": "/app", "newUserCallbackURL": "/welcome", "errorCallbackURL": "/oops"}
OPENERS = ("accessToken", "refreshToken")


@pytest.fixture
async def services() -> AsyncIterator[Services]:
    async with running_services() as services:
        yield services


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "shared.sqlite"


@pytest.fixture(params=["begun here", "begun there"])
def is_begun_here(request) -> bool:
    return request.param == "begun here"


@asynccontextmanager
async def both(
    services: Services,
    database: Path,
    *,
    is_begun_here: bool,
    accounts: AccountOptions = AccountOptions(),  # noqa: B008  (immutable)
    origin: str | None = None,
) -> AsyncIterator[tuple[str, str]]:
    """Where the server is that begins, and where the other."""
    config = AuthConfig.development(
        secret=SECRET,
        database=f"sqlite:///{database}",
        social=our_options(services, origin=origin),
        accounts=accounts,
        rate_limits=RateLimitOptions(is_enabled=False),
    )
    providers = their_options(services, origin=origin)
    options = {"account": {"encryptOAuthTokens": accounts.encrypts_tokens, "storeAccountCookie": accounts.has_cookie}}
    async with serve(Auth(config).wrap(whoami)) as here:
        with better_auth_server(database, secret=SECRET, options=options, generic_oauth=providers) as there:
            yield (here, there) if is_begun_here else (there, here)


async def post(client: httpx.AsyncClient, url: str, path: str, **body: object) -> dict[str, object]:
    response = await client.post(f"{url}/api/auth{path}", json=body, headers={"origin": url})
    assert response.status_code == 200, response.text
    return response.json()


async def get(client: httpx.AsyncClient, url: str, path: str, **query: str) -> object:
    response = await client.get(f"{url}/api/auth{path}", params=query)
    assert response.status_code == 200, response.text
    return response.json()


async def session(client: httpx.AsyncClient, url: str) -> dict[str, object]:
    """What the store of record says now: the other server may have written a moment ago."""
    return await get(client, url, "/get-session", disableCookieCache="true")


async def agree(client: httpx.AsyncClient, url: str, path: str, provider: str) -> str:
    """Set out from a server, and say where the provider sends the browser back to."""
    away = await post(client, url, path, provider=provider, **PAGES)
    return (await client.get(str(away["url"]))).headers["location"]


async def travel(client: httpx.AsyncClient, url: str, path: str, provider: str) -> str:
    return (await client.get(await agree(client, url, path, provider))).headers["location"]


def stored(database: Path, account_id: object) -> dict[str, str]:
    """The tokens of an account, as they lie in the file."""
    with closing(sqlite3.connect(database)) as connection:
        query = "SELECT accessToken, refreshToken, idToken FROM account WHERE id = ?"
        row = connection.execute(query, [account_id]).fetchone()
    return dict(zip((*OPENERS, "idToken"), row, strict=True))


@pytest.mark.parametrize("encrypts", [False, True], ids=["plain", "encrypted"])
async def test_an_account_that_one_has_written_is_used_by_the_other(services, database, is_begun_here, encrypts):
    async with (
        both(services, database, is_begun_here=is_begun_here, accounts=AccountOptions(encrypts_tokens=encrypts)) as (
            first,
            second,
        ),
        httpx.AsyncClient(timeout=60) as client,
    ):
        assert await travel(client, first, "/sign-in/social", "corp") == "/welcome"
        accounts = [await get(client, url, "/list-accounts") for url in (first, second)]
        assert accounts[0] == accounts[1]
        chosen = {"accountId": accounts[0][0]["id"]}
        tokens = [await post(client, url, "/get-access-token", **chosen) for url in (first, second)]
        assert tokens[0] == tokens[1]
        people = [await get(client, url, "/account-info", **chosen) for url in (first, second)]
        assert people[0]["user"] == people[1]["user"]
        assert people[0]["account"] == people[1]["account"]

        # what the second stores of a refresh is what the first gives out, and refreshes in its turn
        refreshed = await post(client, second, "/refresh-token", **chosen)
        assert refreshed["accessToken"] != tokens[0]["accessToken"]
        assert (await post(client, first, "/get-access-token", **chosen))["accessToken"] == refreshed["accessToken"]
        assert (await get(client, first, "/account-info", **chosen))["user"] == people[0]["user"]
        again = await post(client, first, "/refresh-token", **chosen)
        assert again["refreshToken"] != refreshed["refreshToken"]
        assert (await post(client, second, "/get-access-token", **chosen))["accessToken"] == again["accessToken"]
        in_the_file = stored(database, chosen["accountId"])
        assert [in_the_file[name] == again[name] for name in OPENERS] == [not encrypts] * len(OPENERS)
        # Better Auth encrypts no ID tokens: it reads in them who somebody is
        assert in_the_file["idToken"] == again["idToken"]


@pytest.mark.parametrize("encrypts", [False, True], ids=["plain", "encrypted"])
async def test_an_account_cookie_that_one_has_written_is_read_by_the_other(services, database, is_begun_here, encrypts):
    options = AccountOptions(encrypts_tokens=encrypts, has_cookie=True)
    async with (
        both(services, database, is_begun_here=is_begun_here, accounts=options) as (first, second),
        httpx.AsyncClient(timeout=60) as client,
    ):
        assert await travel(client, first, "/sign-in/social", "corp") == "/welcome"
        assert "better-auth.account_data" in client.cookies
        tokens = [await post(client, url, "/get-access-token", useAccountCookie=True) for url in (first, second)]
        assert tokens[0] == tokens[1]
        refreshed = await post(client, second, "/refresh-token", useAccountCookie=True)
        again = await post(client, first, "/get-access-token", useAccountCookie=True)
        assert again["accessToken"] == refreshed["accessToken"] != tokens[0]["accessToken"]


async def test_a_user_that_one_has_let_in_is_known_to_the_other(services, database, is_begun_here):
    async with (
        both(services, database, is_begun_here=is_begun_here) as (first, second),
        httpx.AsyncClient(timeout=60) as client,
        httpx.AsyncClient(timeout=60) as phone,
    ):
        assert await travel(client, first, "/sign-in/social", "corp") == "/welcome"
        assert await travel(phone, second, "/sign-in/social", "corp") == "/app"
        users = [(await session(each, second))["user"] for each in (client, phone)]
        assert users[0] == users[1]
        # the second sign-in has brought new tokens, into the same row
        (account,) = await get(client, first, "/list-accounts")
        tokens = [await post(each, first, "/get-access-token", accountId=account["id"]) for each in (client, phone)]
        assert tokens[0] == tokens[1]


async def test_an_account_that_one_has_linked_is_taken_away_by_the_other(services, database, is_begun_here):
    async with (
        both(services, database, is_begun_here=is_begun_here) as (first, second),
        httpx.AsyncClient(timeout=60) as client,
        httpx.AsyncClient(timeout=60) as phone,
    ):
        user = (await post(client, first, "/sign-up/email", **ADA))["user"]
        assert await travel(client, first, "/link-social", "home") == "/app"
        assert await travel(phone, second, "/sign-in/social", "home") == "/app"
        assert (await session(phone, first))["user"]["id"] == user["id"]
        linked = [account for account in await get(client, second, "/list-accounts") if account["providerId"] == "home"]
        assert await post(client, second, "/unlink-account", accountId=linked[0]["id"]) == {"status": True}
        (left,) = await get(client, first, "/list-accounts")
        assert left["providerId"] == "credential"


@pytest.mark.parametrize("path", ["/sign-in/social", "/link-social"])
async def test_a_trip_that_one_has_begun_is_ended_by_the_other(services, database, is_begun_here, path):
    async with (
        both(services, database, is_begun_here=is_begun_here, origin=BASE_URL) as (first, second),
        httpx.AsyncClient(timeout=60) as client,
    ):
        if path == "/link-social":
            await post(client, first, "/sign-up/email", **ADA)
        back = urlsplit(await agree(client, first, path, "home"))
        assert f"{back.scheme}://{back.netloc}" == BASE_URL
        arrived = await client.get(f"{second}{back.path}?{back.query}")
        assert arrived.headers["location"] == ("/welcome" if path == "/sign-in/social" else "/app")
        replayed = await client.get(f"{first}{back.path}?{back.query}")
        assert replayed.headers["location"].endswith("/api/auth/error?error=state_mismatch")
        accounts = [await get(client, url, "/list-accounts") for url in (first, second)]
        assert accounts[0] == accounts[1]
        assert accounts[0][-1]["accountId"] == "ada-7"


@pytest.mark.parametrize("encrypts", [False, True], ids=["plain", "encrypted"])
async def test_whom_one_has_let_in_the_other_signs_out_at_the_provider(services, database, is_begun_here, encrypts):
    async with (
        both(services, database, is_begun_here=is_begun_here, accounts=AccountOptions(encrypts_tokens=encrypts)) as (
            first,
            second,
        ),
        httpx.AsyncClient(timeout=60) as client,
        httpx.AsyncClient(timeout=60) as phone,
    ):
        assert await travel(client, first, "/sign-in/social", "corp") == "/welcome"
        assert await travel(phone, second, "/sign-in/social", "corp") == "/app"
        urls = [(await post(each, second, "/sign-out"))["url"] for each in (client, phone)]
        assert urls[0] == urls[1]  # both sign-ins were of one account, whose ID token is the newest
        assert (await client.get(urls[0])).json() == {"signed_out": "grace-1"}
        assert await session(client, first) is None


async def test_both_choose_the_same_of_several_providers(services, database, is_begun_here):
    services["home"].metadata["end_session_endpoint"] = services["home"].end_session_url
    services["corp"].person |= {"email": "ada@example.com"}
    async with (
        both(services, database, is_begun_here=is_begun_here) as (first, second),
        httpx.AsyncClient(timeout=60) as client,
    ):
        await post(client, first, "/sign-up/email", **ADA)
        for provider, last in (("home", "home"), ("corp", "corp"), ("home", "home")):
            assert await travel(client, first, "/link-social", provider) == "/app"
            for url in (first, second):
                away = (await post(client, url, "/sign-out"))["url"]
                assert away.startswith(f"{services[last].end_session_url}?id_token_hint=")
                await post(client, second, "/sign-in/email", email=ADA["email"], password=ADA["password"])

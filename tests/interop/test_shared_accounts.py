"""Accounts of other services on one SQLite file: Better Auth's own server uses the tokens that we wrote."""

from datetime import timedelta

import httpx
import pytest

from asgi_auth import Auth, AuthConfig
from asgi_auth.clock import utc_now
from asgi_auth.oauth.tokens import Tokens
from tests.grants import ENCRYPTED_WITH_COOKIE, WITH_COOKIE
from tests.servers.live import serve
from tests.servers.node import better_auth_server
from tests.support import ADA, SECRET, whoami


@pytest.mark.parametrize("options", [WITH_COOKIE, ENCRYPTED_WITH_COOKIE], ids=["plain", "encrypted"])
async def test_tokens_written_here_are_given_out_by_better_auth(tmp_path, options):
    database = tmp_path / "shared.sqlite"
    auth = Auth(AuthConfig.development(secret=SECRET, database=f"sqlite:///{database}", accounts=options))
    theirs = {
        "account": {"encryptOAuthTokens": options.encrypts_tokens},
        "socialProviders": {"github": {"clientId": "x", "clientSecret": "y"}},
    }
    async with serve(auth.wrap(whoami)) as here, httpx.AsyncClient(timeout=60) as client:
        signed_up = await client.post(f"{here}/api/auth/sign-up/email", json=ADA, headers={"origin": here})
        expires_at = utc_now() + timedelta(hours=1)
        tokens = Tokens(
            access_token="at-1", refresh_token="rt-1", access_token_expires_at=expires_at, scopes=("a", "b")
        )
        linked = await auth.services.accounts.link(signed_up.json()["user"]["id"], "github", "7", tokens)

        with better_auth_server(database, secret=SECRET, options=theirs) as there:
            given = await client.post(
                f"{there}/api/auth/get-access-token", json={"accountId": linked.id}, headers={"origin": there}
            )
            assert given.json() == {
                "accessToken": "at-1",
                "accessTokenExpiresAt": expires_at.iso(),
                "scopes": ["a", "b"],
            }
            listed = [
                (await client.get(f"{url}/api/auth/list-accounts", headers={"origin": url})).json()
                for url in (here, there)
            ]
            assert listed[0] == listed[1]

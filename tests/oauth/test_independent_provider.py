"""The round trip against a provider that others wrote, in a process of its own and by the real clock."""

from __future__ import annotations

import secrets
import sys
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from asgi_auth.clock import utc_now
from asgi_auth.oauth.client import AuthorizationRequest
from asgi_auth.oauth.errors import ProviderFailed
from asgi_auth.providers import GenericOAuth
from tests.servers.machine import running

CALLBACK = "http://app.test/api/auth/callback/mock"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"


@pytest.fixture(scope="module")
def mock_url(tmp_path_factory):
    """The issuer of an ``oidc-provider-mock`` that wants a nonce."""
    log = tmp_path_factory.mktemp("oidc") / "log"
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", "0", "--require-nonce"]
    with running(command, ready=r"running on (http://[\d.]+:\d+)", log=log) as found:
        yield found.group(1)


def declared(url, way):
    return GenericOAuth(
        id="mock",
        client_id="any",
        client_secret="any-secret",
        discovery_url=f"{url}/.well-known/openid-configuration",
        client_authentication=way,
        scopes=("openid", "email", "profile"),
    )


def introduce(url, **claims):
    httpx.put(f"{url}/users/ada", json=claims).raise_for_status()


def agree(url):
    """Be the person: agree in the provider's form, and return what the browser is sent back with."""
    response = httpx.post(url, data={"sub": "ada", "action": "authorize"}, timeout=60)
    assert response.status_code == 302, response.text
    return dict(parse_qsl(urlsplit(response.headers["location"]).query))


@pytest.mark.parametrize("way", ["client_secret_post", "client_secret_basic"])
async def test_a_person_comes_back_and_is_known(make_client, mock_url, way):
    introduce(mock_url, email="ada@example.com", email_verified=True, name="Ada")
    provider, nonce = declared(mock_url, way), secrets.token_urlsafe()
    client = make_client(provider, clock=utc_now)
    request = AuthorizationRequest(state="s", redirect_uri=CALLBACK, code_verifier=VERIFIER, nonce=nonce)
    back = agree(await client.authorization_url(provider, request))
    assert back["state"] == "s"

    tokens = await client.exchange(provider, code=back["code"], redirect_uri=CALLBACK, code_verifier=VERIFIER)
    profile = await client.profile(provider, tokens, nonce=nonce)
    assert (profile.id, profile.email, profile.is_email_verified) == ("ada", "ada@example.com", True)
    assert profile.name == "Ada"
    with pytest.raises(ProviderFailed, match="nonce"):
        await client.profile(provider, tokens, nonce="another")
    with pytest.raises(ProviderFailed, match="invalid_grant"):
        await client.exchange(provider, code=back["code"], redirect_uri=CALLBACK, code_verifier=VERIFIER)


async def test_a_refresh_token_gives_new_tokens(make_client, mock_url):
    provider = declared(mock_url, "client_secret_basic")  # the only way in which this provider takes them
    client = make_client(provider, clock=utc_now)
    request = AuthorizationRequest(state="s", redirect_uri=CALLBACK, nonce=secrets.token_urlsafe())
    back = agree(await client.authorization_url(provider, request))
    tokens = await client.exchange(provider, code=back["code"], redirect_uri=CALLBACK)
    renewed = await client.refresh(provider, tokens.refresh_token)
    assert renewed.access_token != tokens.access_token
    assert renewed.access_token_expires_at > utc_now()

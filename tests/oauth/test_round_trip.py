"""From the URL that a person is sent to, to who it is: against a provider that answers rightly."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest

from asgi_auth.oauth.client import AuthorizationRequest
from asgi_auth.oauth.errors import ProviderFailed

CALLBACK = "http://app.test/api/auth/callback/corp"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"


def asking(**changes):
    return AuthorizationRequest(
        **{"state": "a-state", "redirect_uri": CALLBACK, "code_verifier": VERIFIER, "nonce": "a-nonce", **changes}
    )


async def came_back(client, provider, oidc, **changes):
    """The tokens of a person who has been to the provider."""
    request = asking(**changes)
    back = await oidc.visit(await client.authorization_url(provider, request))
    assert back["state"] == request.state
    return await client.exchange(
        provider, code=back["code"], redirect_uri=CALLBACK, code_verifier=request.code_verifier
    )


async def test_a_person_comes_back_with_tokens_that_tell_who_it_is(client, provider, oidc, clock):
    tokens = await came_back(client, provider, oidc)
    profile = await client.profile(provider, tokens, nonce="a-nonce")
    assert (profile.id, profile.email, profile.is_email_verified) == ("grace-1", "grace@example.com", True)
    assert (profile.name, profile.image) == ("Grace", "https://example.com/grace.png")
    assert tokens.access_token_expires_at == clock() + timedelta(hours=1)
    assert tokens.scopes == ("openid", "email")
    assert oidc.count("/userinfo") == 0


@pytest.mark.parametrize("way", ["client_secret_post", "client_secret_basic"])
async def test_the_client_proves_itself_as_the_provider_wants(make_client, provider, oidc, way):
    provider = dataclasses.replace(provider, client_authentication=way)
    tokens = await came_back(make_client(provider), provider, oidc)
    assert tokens.access_token


async def test_a_public_client_has_no_secret_to_send(make_client, provider, oidc):
    oidc.client_secret = None
    provider = dataclasses.replace(provider, client_secret=None, client_authentication="none")
    tokens = await came_back(make_client(provider), provider, oidc)
    assert tokens.access_token
    assert "client_secret" not in oidc.requests[-1][2]


async def test_a_refresh_token_gives_new_tokens(client, provider, oidc):
    tokens = await came_back(client, provider, oidc)
    again = await client.refresh(provider, tokens.refresh_token)
    assert again.access_token != tokens.access_token
    with pytest.raises(ProviderFailed, match="invalid_grant"):
        await client.refresh(provider, tokens.refresh_token)


async def test_a_code_serves_only_with_its_verifier(client, provider, oidc):
    back = await oidc.visit(await client.authorization_url(provider, asking()))
    with pytest.raises(ProviderFailed, match="invalid_grant"):
        await client.exchange(provider, code=back["code"], redirect_uri=CALLBACK, code_verifier="another" * 8)

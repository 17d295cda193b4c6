"""Accounts at the tests' own provider: people who have been there, and what they came back with."""

from __future__ import annotations

from asgi_auth import Account, AccountOptions, Auth, SocialOptions
from asgi_auth.oauth.client import AuthorizationRequest
from asgi_auth.oauth.tokens import Tokens
from asgi_auth.providers import GenericOAuth
from tests.servers.oidc import OidcServer

PROVIDER = "corp"
REDIRECT_URI = "http://app.test/api/auth/callback/corp"


def social_options(oidc: OidcServer) -> SocialOptions:
    """The tests' provider as the only one."""
    provider = GenericOAuth(
        id=PROVIDER,
        client_id=oidc.client_id,
        client_secret=oidc.client_secret,
        discovery_url=oidc.discovery_url,
        scopes=("openid", "email"),
        uses_pkce=False,
    )
    return SocialOptions(providers=(provider,), allows_private_addresses=True)


async def granted(auth: Auth, oidc: OidcServer) -> Tokens:
    """The tokens of somebody who has just been at the provider."""
    oauth = auth.services.oauth
    provider = oauth.find(PROVIDER)
    assert provider is not None
    asking = AuthorizationRequest(state="a-state", redirect_uri=REDIRECT_URI)
    back = await oidc.visit(await oauth.authorization_url(provider, asking))
    return await oauth.exchange(provider, code=back["code"], redirect_uri=REDIRECT_URI)


async def link(auth: Auth, oidc: OidcServer, user_id: str, account_id: str = "grace-1") -> Account:
    """Give a user an account at the provider, with tokens that it takes."""
    return await auth.services.accounts.link(user_id, PROVIDER, account_id, await granted(auth, oidc))


ENCRYPTED = AccountOptions(encrypts_tokens=True)
WITH_COOKIE = AccountOptions(has_cookie=True)
ENCRYPTED_WITH_COOKIE = AccountOptions(encrypts_tokens=True, has_cookie=True)

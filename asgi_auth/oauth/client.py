"""Requests to providers: where to send people, and what to make of what they come back with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import httpx2
from authlib.integrations.httpx_client import OAuthError

from asgi_auth.clock import Clock
from asgi_auth.oauth.authlib_client import FORM_HEADERS, authlib_client
from asgi_auth.oauth.authorization import AuthorizationRequest, build_authorization_url
from asgi_auth.oauth.errors import ProviderFailed
from asgi_auth.oauth.id_token import Expected, SignedToken
from asgi_auth.oauth.server import ProviderServer, required
from asgi_auth.oauth.sign_out import SignOutRequest, build_sign_out_url
from asgi_auth.oauth.token_answer import read_tokens, refusal
from asgi_auth.oauth.tokens import Tokens
from asgi_auth.oauth.transport import Transport
from asgi_auth.providers import Profile, Provider
from asgi_auth.providers.claims import Claims

__all__ = ["AuthorizationRequest", "OAuthClient", "SignOutRequest"]

_OF_ADDRESS = frozenset({"email", "email_verified"})
"""Claims that belong together: nobody vouches for an address that somebody else tells."""


class OAuthClient:
    """All requests of one Auth to its providers. Every method but ``find`` may raise ProviderFailed.

    Args:
        providers: each id once.
        clock: for lifetimes.
        timeout: for one request.
        allows_private_addresses: see SocialOptions.
        transport: another way out, for tests (default: one with the two options before).

    Nothing is connected, read or started before the first request.
    """

    def __init__(
        self,
        providers: Sequence[Provider],
        *,
        clock: Clock,
        timeout: timedelta,
        allows_private_addresses: bool,
        transport: Transport | None = None,
    ) -> None:
        self._clock = clock
        self._transport = transport or Transport(timeout=timeout, allows_private_addresses=allows_private_addresses)
        self._servers = {
            provider.id: ProviderServer(provider, clock=clock, transport=self._transport) for provider in providers
        }

    def find(self, provider_id: str) -> Provider | None:
        """The provider of this id, or None."""
        server = self._servers.get(provider_id)
        return None if server is None else server.provider

    async def authorization_url(self, provider: Provider, request: AuthorizationRequest) -> str:
        """Where to send a person."""
        endpoints = await self._servers[provider.id].endpoints()
        url = required(endpoints.authorization_url, "authorization endpoint")
        self._transport.check_scheme(url.partition(":")[0].lower())
        return build_authorization_url(provider, url, request)

    @property
    def may_sign_out(self) -> bool:
        """Whether signing out here may go on at any of the providers."""
        return any(server.provider.may_sign_out for server in self._servers.values())

    async def sign_out_url(self, provider: Provider, request: SignOutRequest) -> str | None:
        """Where to send a person who has signed out here; None where signing out ends here."""
        if not provider.may_sign_out:
            return None
        endpoint = provider.end_session_url or (await self._servers[provider.id].endpoints()).end_session_url
        if not endpoint:
            return None
        url = build_sign_out_url(provider, endpoint, request)
        self._transport.check_scheme(url.partition(":")[0])  # as browsers read it, not as it was written
        return url

    async def is_issuer(self, provider: Provider, issuer: str) -> bool:
        """Whether ``iss`` of a callback names this provider (RFC 9207, 2.4: it is compared whole)."""
        endpoints = await self._servers[provider.id].endpoints()
        return issuer == endpoints.issuer or provider.is_issuer(issuer, {})

    async def exchange(
        self, provider: Provider, *, code: str, redirect_uri: str, code_verifier: str | None = None
    ) -> Tokens:
        """The tokens for a code (RFC 6749, 4.1.3)."""
        fields = {"code": code, "redirect_uri": redirect_uri}
        if provider.uses_pkce and code_verifier is not None:
            fields["code_verifier"] = code_verifier
        return await self._ask_for_tokens(provider, "fetch_token", grant_type="authorization_code", **fields)

    async def refresh(self, provider: Provider, refresh_token: str) -> Tokens:
        """New tokens for a refresh token (RFC 6749, 6); with the same one where the provider gives no other."""
        return await self._ask_for_tokens(provider, "refresh_token", refresh_token=refresh_token)

    async def _ask_for_tokens(self, provider: Provider, method: str, **fields: str) -> Tokens:
        endpoints = await self._servers[provider.id].endpoints()
        url = required(endpoints.token_url, "token endpoint")
        now = self._clock()
        try:
            async with authlib_client(provider, self._transport, secret=provider.current_secret(now)) as client:
                answer = await getattr(client, method)(url, headers=dict(FORM_HEADERS), **fields)
        except OAuthError as error:
            raise refusal(error.error) from None
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError, TypeError, ArithmeticError, RecursionError) as error:
            raise ProviderFailed(f"an answer without tokens: {type(error).__name__}") from None
        # expires_at is Authlib's own, by the system's clock
        return read_tokens({name: value for name, value in answer.items() if name != "expires_at"}, now=now)

    async def profile(
        self, provider: Provider, tokens: Tokens, *, nonce: str | None = None, given: Claims | None = None
    ) -> Profile:
        """Whose tokens these are: by a verified ID token or by the provider's user-info endpoint.

        An ID token is taken where the provider's keys can be had; the user-info endpoint is asked where there is none,
        or where it tells no address. ``given`` is what came with the callback itself (Apple sends the name there,
        once); nobody signed it, and ``Provider.with_given`` decides what is taken of it.
        """
        claims = await self._claims(provider, tokens, nonce)
        return _read(provider, claims if given is None else provider.with_given(claims, given))

    async def stored_profile(self, provider: Provider, tokens: Tokens) -> Profile:
        """Whose tokens these are that were stored: what the provider says now, where it can be asked.

        Elsewhere what it said in the ID token, which was verified when it came. Since then it has expired, and the key
        may be withdrawn: it proves nothing any more, and lets nobody in.
        """
        endpoints = await self._servers[provider.id].endpoints()
        if endpoints.user_info_url is None:
            return _read(provider, SignedToken(tokens.id_token or "").claims())
        return _read(provider, await self._claims(provider, replace(tokens, id_token=None), None))

    async def _claims(self, provider: Provider, tokens: Tokens, nonce: str | None) -> Claims:
        server = self._servers[provider.id]
        endpoints = await server.endpoints()
        signed: Claims = {}
        if tokens.id_token is not None and endpoints.jwks_url is not None and provider.has_id_tokens:
            signed = await self.verify_id_token(
                provider, tokens.id_token, nonce=nonce, access_token=tokens.access_token
            )
        elif nonce is not None:
            raise ProviderFailed("no ID token to hold the nonce")
        if tokens.access_token is None:
            return signed
        told: Claims = {}
        if endpoints.user_info_url is not None and (provider.more_claims or not signed.get("email")):
            told = await server.user_info(tokens.access_token)
            if signed and told.get("sub", told.get("id")) != signed["sub"]:
                # OpenID Connect Core, 5.3.2
                raise ProviderFailed("the ID token is of another person than the access token")
        if not signed.get("email"):
            signed = {name: value for name, value in signed.items() if name not in _OF_ADDRESS}
        return {**told, **await server.more_claims(tokens.access_token), **signed}

    async def verify_id_token(
        self, provider: Provider, id_token: str, *, nonce: str | None = None, access_token: str | None = None
    ) -> Claims:
        """The claims of an ID token (OpenID Connect Core, 3.1.3.7).

        Args:
            provider: whose it is said to be.
            id_token: as it came.
            nonce: what was sent with the person; None where nothing was.
            access_token: what came with it, to be compared with ``at_hash`` if the token has one.
        """
        token = SignedToken(id_token)
        server = self._servers[provider.id]
        key = await server.keys.get(kid=token.kid, algorithm=token.algorithm)
        issuer = (await server.endpoints()).issuer
        expected = Expected(provider=provider, issuer=issuer, now=self._clock(), nonce=nonce, access_token=access_token)
        return token.verified(key, expected)

    async def close(self) -> None:
        """Give up what is under way; connections end with their requests."""
        for server in self._servers.values():
            await server.close()


def _read(provider: Provider, claims: Claims) -> Profile:
    try:
        return provider.profile(claims)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise ProviderFailed(f"the provider does not say who it is: {type(error).__name__}") from None

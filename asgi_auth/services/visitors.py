"""Who stands behind what a provider sends: by the code of a callback, or by an ID token."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from asgi_auth.errors import IdTokenNotSupported, InvalidIdToken, ProviderNotFound, Unavailable, UserInfoMissing
from asgi_auth.oauth.client import OAuthClient
from asgi_auth.oauth.errors import ProviderFailed, ProviderUnreachable
from asgi_auth.providers.base import Provider
from asgi_auth.services.linking import Visitor
from asgi_auth.services.oauth_state import OAuthState
from asgi_auth.services.social_trip import CallbackRefused, OfferedIdToken, ProviderAnswer

_logger = structlog.get_logger("asgi_auth.social")


class VisitorService:
    """Asks providers who it is that comes from them."""

    def __init__(self, oauth: OAuthClient) -> None:
        self._oauth = oauth

    def provider(self, provider_id: str) -> Provider:
        """The provider of this id; raises ProviderNotFound."""
        provider = self._oauth.find(provider_id)
        if provider is None:
            raise ProviderNotFound
        return provider

    async def by_answer(self, state: OAuthState, answer: ProviderAnswer) -> Visitor:
        """Who has come back with a state that has just been claimed; raises CallbackRefused or UserInfoMissing."""
        provider = self._answering(state, answer)
        fault = CallbackRefused("invalid_code", is_fault=True)
        with _failing_as(provider, CallbackRefused("invalid_code"), fault=fault):
            await self._check_issuer(provider, answer.issuer)
            tokens = await self._oauth.exchange(
                provider,
                code=answer.code or "",
                redirect_uri=redirect_uri(provider, answer.base_url),
                code_verifier=state.code_verifier,
            )
        fault = CallbackRefused("unable_to_get_user_info", is_fault=True)
        with _failing_as(provider, UserInfoMissing(), fault=fault):
            profile = await self._oauth.profile(provider, tokens, nonce=state.id_token_nonce, given=answer.given)
        return Visitor(provider=provider, profile=profile, tokens=tokens)

    async def by_id_token(self, offered: OfferedIdToken) -> Visitor:
        """Whose an ID token is.

        Raises ProviderNotFound, IdTokenNotSupported, InvalidIdToken, UserInfoMissing, or Unavailable where the
        provider cannot be asked: that says nothing of the token.
        """
        provider, id_token = self.provider(offered.provider_id), offered.tokens.id_token or ""
        if not (provider.accepts_id_tokens and provider.has_id_tokens):
            raise IdTokenNotSupported
        tokens, nonce = offered.tokens, offered.nonce
        with _failing_as(provider, InvalidIdToken(), fault=Unavailable()):
            await self._oauth.verify_id_token(provider, id_token, nonce=nonce)
        with _failing_as(provider, UserInfoMissing(), fault=Unavailable()):
            profile = await self._oauth.profile(provider, tokens, nonce=nonce, given=offered.given)
        return Visitor(provider=provider, profile=profile, tokens=tokens)

    def _answering(self, state: OAuthState, answer: ProviderAnswer) -> Provider:
        """The provider of an answer that may be gone into; raises CallbackRefused."""
        if answer.error:
            raise CallbackRefused(answer.error, answer.error_description)
        if not answer.code:
            raise CallbackRefused("no_code")
        provider = self._oauth.find(answer.provider_id)
        if provider is None:
            raise CallbackRefused("oauth_provider_not_found")
        if state.for_provider not in (None, provider.id):
            # Another provider's code, which must not reach this one (RFC 9207, 1: mix-up attacks).
            raise CallbackRefused("invalid_code")
        if provider.uses_nonce and state.id_token_nonce is None:
            raise CallbackRefused("nonce_binding_missing")
        return provider

    async def _check_issuer(self, provider: Provider, issuer: str | None) -> None:
        """Whether the provider that was asked is the one that answers, where it tells (RFC 9207, 2.4)."""
        if issuer is None:
            if provider.requires_issuer:
                raise CallbackRefused("issuer_missing")
            return
        is_known = bool(provider.issuers) or provider.discovery_url is not None
        if is_known and not await self._oauth.is_issuer(provider, issuer):
            raise CallbackRefused("issuer_mismatch")


def redirect_uri(provider: Provider, base_url: str) -> str:
    """Where a provider sends people back to: as registered there, else below our endpoints."""
    return provider.redirect_uri or f"{base_url}/callback/{provider.id}"


def told(provider: Provider, error: ProviderFailed) -> None:
    """Log what a provider did; its refusals hold no secret."""
    _logger.warning("social.provider_failed", provider=provider.id, reason=str(error))


@contextmanager
def _failing_as(provider: Provider, verdict: Exception, *, fault: Exception) -> Iterator[None]:
    """What it means here that a provider fails: ``fault`` where it cannot be asked, else ``verdict``."""
    try:
        yield
    except ProviderFailed as error:
        told(provider, error)
        raise (fault if isinstance(error, ProviderUnreachable) else verdict) from None

"""One provider's server: what it says of itself, asked for when first needed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from asgi_auth.clock import Clock
from asgi_auth.oauth.documents import Refused, get_json, get_object
from asgi_auth.oauth.endpoints import Endpoints, declared, discovered
from asgi_auth.oauth.errors import ProviderFailed
from asgi_auth.oauth.keys import ProviderKeys
from asgi_auth.oauth.remembered import Remembered
from asgi_auth.oauth.transport import Transport
from asgi_auth.providers import Provider
from asgi_auth.providers.claims import Claims

DISCOVERY_LIFETIME = timedelta(hours=1)
"""How long a discovery document is believed."""


class ProviderServer:
    """A provider and how to ask it. Raises ProviderFailed."""

    def __init__(self, provider: Provider, *, clock: Clock, transport: Transport) -> None:
        self.provider = provider
        self.transport = transport
        self.keys = ProviderKeys(self._keys_document, clock=clock)
        self._endpoints = Remembered(self._discover, lifetime=DISCOVERY_LIFETIME, clock=clock)

    async def endpoints(self) -> Endpoints:
        """Its URLs."""
        return declared(self.provider) if self.provider.discovery_url is None else await self._endpoints.get()

    async def _discover(self) -> Endpoints:
        document = await get_object(self.transport, required(self.provider.discovery_url, "discovery document"))
        return discovered(self.provider, document)

    async def _keys_document(self) -> Mapping[str, object]:
        return await get_object(self.transport, required((await self.endpoints()).jwks_url, "document of its keys"))

    async def user_info(self, access_token: str) -> Claims:
        """What it says of the person whom an access token is of (OpenID Connect Core, 5.3)."""
        url = required((await self.endpoints()).user_info_url, "user-info endpoint")
        claims = await get_object(self.transport, url, headers=self._headers(access_token))
        if "error" in claims:
            # Slack says so with status 200
            raise Refused("the provider refused to say who it is")
        return claims

    async def more_claims(self, access_token: str) -> Claims:
        """What it says at other URLs, as far as it says it."""
        claims: dict[str, object] = {}
        for name, url in self.provider.more_claims.items():
            try:
                claims[name] = await get_json(self.transport, url, headers=self._headers(access_token))
            except Refused:
                continue
        return claims

    def _headers(self, access_token: str) -> Mapping[str, str]:
        return {**self.provider.user_info_headers, "authorization": f"Bearer {access_token}"}

    async def close(self) -> None:
        """Give up what is under way."""
        await self._endpoints.close()
        await self.keys.close()


def required(url: str | None, what: str) -> str:
    """A URL that there has to be; raises ProviderFailed where it is None."""
    if url is None:
        raise ProviderFailed(f"the provider has no {what}")
    return url

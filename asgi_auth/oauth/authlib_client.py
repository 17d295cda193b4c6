"""Authlib's client, set up for one request to a token endpoint."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote_plus

import httpx2
from authlib.integrations.httpx_client import AsyncOAuth2Client

from asgi_auth.oauth.documents import HEADERS, as_object, parse_json
from asgi_auth.oauth.errors import ProviderFailed
from asgi_auth.oauth.transport import Transport
from asgi_auth.providers import Provider

FORM_HEADERS: Mapping[str, str] = {**HEADERS, "content-type": "application/x-www-form-urlencoded"}


def authlib_client(provider: Provider, transport: Transport, *, secret: str | None) -> AsyncOAuth2Client:
    """A client for one request: it keeps the tokens that it got, which are nobody else's.

    It proves who we are as the provider declares; without a secret it says only who we are.
    """
    way = "none" if secret is None else provider.client_authentication
    client_id = provider.client_id
    if way == "client_secret_basic":
        # RFC 6749, 2.3.1: both are encoded like a form first, which Authlib leaves to us
        client_id, secret = quote_plus(client_id), quote_plus(secret or "")
    client = AsyncOAuth2Client(client_id, secret, token_endpoint_auth_method=way, transport=transport, trust_env=False)
    for hook in ("access_token_response", "refresh_token_response"):
        client.register_compliance_hook(hook, _checked)
    return client


def _checked(response: httpx2.Response) -> httpx2.Response:
    """An answer that Authlib may read: a JSON object, and with an error if it is a refusal."""
    answer = as_object(parse_json(response.content))
    if response.status_code >= httpx2.codes.BAD_REQUEST and "error" not in answer:
        raise ProviderFailed(f"the provider refused ({response.status_code})")
    return response

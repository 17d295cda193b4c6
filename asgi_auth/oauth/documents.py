"""JSON that is asked for at a provider, and nothing that is no JSON."""

from __future__ import annotations

from collections.abc import Mapping

import httpx2
import msgspec

from asgi_auth.oauth.errors import ProviderFailed
from asgi_auth.oauth.transport import Transport

HEADERS: Mapping[str, str] = {"accept": "application/json", "user-agent": "asgi-auth"}
"""Sent with every request; some providers refuse those without a name."""


class Refused(ProviderFailed):
    """The provider answered a request with a status of 4xx."""


async def get_json(transport: Transport, url: str, *, headers: Mapping[str, str] | None = None) -> object:
    """The JSON at a URL; raises ProviderFailed where there is none."""
    try:
        async with httpx2.AsyncClient(
            transport=transport, trust_env=False, headers={**HEADERS, **(headers or {})}
        ) as client:
            response = await client.get(url)
    except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
        raise ProviderFailed(f"a request that cannot be made: {type(error).__name__}") from None
    if response.status_code != httpx2.codes.OK:
        raise Refused(f"the provider refused ({response.status_code})")
    return parse_json(response.content)


async def get_object(
    transport: Transport, url: str, *, headers: Mapping[str, str] | None = None
) -> Mapping[str, object]:
    """Likewise, of an object."""
    return as_object(await get_json(transport, url, headers=headers))


def as_object(document: object) -> Mapping[str, object]:
    """JSON that has to be an object; raises ProviderFailed where it is none."""
    if not isinstance(document, dict):
        raise ProviderFailed("an answer that is no JSON object")
    return document


def parse_json(content: bytes) -> object:
    """JSON as RFC 8259 has it: no NaN, no half of a surrogate pair, no abyss of brackets."""
    try:
        return msgspec.json.decode(content)
    except (ValueError, RecursionError):
        raise ProviderFailed("an answer that is no JSON") from None

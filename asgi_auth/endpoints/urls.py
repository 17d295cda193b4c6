"""URLs that callers give: which of them may be followed, and what is added to them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import urlencode

import ada_url

from asgi_auth.endpoints.call import Call
from asgi_auth.endpoints.errors import UrlIsNoText
from asgi_auth.errors import InvalidRequest, UntrustedUrl

URL_FIELDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "callbackURL": ("callbackURL", "INVALID_CALLBACK_URL"),
        "redirectTo": ("redirectURL", "INVALID_REDIRECT_URL"),
        "errorCallbackURL": ("errorCallbackURL", "INVALID_ERROR_CALLBACK_URL"),
        "newUserCallbackURL": ("newUserCallbackURL", "INVALID_NEW_USER_CALLBACK_URL"),
    }
)
"""Fields that hold URLs, with what a refusal calls them and its code."""


def check_url(call: Call, url: object, field: str = "callbackURL") -> None:
    """Refuse a URL that leads to a place nobody trusts; raises UrlIsNoText or UntrustedUrl."""
    name, code = URL_FIELDS[field]
    if not isinstance(url, str):
        raise UrlIsNoText(name)
    if not call.trusts(url):
        raise UntrustedUrl(code, name)


def resolved(call: Call, url: str, **parameters: str) -> str:
    """A trusted URL in full, relative ones below our own origin, with parameters in place of those of the same names.

    As browsers resolve it and JavaScript's ``searchParams.set`` writes it (WHATWG URL). Raises InvalidRequest where
    neither the configuration nor the request says what our origin is (RFC 9112, 3.2: one valid Host).
    """
    try:
        target = ada_url.URL(url, call.base_url)
    except ValueError:
        raise InvalidRequest("Invalid Host header") from None
    query = ada_url.URLSearchParams(target.search)
    for name, value in parameters.items():
        query.set(name, value)
    target.search = str(query)
    return str(target.href)


def in_full(call: Call, url: str) -> str | None:
    """A trusted URL, relative ones below our own origin; None where nobody has said which that is."""
    try:
        return str(ada_url.URL(url, call.base_url).href)
    except ValueError:
        return None


def with_query(url: str, **added: str | None) -> str:
    """A URL with parameters added behind those it has, before its fragment; None adds nothing."""
    query = urlencode({name: value for name, value in added.items() if value is not None})
    if not query:
        return url
    address, mark, fragment = url.partition("#")
    return f"{address}{'&' if '?' in address else '?'}{query}{mark}{fragment}"

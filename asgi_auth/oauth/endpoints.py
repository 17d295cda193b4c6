"""Where a provider is: what is declared, and the rest from its discovery document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import ada_url

from asgi_auth.oauth.errors import ProviderFailed
from asgi_auth.providers import Provider

_OPENID_SUFFIX = "/.well-known/openid-configuration"
_OAUTH_SUFFIX = "/.well-known/oauth-authorization-server"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """A provider's URLs, as in ``Provider``, and the ``iss`` that its discovery document tells."""

    authorization_url: str | None = None
    token_url: str | None = None
    user_info_url: str | None = None
    jwks_url: str | None = None
    end_session_url: str | None = None
    issuer: str | None = None


def declared(provider: Provider) -> Endpoints:
    """What the declaration says by itself."""
    return Endpoints(
        authorization_url=provider.authorization_url,
        token_url=provider.token_url,
        user_info_url=provider.user_info_url,
        jwks_url=provider.jwks_url,
        end_session_url=provider.end_session_url,
    )


def discovered(provider: Provider, document: Mapping[str, object]) -> Endpoints:
    """What the declaration says, filled from the provider's discovery document.

    Raises ProviderFailed for a document whose ``issuer`` is not the one it was asked of: whoever could serve another
    issuer's document would speak in its name (OpenID Connect Discovery, 4.3; RFC 8414, 3.3). An issuer that is declared
    may have its document elsewhere.
    """
    issuer = _text(document, "issuer") or ""
    if provider.discovery_url not in _documents_of(issuer) and issuer not in provider.issuers:
        raise ProviderFailed("the discovery document is of another issuer")
    return Endpoints(
        authorization_url=provider.authorization_url or _text(document, "authorization_endpoint"),
        token_url=provider.token_url or _text(document, "token_endpoint"),
        user_info_url=provider.user_info_url or _text(document, "userinfo_endpoint"),
        jwks_url=provider.jwks_url or _text(document, "jwks_uri"),
        end_session_url=provider.end_session_url or _text_if_any(document, "end_session_endpoint"),
        issuer=issuer,
    )


def openid_document_of(issuer: str) -> str:
    """Where an issuer has its discovery document (OpenID Connect Discovery, 4)."""
    return issuer.removesuffix("/") + _OPENID_SUFFIX


def with_params(endpoint: str, params: Mapping[str, str], *, what: str) -> str:
    """An endpoint's URL with parameters set, beside those it has already; raises ProviderFailed where it is none."""
    try:
        url = ada_url.URL(endpoint)
    except ValueError:
        raise ProviderFailed(f"the {what} is no URL") from None
    query = ada_url.URLSearchParams(url.search)
    for name, value in params.items():
        query.set(name, value)
    url.search = str(query)
    return str(url.href)


def _documents_of(issuer: str) -> tuple[str, ...]:
    """Where the document of an issuer is: OpenID Connect's place behind its path, RFC 8414's before it."""
    scheme, _, rest = issuer.partition("://")
    host, slash, path = rest.rstrip("/").partition("/")
    base = issuer.removesuffix("/")
    return (
        openid_document_of(issuer),
        base + _OAUTH_SUFFIX,
        f"{scheme}://{host}{_OAUTH_SUFFIX}{slash}{path}",
    )


def _text(document: Mapping[str, object], name: str) -> str | None:
    value = document.get(name)
    if value is None or isinstance(value, str):
        return value
    raise ProviderFailed(f"the discovery document's {name} is no text")


def _text_if_any(document: Mapping[str, object], name: str) -> str | None:
    """Likewise, of what nobody needs to sign in: nonsense there keeps no one outside."""
    value = document.get(name)
    return value if isinstance(value, str) else None

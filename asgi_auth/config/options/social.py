"""Signing in with the account of another service."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from asgi_auth.config.options.checks import check_types, require
from asgi_auth.providers.base import Provider

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_PASSWORDS = "credential"
"""Under this name the table of accounts holds passwords, by the ids of users."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SocialOptions:
    """Signing in with the account of another service (OAuth 2.0, OpenID Connect).

    Attributes:
        providers: the services, ``Google(client_id=..., client_secret=...)`` and so on, each id once (default none).
        timeout: for one request to a provider (default 10 seconds).
        allows_private_addresses: providers may live on loopback, private and link-local addresses, and speak http: for
            development and for providers of one's own network (default False: requests go to public addresses by
            https alone, OWASP ASVS 5.0, V15.3.2).

    Raises ConfigurationError for a provider whose URLs no request would go to, or whose id could not be one: letters,
    digits, ``.``, ``_``, ``-``, and not "credential", which is the provider of passwords.
    """

    providers: tuple[Provider, ...] = ()
    timeout: timedelta = timedelta(seconds=10)
    allows_private_addresses: bool = False

    def __post_init__(self) -> None:
        check_types(self, "social")
        for provider in self.providers:
            check_types(provider, provider.id, kind=Provider)
        ids = [provider.id for provider in self.providers]
        require(len(set(ids)) == len(ids), "social.providers: each id once")
        for provider_id in ids:
            require(
                _ID.fullmatch(provider_id) and provider_id != _PASSWORDS, f"social.providers: {provider_id!r} is no id"
            )
        require(self.timeout > timedelta(), "social.timeout: positive")
        is_open = self.allows_private_addresses
        schemes = ("https://", "http://") if is_open else ("https://",)
        wanted = "https:// or http://" if is_open else "https:// (allows_private_addresses takes http:// too)"
        for provider in self.providers:
            for name, url in _urls(provider).items():
                require(
                    url is None or url.startswith(schemes),
                    f"social.providers: {name} of {provider.id} begins with {wanted}",
                )


def _urls(provider: Provider) -> Mapping[str, str | None]:
    """Every URL of a declaration, by its name."""
    return {
        "authorization_url": provider.authorization_url,
        "token_url": provider.token_url,
        "user_info_url": provider.user_info_url,
        "end_session_url": provider.end_session_url,
        "discovery_url": provider.discovery_url,
        "jwks_url": provider.jwks_url,
        **provider.more_claims,
    }

"""Names and attributes of the cookies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from asgi_auth.asgi.cookies import SameSite, is_token
from asgi_auth.config.options.checks import check_types, require


@dataclass(frozen=True, slots=True, kw_only=True)
class CookieOverride:
    """What is different about one cookie; None leaves it as CookieOptions say.

    Attributes:
        name: the whole name but for ``__Secure-``.
        path: the paths it is sent to.
        domain: the host whose sub-domains get it too.
        same_site: "Lax", "Strict" or "None".
    """

    name: str | None = None
    path: str | None = None
    domain: str | None = None
    same_site: SameSite | None = None

    def __post_init__(self) -> None:
        check_types(self, "cookies.overrides")


@dataclass(frozen=True, slots=True, kw_only=True)
class CookieOptions:
    """Names and attributes of the cookies.

    Attributes:
        prefix: the first part of each name (default "better-auth").
        is_secure: Secure and ``__Secure-``; None (default) decides by ``base_url``.
        spans_subdomains: cookies carry Domain, and so reach sub-domains (default False: this host only).
        domain: that Domain (default None: the host of ``base_url``).
        same_site: default "Lax"; "None" makes them Secure. "Strict" leaves the "state" cookie of trips to providers
            Lax, which would never come back otherwise, unless ``overrides`` says so of it.
        is_partitioned: CHIPS (default False); makes them Secure.
        forbids_caching: answers that carry a credential or set a cookie must not be stored by caches (default True;
            Better Auth says so of /get-session alone).
        overrides: what is different about single cookies, by key ("session_token", "dont_remember", "session_data",
            "state", "account_data").
    """

    prefix: str = "better-auth"
    is_secure: bool | None = None
    spans_subdomains: bool = False
    domain: str | None = None
    same_site: SameSite = "Lax"
    is_partitioned: bool = False
    forbids_caching: bool = True
    overrides: Mapping[str, CookieOverride] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_types(self, "cookies")
        names = [override.name for override in self.overrides.values() if override.name is not None]
        for name in (self.prefix, *names):
            require(is_token(name), "cookie names are tokens (RFC 6265, 4.1.1): no spaces, no separators")

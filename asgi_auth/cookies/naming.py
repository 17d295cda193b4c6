"""What our cookies are called and where they go, as configured."""

from __future__ import annotations

import ada_url

from asgi_auth.asgi.cookies import CookieAttributes
from asgi_auth.config import AuthConfig


class CookieNaming:
    """The names and attributes of one configuration's cookies, by their key (Better Auth's contract, 20-cookies)."""

    def __init__(self, config: AuthConfig) -> None:
        self._config = config

    def name(self, key: str) -> str:
        """The full name: ``session_token`` is ``better-auth.session_token``, with ``__Secure-`` where it is secure."""
        override = self._config.cookies.overrides.get(key)
        name = (override and override.name) or f"{self._config.cookies.prefix}.{key}"
        return f"__Secure-{name}" if self._config.has_secure_cookies else name

    def attributes(self, key: str) -> CookieAttributes:
        """Where it goes."""
        options = self._config.cookies
        override = options.overrides.get(key)
        return CookieAttributes(
            path=(override and override.path) or "/",
            domain=(override and override.domain) or self._domain(),
            http_only=True,
            secure=self._config.has_secure_cookies,
            same_site=(override and override.same_site) or options.same_site,
            partitioned=options.is_partitioned,
        )

    def _domain(self) -> str | None:
        options = self._config.cookies
        if not options.spans_subdomains:
            return None
        if options.domain is None and self._config.base_url is not None:
            return str(ada_url.URL(self._config.base_url).hostname)
        return options.domain

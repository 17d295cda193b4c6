"""Where requests may come from: Better Auth's origin rules, for the endpoints, the application and WebSockets alike."""

from __future__ import annotations

from asgi_auth.asgi.headers import find_header, header_values
from asgi_auth.asgi.origins import TrustedOrigins, request_origin
from asgi_auth.asgi.types import Scope
from asgi_auth.config import AuthConfig
from asgi_auth.errors import InvalidOrigin, MissingOrigin

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing (RFC 9110, 9.2.1; TRACE is no browser's)."""


class OriginPolicy:
    """The trusted origins of one configuration.

    ``base_url``'s origin and ``trusted_origins`` are; where there is no ``base_url``, so is the origin that a request
    was sent to: a foreign page cannot choose the Host header that a browser sends.
    """

    def __init__(self, config: AuthConfig) -> None:
        own = () if config.origin is None else (config.origin,)
        self._trusted = TrustedOrigins((*own, *config.trusted_origins))
        self._has_own = bool(own)

    @property
    def patterns(self) -> tuple[str, ...]:
        """All trusted origins and patterns, without that of the request."""
        return self._trusted.patterns

    def trusts(self, scope: Scope, url: str, *, allow_relative: bool = False) -> bool:
        """Whether a URL, or an Origin or Referer header's value, names a trusted place."""
        own_origin = None if self._has_own else request_origin(scope)
        return self._trusted.trusts(url, allow_relative=allow_relative, own_origin=own_origin)

    def check(self, scope: Scope) -> None:
        """Refuse a request whose Origin, or else Referer, is missing (MissingOrigin) or not trusted (InvalidOrigin)."""
        origins = header_values(scope, b"origin")
        if len(origins) > 1:
            raise InvalidOrigin
        origin = origins[0].decode("latin-1") if origins else None
        value = origin or find_header(scope, b"referer") or ""
        if value in ("", "null"):
            if origin == "null" and find_header(scope, b"sec-fetch-site") == "same-origin":
                return
            raise MissingOrigin
        if not self.trusts(scope, value):
            raise InvalidOrigin

"""Protection of the application's own routes against requests that other sites make browsers send."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import structlog

from asgi_auth.asgi.cookies import has_cookie_header
from asgi_auth.asgi.headers import find_header
from asgi_auth.asgi.messages import refuse
from asgi_auth.asgi.paths import ExemptPaths, route_path
from asgi_auth.asgi.types import ASGIApp, Receive, Scope, Send
from asgi_auth.context import AuthContext, auth_context
from asgi_auth.cookies.session import SessionCookies
from asgi_auth.devices import DeviceReader
from asgi_auth.errors import Forbidden, MissingOrigin
from asgi_auth.events import OriginRefused
from asgi_auth.origin_policy import SAFE_METHODS, OriginPolicy
from asgi_auth.services.bearer import bearer_value
from asgi_auth.services.registry import Services

OWN_SITE = frozenset({"same-origin", "none"})
"""Sec-Fetch-Site values of requests that no other site has caused (Fetch Metadata, 2.3)."""

_logger = structlog.get_logger("asgi_auth.csrf")


class CSRFMiddleware:
    """Refuses unsafe requests that were identified by cookie and come from an untrusted origin (403).

    Requests with another credential, or none, are not its business: a foreign page cannot add one. Only a key that the
    application's own getter finds may be in a URL or a cookie: beside cookies its origin is checked too. In front of
    the middleware that identifies it goes by what is offered: a session cookie whose signature holds, and no bearer
    token or JWT in Authorization. WebSocket handshakes are checked where the cookie is judged.

    Args:
        app: the application behind it.
        services: ``auth.services``.
        cookie_name: another name of the session cookie than the configured one.
        exempt: paths that are let through unlooked at.
    """

    def __init__(
        self, app: ASGIApp, services: Services, *, cookie_name: str | None = None, exempt: Iterable[str] = ()
    ) -> None:
        self.app = app
        self._origins = OriginPolicy(services.config)
        self._cookies = SessionCookies(services.config, services.signer, token_name=cookie_name)
        self._allows_missing = services.config.csrf.allows_missing_origin
        self._realm = services.config.app_name
        self._events = services.events
        self._audit = services.audit
        self._devices = DeviceReader(services.config)
        self._exempt = ExemptPaths(exempt)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer 403."""
        if scope["type"] == "http" and scope["method"] not in SAFE_METHODS and self._is_at_risk(scope):
            try:
                self._check(scope)
            except Forbidden as error:
                _logger.warning("csrf.refused", code=error.code)
                with self._audit.asked_from(partial(self._devices.read, scope)):
                    await self._events.publish(OriginRefused(error.code or error.message))
                await refuse(scope, receive, send, error, realm=self._realm)
                return
        await self.app(scope, receive, send)

    def _is_at_risk(self, scope: Scope) -> bool:
        return self._rests_on_cookie(scope) and not (self._exempt and self._exempt.matches(route_path(scope)))

    def _rests_on_cookie(self, scope: Scope) -> bool:
        if isinstance(scope.get("auth"), AuthContext):
            context = auth_context(scope)
            return context.is_authenticated and (context.credential == "session" or _may_be_sent_along(context, scope))
        # Nobody has identified the request yet: somebody may further in, by this very cookie.
        # Browsers add what follows other schemes by themselves, as they do cookies.
        is_explicit = bearer_value(find_header(scope, b"authorization")) is not None
        return not is_explicit and self._cookies.unsign(self._cookies.offered(scope)) is not None

    def _check(self, scope: Scope) -> None:
        site = find_header(scope, b"sec-fetch-site")
        if site in OWN_SITE:
            return
        try:
            self._origins.check(scope)
        except MissingOrigin:
            # A browser that sent Sec-Fetch-Site has told that another site is behind it.
            says_nothing = site is None and find_header(scope, b"origin") is None
            if not (says_nothing and self._allows_missing):
                raise


def _may_be_sent_along(context: AuthContext, scope: Scope) -> bool:
    """Whether a browser may have been made to send what decided, as cookies tell that it is one."""
    is_explicit = all(proof.is_explicit for proof in context.credentials.values())
    return not is_explicit and has_cookie_header(scope)

"""The session cookie as a credential."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from asgi_auth.asgi.cookies import plain_cookie
from asgi_auth.asgi.types import ASGIApp, Scope
from asgi_auth.context import AuthContext, CredentialKind, Proof
from asgi_auth.cookies.session import SessionCookies
from asgi_auth.devices import DeviceReader
from asgi_auth.errors import Forbidden, InvalidToken
from asgi_auth.events import OriginRefused
from asgi_auth.infrastructure.metrics import SESSION_CACHE_HIT
from asgi_auth.middleware.base import CredentialMiddleware, OnFault
from asgi_auth.origin_policy import OriginPolicy
from asgi_auth.services.registry import Services
from asgi_auth.session_reader import SessionReader


class SessionSource:
    """Finds the session cookie; sessions judge it.

    On a WebSocket handshake the Origin has to be trusted as well: browsers send cookies along for any page, and no
    CORS stands in between.
    """

    kind: CredentialKind = "session"
    headers = (b"cookie",)

    def __init__(self, services: Services, *, cookie_name: str | None = None) -> None:
        self._cookies = SessionCookies(services.config, services.signer, token_name=cookie_name)
        self._name = self._cookies.token_name.encode("latin-1", "replace")
        # The cookie beside it decides as well, and has to be kept up to date.
        self._is_alone = not services.config.cookie_cache.is_enabled
        self._services = services
        self._devices = DeviceReader(services.config)
        self._sessions = SessionReader(services, self._cookies)
        self._origins = OriginPolicy(services.config)

    def extract(self, scope: Scope) -> str | None:
        """The session token, "" for a cookie whose signature does not hold, None without a cookie."""
        offered = self._cookies.offered(scope)
        if not any(offered):
            return None
        return self._cookies.unsign(offered) or ""

    async def authenticate(self, credential: str, scope: Scope) -> Proof:
        """The session's user; raises InvalidToken, InvalidOrigin, MissingOrigin or Unavailable."""
        if not credential:
            raise InvalidToken
        if scope["type"] == "websocket":
            await self._check_origin(scope)
        found = await self._sessions.read(credential, scope)
        live = found.live
        return Proof(
            subject=live.user.id,
            user=live.user,
            session=live.session,
            set_cookies=found.set_cookies,
            standing=live.standing,
        )

    async def _check_origin(self, scope: Scope) -> None:
        try:
            self._origins.check(scope)
        except Forbidden as refusal:
            with self._services.audit.asked_from(partial(self._devices.read, scope)):
                await self._services.events.publish(OriginRefused(refusal.code or refusal.message))
            raise

    def credential_in(self, value: bytes) -> bytes | None:
        """The signed cookie as it was sent, where it alone decides."""
        return plain_cookie(value, self._name) if self._is_alone else None

    def admit_known(self, context: AuthContext) -> bool:  # noqa: ARG002  (the sources' signature)
        """Count a session that was known."""
        self._services.metrics.increment(SESSION_CACHE_HIT, layer="memory")
        return True


class SessionMiddleware(CredentialMiddleware):
    """Identifies by session cookie, and sends it again when the session was extended.

    Args:
        app: the application behind it.
        services: ``auth.services``.
        cookie_name: another name than the configured one.
        required: answer 401 without a session (default False).
        on_fault: "refuse" (default) or "pass", see CredentialMiddleware.
        exempt: paths that are let through unlooked at.
    """

    def __init__(
        self,
        app: ASGIApp,
        services: Services,
        *,
        cookie_name: str | None = None,
        required: bool = False,
        on_fault: OnFault = "refuse",
        exempt: Iterable[str] = (),
    ) -> None:
        sources = [SessionSource(services, cookie_name=cookie_name)]
        super().__init__(app, services, sources=sources, required=required, on_fault=on_fault, exempt=exempt)

"""What ``auth.wrap`` puts around an application: the way to the endpoints, CORS for them, and lifespan."""

from __future__ import annotations

from dataclasses import dataclass, field

import structlog
from starlette.middleware.cors import CORSMiddleware

from asgi_auth.asgi.headers import find_header
from asgi_auth.asgi.origins import TrustedOrigins
from asgi_auth.asgi.paths import is_within, route_path
from asgi_auth.asgi.types import ASGIApp, Message, Receive, Scope, Send
from asgi_auth.config import AuthConfig
from asgi_auth.errors import AuthError, ConfigurationError
from asgi_auth.origin_policy import OriginPolicy
from asgi_auth.services.registry import Services

EXPOSED_HEADERS = ("set-auth-token", "set-auth-jwt", "Retry-After", "X-Retry-After", "RateLimit", "RateLimit-Policy")

_logger = structlog.get_logger("asgi_auth")


class _TrustedCORS(CORSMiddleware):
    """Starlette's CORS, for the origins that are trusted; patterns included."""

    def __init__(self, app: ASGIApp, config: AuthConfig) -> None:
        super().__init__(
            app,
            allow_methods=("GET", "POST"),
            allow_headers=("content-type", "authorization", "x-api-key"),
            allow_credentials=True,
            expose_headers=EXPOSED_HEADERS,
        )
        self._trusted = TrustedOrigins(OriginPolicy(config).patterns)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Speak of CORS to trusted origins only; to all others it is not there."""
        origin = find_header(scope, b"origin")
        if origin is None or not self.is_allowed_origin(origin):
            await self.app(scope, receive, send)
            return
        await super().__call__(scope, receive, send)

    def is_allowed_origin(self, origin: str) -> bool:
        """Whether an origin may read answers."""
        return self._trusted.trusts(origin)


def with_cors(endpoints: ASGIApp, config: AuthConfig) -> ASGIApp:
    """The endpoints, with CORS for trusted origins."""
    return _TrustedCORS(endpoints, config)


class Wrapped:
    """An application with its endpoints beside it."""

    def __init__(self, app: ASGIApp, endpoints: ASGIApp, services: Services) -> None:
        self._app = app
        self._endpoints = endpoints
        self._services = services
        self._base_path = services.config.base_path
        self._may_be_ours = self._base_path.rstrip("/")  # a look for it spares most requests the rest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send a request where it belongs."""
        if scope["type"] == "lifespan":
            await _Lifespan(self._app, self._services, receive, send).run(scope)
        elif (
            scope["type"] == "http"
            and self._may_be_ours in scope.get("path", "")
            and is_within(path := route_path(scope), self._base_path)
        ):
            root = (scope.get("root_path") or "").rstrip("/")
            # Some servers leave the root path out of the path: for the router behind it is always there.
            below = {"root_path": f"{root}{self._base_path}", "path": f"{root}{path}"}
            await self._endpoints({**scope, **below}, receive, send)
        else:
            await self._app(scope, receive, send)


class _LifespanUnsupported(Exception):
    """The application answered a lifespan with something else."""


@dataclass
class _Lifespan:
    """Our opening and closing, around the application's own if it has one."""

    app: ASGIApp
    services: Services
    receive: Receive
    send: Send
    answered: set[str] = field(default_factory=set)
    has_begun: bool = False
    is_stopping: bool = False
    is_closed: bool = False

    async def run(self, scope: Scope) -> None:
        await self.receive()
        try:
            await self.services.start()
        except (AuthError, ConfigurationError) as error:
            await self.send({"type": "lifespan.startup.failed", "message": f"asgi_auth: {error}"})
            return
        try:
            await self._live(scope)
            await self._finish()
        finally:
            await self._close()

    async def _close(self) -> None:
        """Close once: a server that was told of it may end the loop before a second time is over."""
        if not self.is_closed:
            self.is_closed = True
            await self.services.close()

    async def _live(self, scope: Scope) -> None:
        try:
            await self.app(scope, self._receiving, self._sending)
        except Exception as error:
            if "startup" in self.answered:
                raise
            # It may know no lifespan, or have failed to start without saying so.
            log = _logger.warning if self.has_begun else _logger.debug
            log("lifespan.not_supported", error=type(error).__name__)

    async def _receiving(self) -> Message:
        if not self.has_begun:
            self.has_begun = True
            return {"type": "lifespan.startup"}
        message = await self.receive()
        self.is_stopping = True
        return message

    async def _sending(self, message: Message) -> None:
        kind = str(message["type"])
        if not kind.startswith("lifespan."):
            raise _LifespanUnsupported
        phase = kind.split(".")[1]
        self.answered.add(phase)
        if phase == "shutdown" or kind == "lifespan.startup.failed":
            self.answered.add("shutdown")
            await self._close()
        await self.send(message)

    async def _finish(self) -> None:
        """Say what an application that knows no lifespan, or not all of it, left unsaid."""
        if "startup" not in self.answered:
            await self.send({"type": "lifespan.startup.complete"})
        if "shutdown" not in self.answered:
            if not self.is_stopping:
                await self.receive()
            await self._close()
            await self.send({"type": "lifespan.shutdown.complete"})

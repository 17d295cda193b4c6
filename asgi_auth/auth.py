"""Auth: the composition root, the only file that knows every room."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager

from starlette.requests import HTTPConnection
from starlette.responses import Response

from asgi_auth.asgi.messages import error_headers
from asgi_auth.asgi.paths import ExemptPaths
from asgi_auth.asgi.types import ASGIApp
from asgi_auth.clock import Clock, utc_now
from asgi_auth.config import AuthConfig
from asgi_auth.crypto.hash_pool import PasswordHasher
from asgi_auth.endpoints.app import build_endpoints
from asgi_auth.engine import Engine
from asgi_auth.errors import AuthError, ConfigurationError
from asgi_auth.feature import Feature
from asgi_auth.fields import compose
from asgi_auth.infrastructure.error_reports import OnError
from asgi_auth.infrastructure.metrics import DeclaredMetrics, Metrics
from asgi_auth.middleware import (
    BearerSource,
    CredentialMiddleware,
    CredentialSource,
    CSRFMiddleware,
    SessionSource,
)
from asgi_auth.models import Session, User, to_json
from asgi_auth.services.registry import Services
from asgi_auth.wrapping import Wrapped, with_cors

METRIC_METHODS = ("increment", "gauge", "observe")


class Auth:
    """Everything put together.

    Args:
        config: every decision.
        features: the optional slices, in the order in which their columns and steps are added.
        clock: the present moment (default: the system's, in UTC).
        hasher: the pool that hashes passwords (default: as ``config.hashing`` says).
        metrics: where figures go (default: nowhere), such as ``PrometheusMetrics()``.
        on_error: told of every unexpected exception that is answered 500, and of every fault that is answered 503,
            with the request's scope: for error trackers (default: nobody). A function or a coroutine function, called
            beside the request in a thread of its own; what it returns to be awaited is awaited in the event loop, for
            10 seconds at most. What it raises is logged and changes no answer. At most 10 errors a second are told.
            Both arguments are copies without secrets. The exception has the type (our own errors) or at least the
            name of the type, the places in the code and the causes of the one that was raised, but no variables, and
            no text unless it is one of ours. The scope has the method, the path with ``{name}`` in place of what a
            route takes from it and without what looks like a secret, the names of query parameters, and headers, with
            values only where they are harmless.

    Attributes:
        config: as given.
        services: the registry that middlewares and endpoints delegate to.
        endpoints: the ASGI app of the endpoints, to be mounted at ``config.base_path``.

    Raises:
        ConfigurationError: two features, or a feature and the core or the application, claim the same name, field,
            table or endpoint.
    """

    def __init__(
        self,
        config: AuthConfig,
        *,
        features: Sequence[Feature] = (),
        clock: Clock = utc_now,
        hasher: PasswordHasher | None = None,
        metrics: Metrics | None = None,
        on_error: OnError | None = None,
    ) -> None:
        _check_given(features, metrics=metrics, on_error=on_error)
        _check_names(features)
        _declare(metrics, features)
        self.config = config
        engine = Engine(
            config,
            user=compose(User, _given(feature.user_fields for feature in features), config.user_model),
            session=compose(Session, _given(feature.session_fields for feature in features), config.session_model),
            tables=[table for feature in features for table in feature.tables],
            watches=[watch for feature in features for watch in feature.watches],
            metrics=metrics,
        )
        self.services = Services(config, engine, clock=clock, hasher=hasher, metrics=metrics, on_error=on_error)
        for feature in features:
            feature.install(self.services)
        groups = [group for feature in features for group in feature.endpoints(self.services)]
        limits = [feature.rate_limits for feature in features]
        hooks = [hook for feature in features for hook in feature.hooks(self.services)]
        self.endpoints: ASGIApp = build_endpoints(self.services, groups, limits=limits, hooks=hooks)
        self._sources = self._all_sources(features)

    def _all_sources(self, features: Sequence[Feature]) -> list[CredentialSource]:
        sources: list[CredentialSource] = [source for feature in features for source in feature.sources(self.services)]
        if self.config.bearer.is_enabled:
            sources.append(BearerSource(self.services))
        sources.append(SessionSource(self.services))
        return sources

    def wrap(self, app: ASGIApp, *, cors: bool = False, exempt: Iterable[str] = ()) -> ASGIApp:
        """The application with everything in front of it.

        Requests below the base path go to the endpoints before any middleware of ours; all others, WebSocket
        handshakes included, are identified by every kind of credential at once, and unsafe ones that come with a
        session cookie are checked for their origin. Nothing else is refused: that is for guards. Lifespan opens and
        closes the database, whether or not the application knows of lifespans.

        Args:
            app: any ASGI application.
            cors: answer CORS below the base path, for trusted origins only, with credentials (default False: no
                CORS header at all, as in Better Auth).
            exempt: paths of the application that are let through unlooked at.
        """
        exempt = ExemptPaths(exempt).patterns
        inner = app
        if self.config.csrf.protects_application:
            inner = CSRFMiddleware(inner, self.services, exempt=exempt)
        identified = CredentialMiddleware(inner, self.services, sources=self._sources, exempt=exempt)
        endpoints = with_cors(self.endpoints, self.config) if cors else self.endpoints
        return Wrapped(identified, endpoints, self.services)

    @asynccontextmanager
    async def lifespan(self, app: object = None) -> AsyncIterator[None]:  # noqa: ARG002  (frameworks pass themselves)
        """Open the database for the block, and close everything after it: ``Starlette(lifespan=auth.lifespan)``.

        Without it everything opens on first use.
        """
        await self.services.start()
        try:
            yield
        finally:
            await self.services.close()

    async def create_schema(self) -> list[str]:
        """Create missing tables and columns, and the triggers that tell of changes; returns the SQL that ran.

        Nothing that exists is changed. Without the right to create triggers the rest is created all the same.
        """
        return await self.services.engine.create_schema()

    def answer(self, connection: HTTPConnection, error: Exception) -> Response:  # noqa: ARG002  (a handler's signature)
        """An exception handler for Starlette and FastAPI: ``app.add_exception_handler(AuthError, auth.answer)``."""
        if not isinstance(error, AuthError):
            raise error
        response = Response(to_json(error.body), error.status, media_type="application/json")
        response.raw_headers.extend(error_headers(error, realm=self.config.app_name))
        return response


def _given(kinds: Iterable[type[User] | None] | Iterable[type[Session] | None]) -> list[type]:
    return [kind for kind in kinds if kind is not None]


def _declare(metrics: object, features: Sequence[Feature]) -> None:
    if isinstance(metrics, DeclaredMetrics):
        metrics.declare([spec for feature in features for spec in feature.metrics])


def _check_given(features: object, *, metrics: object, on_error: object) -> None:
    if not isinstance(features, Sequence):
        raise ConfigurationError(f"features is a list: [{_name_of(features)}()]")
    for feature in features:
        if not isinstance(feature, Feature):
            raise ConfigurationError(f"features are instances: {_name_of(feature)}()")
    if metrics is not None and not all(callable(getattr(metrics, name, None)) for name in METRIC_METHODS):
        raise ConfigurationError(f"metrics has the methods {', '.join(METRIC_METHODS)}: see Metrics")
    if on_error is not None and not callable(on_error):
        raise ConfigurationError("on_error is a callable: (exception, scope)")


def _name_of(given: object) -> str:
    return str(getattr(given, "__name__", type(given).__name__))


def _check_names(features: Sequence[Feature]) -> None:
    names = [feature.name for feature in features]
    if len(set(names)) < len(names):
        raise ConfigurationError(f"features are installed once each: {', '.join(names)}")

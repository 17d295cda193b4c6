"""JWTs as a feature."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from sqlalchemy import Table

from asgi_auth.config.options.checks import require
from asgi_auth.endpoints.hooks import EndpointHooks
from asgi_auth.endpoints.routing import Endpoints
from asgi_auth.feature import Feature
from asgi_auth.features.jwt.endpoints import JwtEndpoints, RefreshEndpoints, TokenHeader
from asgi_auth.features.jwt.events import RefreshTokenReused, SigningKeyCreated
from asgi_auth.features.jwt.figures import FIGURES
from asgi_auth.features.jwt.options import JwtOptions
from asgi_auth.features.jwt.service import JWTService
from asgi_auth.features.jwt.source import JWTSource
from asgi_auth.features.jwt.tables import JWKS, JWT_REFRESH_TOKEN
from asgi_auth.infrastructure.change_feed.base import Watch
from asgi_auth.infrastructure.health import HealthCheck
from asgi_auth.infrastructure.metrics import MetricSpec
from asgi_auth.middleware import CredentialSource
from asgi_auth.services.audit import AuditLog
from asgi_auth.services.registry import Services


class Jwt(Feature):
    """JSON Web Tokens for sessions, signed with keys that are published (RFC 7519, RFC 7517).

    Args:
        options: what there is to decide (default ``JwtOptions()``).

    Raises ConfigurationError for anything else.
    """

    name = "jwt"
    tables: ClassVar[tuple[Table, ...]] = (JWKS,)
    watches: ClassVar[tuple[Watch, ...]] = (Watch("jwks"),)
    metrics: ClassVar[tuple[MetricSpec, ...]] = FIGURES

    def __init__(self, options: JwtOptions | None = None) -> None:
        require(
            options is None or isinstance(options, JwtOptions),
            "options are an instance: Jwt(JwtOptions(lifetime=timedelta(minutes=5)))",
        )
        self._options = options or JwtOptions()
        if self._options.refresh_tokens:
            self.tables = (JWKS, JWT_REFRESH_TOKEN)  # type: ignore[misc]  # others do without

    def install(self, services: Services) -> None:
        """Add the service, what is asked of its health, and its facts to the audit log."""
        service = JWTService(services, self._options)
        services.add(service, close=service.close)
        services.health.add(HealthCheck(name="jwks", ask=service.ask, is_vital=False))
        _tell(services.audit)

    def endpoints(self, services: Services) -> Iterable[Endpoints]:
        """Tokens and keys, and where it is configured the way to refresh."""
        service = services.get(JWTService)
        return (JwtEndpoints(service), *([RefreshEndpoints(service)] if self._options.refresh_tokens else []))

    def hooks(self, services: Services) -> Iterable[EndpointHooks]:
        """The header of /get-session."""
        return (TokenHeader(services.get(JWTService)),) if self._options.sets_header else ()

    def sources(self, services: Services) -> Iterable[CredentialSource]:
        """The JWT in the Authorization header."""
        return (JWTSource(services),)


def _tell(audit: AuditLog) -> None:
    audit.tell_of(SigningKeyCreated, "jwt.key_created", lambda event: {"target_id": event.kid})
    audit.tell_of(
        RefreshTokenReused,
        "jwt.refresh_token_reused",
        lambda event: {"user_id": event.user_id, "session_id": event.session_id},
        outcome="failure",
    )

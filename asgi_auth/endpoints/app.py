"""The mountable app."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from asgi_auth.asgi.types import ASGIApp
from asgi_auth.config import RateLimit
from asgi_auth.endpoints.account import AccountEndpoints
from asgi_auth.endpoints.callback import CallbackEndpoints
from asgi_auth.endpoints.deletion import DeletionEndpoints
from asgi_auth.endpoints.email import EmailEndpoints
from asgi_auth.endpoints.health import HealthEndpoints
from asgi_auth.endpoints.hooks import EndpointHooks
from asgi_auth.endpoints.password import PasswordEndpoints
from asgi_auth.endpoints.password_reset import PasswordResetEndpoints
from asgi_auth.endpoints.rate_limits import Door, PathRules
from asgi_auth.endpoints.reference import ReferenceEndpoints
from asgi_auth.endpoints.routing import Endpoints, build_router
from asgi_auth.endpoints.session import SessionEndpoints
from asgi_auth.endpoints.social import SocialEndpoints
from asgi_auth.endpoints.user import UserEndpoints
from asgi_auth.endpoints.web import Web
from asgi_auth.services.registry import Services

CORE: tuple[Endpoints, ...] = (
    HealthEndpoints(),
    PasswordEndpoints(),
    PasswordResetEndpoints(),
    EmailEndpoints(),
    SessionEndpoints(),
    SocialEndpoints(),
    CallbackEndpoints(),
    UserEndpoints(),
    AccountEndpoints(),
    DeletionEndpoints(),
)
"""What every Auth has."""


def build_endpoints(
    services: Services,
    features: Iterable[Endpoints] = (),
    *,
    limits: Iterable[Mapping[str, RateLimit]] = (),
    hooks: Iterable[EndpointHooks] = (),
) -> ASGIApp:
    """All endpoints of the core and of the installed features, as an ASGI app to be mounted at the base path.

    ``limits`` are the features' own, by path; ``hooks`` what they do around every endpoint.
    """
    groups: list[Endpoints] = [*CORE, *features]
    if services.config.openapi.is_enabled:
        groups.append(ReferenceEndpoints(groups))
    web = Web(services)
    return Door(web, build_router(web, groups, tuple(hooks)), PathRules(services.config.limits, limits))

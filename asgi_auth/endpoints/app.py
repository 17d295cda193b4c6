"""The mountable app."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.routing import Router

from asgi_auth.endpoints.call import Web
from asgi_auth.endpoints.health import HealthEndpoints
from asgi_auth.endpoints.password import PasswordEndpoints
from asgi_auth.endpoints.routing import Endpoints, build_router
from asgi_auth.endpoints.session import SessionEndpoints
from asgi_auth.endpoints.user import UserEndpoints
from asgi_auth.services.registry import Services


def build_endpoints(services: Services, features: Iterable[Endpoints] = ()) -> Router:
    """All endpoints of the core and of the installed features, as an ASGI app to be mounted at the base path."""
    core = (HealthEndpoints(), PasswordEndpoints(), SessionEndpoints(), UserEndpoints())
    return build_router(Web(services), (*core, *features))

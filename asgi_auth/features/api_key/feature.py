"""API keys as a feature."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from sqlalchemy import Table

from asgi_auth.endpoints.routing import Endpoints
from asgi_auth.feature import Feature
from asgi_auth.features.api_key.configurations import Configurations
from asgi_auth.features.api_key.endpoints import ApiKeyEndpoints
from asgi_auth.features.api_key.events import tell_of_keys
from asgi_auth.features.api_key.models import StoredApiKey
from asgi_auth.features.api_key.options import ApiKeyOptions
from asgi_auth.features.api_key.service import ApiKeyService
from asgi_auth.features.api_key.tables import API_KEY, WATCH
from asgi_auth.features.api_key.verification import ApiKeyVerifier
from asgi_auth.infrastructure.change_feed.base import Watch
from asgi_auth.services.registry import Services


class ApiKeys(Feature):
    """Keys with which programs act for users and organizations.

    Args:
        options: the configurations, each with a ``config_id`` of its own (default: one, ``ApiKeyOptions()``).

    Raises:
        ConfigurationError: two configurations have one id.
    """

    name = "api_key"
    tables: ClassVar[tuple[Table, ...]] = (API_KEY,)
    watches: ClassVar[tuple[Watch, ...]] = (WATCH,)

    def __init__(self, *options: ApiKeyOptions) -> None:
        self._options = options or (ApiKeyOptions(),)
        Configurations(self._options)

    def install(self, services: Services) -> None:
        """Add the service."""
        is_compatible = services.config.is_compatible
        configurations = Configurations(each.resolved(is_compatible=is_compatible) for each in self._options)
        store = services.engine.store("apikey", StoredApiKey)
        verifier = ApiKeyVerifier(services, store, configurations)
        service = ApiKeyService(services, store, configurations=configurations, verifier=verifier)
        services.add(service, close=service.settle)
        services.deletions.add_step(service.forget_user)
        tell_of_keys(services.audit)

    def endpoints(self, services: Services) -> Iterable[Endpoints]:
        """Managing one's own keys, and those of one's organizations."""
        return (ApiKeyEndpoints(services.get(ApiKeyService)),)

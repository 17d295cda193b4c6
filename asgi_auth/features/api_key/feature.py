"""API keys as a feature."""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy import Table

from asgi_auth.feature import Feature
from asgi_auth.features.api_key.configurations import Configurations
from asgi_auth.features.api_key.models import StoredApiKey
from asgi_auth.features.api_key.options import ApiKeyOptions
from asgi_auth.features.api_key.service import ApiKeyService
from asgi_auth.features.api_key.tables import API_KEY
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
    watches: ClassVar[tuple[Watch, ...]] = (Watch("apikey"),)

    def __init__(self, *options: ApiKeyOptions) -> None:
        self._options = options or (ApiKeyOptions(),)
        Configurations(self._options)

    def install(self, services: Services) -> None:
        """Add the service."""
        is_compatible = services.config.is_compatible
        configurations = Configurations(each.resolved(is_compatible=is_compatible) for each in self._options)
        store = services.engine.store("apikey", StoredApiKey)
        verifier = ApiKeyVerifier(services, store, configurations)
        services.add(ApiKeyService(services, store, configurations=configurations, verifier=verifier))

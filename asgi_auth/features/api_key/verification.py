"""Whether a key is good, and what its use costs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from asgi_auth.engine.store import Store
from asgi_auth.features.api_key.configurations import Configurations
from asgi_auth.features.api_key.models import StoredApiKey
from asgi_auth.models import ApiKey
from asgi_auth.services.registry import Services


class ApiKeyVerifier:
    """Judges keys and counts their use."""

    def __init__(self, services: Services, store: Store[StoredApiKey], configurations: Configurations) -> None:
        self._services = services
        self._store = store
        self._configurations = configurations

    async def verify(
        self,
        key: str,
        *,
        config_id: str | None = None,
        required_permissions: Mapping[str, Sequence[str]] | None = None,
    ) -> ApiKey:
        """The record of a key, after this use of it was counted."""
        raise NotImplementedError

    def shown(self, key: StoredApiKey) -> StoredApiKey:
        """A key with its counters as if all its use had been written at once."""
        return key

"""ApiKeyService: keys from their making to their end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TypedDict, Unpack

from asgi_auth.config import RateLimit
from asgi_auth.engine.store import Store
from asgi_auth.features.api_key.configurations import Configurations
from asgi_auth.features.api_key.models import ApiKeyList, CreatedApiKey, StoredApiKey
from asgi_auth.features.api_key.options import Permissions
from asgi_auth.features.api_key.verification import ApiKeyVerifier
from asgi_auth.models import ApiKey
from asgi_auth.services.registry import Services


class ApiKeyChanges(TypedDict, total=False):
    """What may be decided about a key; what is absent stays as it is, or is as configured for a new one."""

    name: str | None
    enabled: bool
    lifetime: timedelta | None
    metadata: Mapping[str, object] | None
    permissions: Permissions | None
    remaining: int | None
    refill_amount: int | None
    refill_interval: timedelta | None
    rate_limit: RateLimit | None


class NewApiKey(ApiKeyChanges, total=False):
    """What may be decided about a new key."""

    prefix: str | None


class ApiKeyService:
    """The API keys of users and organizations."""

    def __init__(
        self,
        services: Services,
        store: Store[StoredApiKey],
        *,
        configurations: Configurations,
        verifier: ApiKeyVerifier,
    ) -> None:
        self._services = services
        self._store = store
        self._configurations = configurations
        self._verifier = verifier

    async def create_api_key(
        self, owner_id: str, *, config_id: str | None = None, **wanted: Unpack[NewApiKey]
    ) -> CreatedApiKey:
        """Make a key for a user, or for an organization where the configuration's keys are organizations'."""
        raise NotImplementedError

    async def verify_api_key(
        self,
        key: str,
        required_permissions: Mapping[str, Sequence[str]] | None = None,
        *,
        config_id: str | None = None,
    ) -> ApiKey:
        """The record of a key that a request offers, after this use of it was counted."""
        return await self._verifier.verify(key, config_id=config_id, required_permissions=required_permissions)

    async def get_api_key(self, key_id: str, *, owner_id: str | None = None) -> ApiKey:
        """A key by its row's id."""
        raise NotImplementedError

    async def update_api_key(
        self, key_id: str, *, owner_id: str | None = None, **changes: Unpack[ApiKeyChanges]
    ) -> ApiKey:
        """Change a key; returns it as it is now."""
        raise NotImplementedError

    async def delete_api_key(self, key_id: str, *, owner_id: str | None = None) -> None:
        """Delete a key, if it is this owner's."""
        raise NotImplementedError

    async def revoke_api_key(self, key_id: str, *, owner_id: str | None = None) -> ApiKey:
        """Switch a key off; it can be switched on again."""
        raise NotImplementedError

    async def list_api_keys(self, owner_id: str) -> ApiKeyList:
        """An owner's keys."""
        raise NotImplementedError

    async def check_api_key_permissions(self, key_id: str, permissions: Mapping[str, Sequence[str]]) -> bool:
        """Whether a key allows all of these actions."""
        raise NotImplementedError

    async def delete_all_expired(self) -> int:
        """Delete every key that has ended; returns how many there were."""
        raise NotImplementedError

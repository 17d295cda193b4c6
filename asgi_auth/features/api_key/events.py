"""What happens to API keys, as typed facts. None of them holds a key or its hash."""

from __future__ import annotations

from dataclasses import dataclass

from asgi_auth.models import ApiKey


@dataclass(frozen=True, slots=True)
class ApiKeyCreated:
    """Somebody has a key more; ``user_id`` is who made it, None where the server's own code did."""

    api_key: ApiKey
    user_id: str | None = None


@dataclass(frozen=True, slots=True)
class ApiKeyUpdated:
    """A key was changed, or switched on again."""

    api_key: ApiKey
    user_id: str | None = None


@dataclass(frozen=True, slots=True)
class ApiKeyRevoked:
    """A key was switched off."""

    api_key: ApiKey
    user_id: str | None = None


@dataclass(frozen=True, slots=True)
class ApiKeyDeleted:
    """A key is gone, because somebody deleted it or its owner."""

    api_key: ApiKey
    user_id: str | None = None

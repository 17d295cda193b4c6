"""What happens to API keys, as typed facts. None of them holds a key or its hash."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from asgi_auth.models import ApiKey
from asgi_auth.services.audit import AuditLog


@dataclass(frozen=True, slots=True)
class ApiKeyCreated:
    """A key was made.

    ``user_id`` is the user who asked, of a user's key its owner where the server's own code did it, else None.
    """

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
    """A key was deleted; those that go with their owner, or because they have ended, are not told of one by one."""

    api_key: ApiKey
    user_id: str | None = None


def tell_of_keys(audit: AuditLog) -> None:
    """Have all of it in the audit log; ``target_id`` is the key's row."""
    audit.tell_of(ApiKeyCreated, "api_key.created", _said)
    audit.tell_of(ApiKeyUpdated, "api_key.updated", _said)
    audit.tell_of(ApiKeyRevoked, "api_key.revoked", _said)
    audit.tell_of(ApiKeyDeleted, "api_key.deleted", _said)


def _said(event: ApiKeyCreated | ApiKeyUpdated | ApiKeyRevoked | ApiKeyDeleted) -> Mapping[str, str | None]:
    return {"user_id": event.user_id, "target_id": event.api_key.id}

"""What is kept of a key, and the one answer that shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from asgi_auth.fields import view
from asgi_auth.models import ApiKey, Record, User


class StoredApiKey(ApiKey, frozen=True, kw_only=True):
    """A row: the public record and ``key``, by which it is found: the hash, where keys are hashed."""

    secret_fields = frozenset({"key"})

    key: str

    @property
    def public(self) -> ApiKey:
        """What may be shown of it."""
        return view(self, ApiKey)


class KeyName(Record, frozen=True, kw_only=True):
    """What a row is found by, wherever it is held: all that is read of one that is to go."""

    secret_fields = frozenset({"key"})

    key: str
    reference_id: str
    id: str


class OwnedKey(Record, frozen=True, kw_only=True):
    """A key and the user who owns it, as one read gives them; None where no user does."""

    key: ApiKey
    user: User | None = None


class CreatedApiKey(ApiKey, frozen=True, kw_only=True):
    """A key that has just been made. ``key`` is the key itself: nobody can read it again later."""

    secret_fields = frozenset({"key"})

    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeyList:
    """Some of somebody's keys.

    Attributes:
        keys: those that were asked for.
        total: how many there are of them, on all pages.
    """

    keys: Sequence[ApiKey]
    total: int

"""What clients may send, and what they are answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Annotated, ClassVar, Final, Literal

from msgspec import UNSET, UnsetType

from asgi_auth.endpoints.answers import AnswerBody
from asgi_auth.endpoints.errors import BodyTooLarge
from asgi_auth.endpoints.numbers import AtLeast, Whole
from asgi_auth.endpoints.schema import Body, Rule
from asgi_auth.features.api_key.errors import ServerOnlyProperty
from asgi_auth.features.api_key.options import PREFIX_CHARACTERS
from asgi_auth.features.api_key.rules import ApiKeyChanges, KeySettings, NewApiKey
from asgi_auth.fields import fields_of
from asgi_auth.models import ApiKey, to_json

LONGEST_SECONDS: Final = 10**11
"""Longer than any lifetime that can be configured; what is beyond has no timedelta."""

MAX_METADATA: Final = 16 * 1024
"""Bytes of JSON that clients may keep with a key: all of it is remembered, and read for a hundred keys at a time."""

SORTED_BY: Final = MappingProxyType({field.wire_name: field.name for field in fields_of(ApiKey)})
"""The fields that keys can be ordered by: those that are shown."""


@dataclass(frozen=True, slots=True)
class Prefix(Rule):
    """What a key may begin with."""

    schema: ClassVar[Mapping[str, object]] = {"pattern": "^[a-zA-Z0-9_-]+$"}

    def complaint(self, value: str) -> str | None:
        """What is wrong with a text, or None."""
        if value and PREFIX_CHARACTERS.issuperset(value):
            return None
        return "Invalid prefix format, must be alphanumeric and contain only underscores and hyphens."


@dataclass(frozen=True, slots=True)
class Sortable(Rule):
    """A field that keys can be ordered by; "" is none."""

    schema: ClassVar[Mapping[str, object]] = {"enum": list(SORTED_BY)}

    def complaint(self, value: str) -> str | None:
        """What is wrong with a text, or None."""
        listed = "|".join(f'"{name}"' for name in SORTED_BY)
        return None if not value or value in SORTED_BY else f"Invalid option: expected one of {listed}"


Number = Annotated[float, AtLeast(1)]
Actions = dict[str, list[str]]


class CreateApiKey(Body, frozen=True, kw_only=True):
    """POST /api-key/create: only the first six may come from a client."""

    config_id: str | UnsetType = UNSET
    name: str | UnsetType = UNSET
    expires_in: Annotated[float, AtLeast(1)] | UnsetType | None = UNSET
    prefix: Annotated[str, Prefix()] | UnsetType = UNSET
    metadata: object = UNSET
    organization_id: object = UNSET
    remaining: Annotated[float, AtLeast(0)] | UnsetType | None = UNSET
    refill_amount: Number | UnsetType = UNSET
    refill_interval: float | UnsetType = UNSET
    rate_limit_time_window: float | UnsetType = UNSET
    rate_limit_max: float | UnsetType = UNSET
    rate_limit_enabled: bool | UnsetType = UNSET
    permissions: Actions | UnsetType = UNSET
    user_id: object = UNSET

    def check_is_clients(self) -> None:
        """Raise ServerOnlyProperty for what only the server's own code may decide."""
        _check_is_clients(self, remaining=UNSET if self.remaining is None else self.remaining)

    @property
    def owning_organization(self) -> str:
        """The organization it is to belong to; "" where none is named."""
        return _text(self.organization_id)

    @property
    def wanted(self) -> NewApiKey:
        """What the client decides of it."""
        wanted: NewApiKey = {}
        _put_settings(wanted, self)
        if self.prefix is not UNSET:
            wanted["prefix"] = self.prefix
        return wanted


class UpdateApiKey(Body, frozen=True, kw_only=True):
    """POST /api-key/update: the keys' ids, name, enabled, metadata and expiresIn may come from a client."""

    config_id: str | UnsetType = UNSET
    key_id: str
    user_id: object = UNSET
    name: str | UnsetType = UNSET
    enabled: bool | UnsetType = UNSET
    remaining: Number | UnsetType = UNSET
    refill_amount: float | UnsetType = UNSET
    refill_interval: float | UnsetType = UNSET
    metadata: object = UNSET
    expires_in: Annotated[float, AtLeast(1)] | UnsetType | None = UNSET
    rate_limit_enabled: bool | UnsetType = UNSET
    rate_limit_time_window: float | UnsetType = UNSET
    rate_limit_max: float | UnsetType = UNSET
    permissions: Actions | UnsetType | None = UNSET

    def check_is_clients(self) -> None:
        """Raise ServerOnlyProperty for what only the server's own code may decide."""
        _check_is_clients(self, remaining=self.remaining)

    @property
    def asked_for(self) -> str:
        """The user in whose name it is asked; "" where none is named."""
        return _text(self.user_id)

    @property
    def changes(self) -> ApiKeyChanges:
        """What the client changes."""
        changes: ApiKeyChanges = {}
        _put_settings(changes, self)
        if self.enabled is not UNSET:
            changes["enabled"] = self.enabled
        return changes


def _check_is_clients(body: CreateApiKey | UpdateApiKey, *, remaining: float | UnsetType | None) -> None:
    decided = (
        remaining,
        body.refill_amount,
        body.refill_interval,
        body.rate_limit_time_window,
        body.rate_limit_max,
        body.rate_limit_enabled,
        body.permissions,
    )
    if any(value is not UNSET for value in decided):
        raise ServerOnlyProperty


def _put_settings(settings: KeySettings, body: CreateApiKey | UpdateApiKey) -> None:
    """What clients decide of new keys and of theirs alike."""
    if body.name is not UNSET:
        settings["name"] = body.name
    if body.expires_in is not UNSET:
        settings["lifetime"] = lifetime_of(body.expires_in)
    if body.metadata is not UNSET:
        settings["metadata"] = _short(body.metadata)


class DeleteApiKey(Body, frozen=True, kw_only=True):
    """POST /api-key/delete."""

    config_id: str | UnsetType = UNSET
    key_id: str


class ApiKeyQuery(Body, frozen=True, kw_only=True):
    """The query of GET /api-key/get."""

    config_id: str | UnsetType = UNSET
    id: str


class ApiKeysQuery(Body, frozen=True, kw_only=True):
    """The query of GET /api-key/list."""

    config_id: str | UnsetType = UNSET
    organization_id: str | UnsetType = UNSET
    limit: Annotated[int, Whole()] | UnsetType = UNSET
    offset: Annotated[int, Whole()] | UnsetType = UNSET
    sort_by: Annotated[str, Sortable()] | UnsetType = UNSET
    sort_direction: Literal["asc", "desc"] | UnsetType = UNSET


class ApiKeysAnswer(AnswerBody, frozen=True, kw_only=True):
    """Somebody's keys; ``total`` counts those of all pages."""

    api_keys: list[ApiKey]
    total: int
    limit: int | UnsetType = UNSET
    offset: int | UnsetType = UNSET


class Success(AnswerBody, frozen=True, kw_only=True):
    """It is done."""

    success: bool


def lifetime_of(seconds: float | None) -> timedelta | None:
    """A number of seconds as a timedelta."""
    return None if seconds is None else timedelta(seconds=min(seconds, LONGEST_SECONDS))


def _short(metadata: object) -> object:
    """Metadata that is not too long; raises BodyTooLarge."""
    if len(to_json(metadata)) > MAX_METADATA:
        raise BodyTooLarge
    return metadata


def _text(value: object) -> str:
    """An id as JavaScript makes a text of what was sent (the contract's coercion); "" of nothing."""
    if isinstance(value, list):
        return ",".join("" if each is None else _text(each) for each in value)
    return "" if value is UNSET else str(value)

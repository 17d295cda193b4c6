"""What may be asked of a key, and what is written of it: Better Auth's rules, in its order of checks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Final, TypedDict

import msgspec

from asgi_auth.clock import Timestamp
from asgi_auth.config import RateLimit
from asgi_auth.crypto.javascript import length, with_numbers
from asgi_auth.errors import InvalidRequest
from asgi_auth.features.api_key.errors import (
    CustomLifetimeDisabled,
    InvalidMetadata,
    InvalidNameLength,
    InvalidPrefixLength,
    LifetimeTooLong,
    LifetimeTooShort,
    MetadataDisabled,
    NameRequired,
    NoValuesToUpdate,
    RefillAmountMissing,
    RefillIntervalMissing,
)
from asgi_auth.features.api_key.options import PREFIX_CHARACTERS, ApiKeyOptions, Permissions
from asgi_auth.models import frozen, to_json

MAX_NUMBER: Final = 2**31 - 1
"""What the integer columns of the contract's table hold."""

MILLISECOND: Final = timedelta(milliseconds=1)

AS_THEY_ARE: Final = frozenset({"name", "remaining", "refill_amount", "enabled"})
"""Settings that are written as they are given."""


class KeySettings(TypedDict, total=False):
    """What may be decided about a key.

    What is absent stays as it is, or is as configured for a new key.
    """

    name: str | None
    lifetime: timedelta | None
    metadata: object
    permissions: Permissions | None
    remaining: int | None
    refill_amount: int | None
    refill_interval: timedelta | None
    rate_limit: RateLimit | None


class NewApiKey(KeySettings, total=False):
    """What may be decided about a new key."""

    prefix: str | None


class ApiKeyChanges(KeySettings, total=False):
    """What may be changed of a key."""

    enabled: bool


def check_new(wanted: NewApiKey, options: ApiKeyOptions) -> None:
    """Raise what the contract says of a new key that may not be like this; TypeError for a name that says nothing."""
    _check_names(wanted, NewApiKey.__optional_keys__, of="create_api_key")
    metadata = wanted.get("metadata")
    if metadata is not None:
        if not options.allows_metadata:
            raise MetadataDisabled
        _check_metadata(metadata)
    _check_refill(wanted)
    lifetime = wanted.get("lifetime")
    if lifetime is not None:
        _check_lifetime(lifetime, options)
    prefix = wanted.get("prefix")
    if prefix is not None and not options.min_prefix_length <= len(prefix) <= options.max_prefix_length:
        raise InvalidPrefixLength
    if prefix is not None and not PREFIX_CHARACTERS.issuperset(prefix):
        raise InvalidRequest("prefix: letters, digits, _ and -")  # with others a key is refused wherever it is offered
    if wanted.get("name"):
        _check_name(wanted.get("name"), options)
    elif options.requires_name:
        raise NameRequired
    _check_numbers(wanted)


def check_changes(changes: ApiKeyChanges, options: ApiKeyOptions) -> None:
    """Raise what the contract says of a change that may not be; TypeError for a name that says nothing."""
    _check_names(changes, ApiKeyChanges.__optional_keys__, of="update_api_key")
    if "name" in changes:
        _check_name(changes["name"], options)
    if "lifetime" in changes:
        _check_lifetime(changes["lifetime"], options)
    if changes.get("metadata") is not None and options.allows_metadata:
        _check_metadata(changes["metadata"])
    _check_refill(changes)
    _check_numbers(changes)


def values_of(settings: KeySettings, options: ApiKeyOptions, *, now: Timestamp) -> dict[str, object]:
    """The fields that settings give a key, by their Python names."""
    values: dict[str, object] = {name: value for name, value in settings.items() if name in AS_THEY_ARE}
    if "lifetime" in settings:
        lifetime = settings["lifetime"]
        values["expires_at"] = None if lifetime is None else Timestamp.of(now + lifetime)
    if "refill_interval" in settings:
        interval = settings["refill_interval"]
        values["refill_interval"] = None if interval is None else interval // MILLISECOND
    if "permissions" in settings:
        values["permissions"] = frozen_permissions(settings["permissions"])
    if "metadata" in settings and options.allows_metadata:
        values["metadata"] = frozen_metadata(settings["metadata"])
    if "rate_limit" in settings:
        values |= limit_values(settings["rate_limit"])
    return values


def changes_of(changes: ApiKeyChanges, options: ApiKeyOptions, *, now: Timestamp) -> dict[str, object]:
    """The fields that a change writes; raises NoValuesToUpdate where there is none."""
    values = values_of(changes, options, now=now)
    if not values:
        raise NoValuesToUpdate
    return values


def limit_values(limit: RateLimit | None) -> dict[str, object]:
    """A rate limit as a key has it; none leaves the numbers as they are."""
    if limit is None:
        return {"rate_limit_enabled": False}
    return {
        "rate_limit_enabled": True,
        "rate_limit_max": limit.most,
        "rate_limit_time_window": limit.window // MILLISECOND,
    }


def frozen_metadata(metadata: object) -> object:
    """Metadata as it is read back: plain, numbers as JavaScript knows them, and nobody can change it."""
    return frozen(msgspec.json.decode(to_json(with_numbers(metadata))))


def frozen_permissions(permissions: Permissions | None) -> Mapping[str, tuple[str, ...]] | None:
    """Permissions that nobody can change; raises InvalidRequest for what are none."""
    if permissions is None:
        return None
    try:
        return MappingProxyType(msgspec.convert(dict(permissions), type=dict[str, tuple[str, ...]]))
    except (msgspec.ValidationError, TypeError, ValueError):
        raise InvalidRequest('permissions are actions by resource: {"files": ["read"]}') from None


def _check_names(given: Mapping[str, object], known: frozenset[str], *, of: str) -> None:
    """Raise TypeError as for any keyword argument: a limit that is misspelt must not be left out."""
    for name in given:
        if name not in known:
            raise TypeError(f"{of}() got an unexpected keyword argument {name!r}")


def _check_metadata(metadata: object) -> None:
    if not isinstance(metadata, Mapping | list | tuple):
        raise InvalidMetadata


def _check_refill(settings: KeySettings) -> None:
    has_amount = settings.get("refill_amount") is not None
    has_interval = settings.get("refill_interval") is not None
    if has_amount and not has_interval:
        raise RefillIntervalMissing
    if has_interval and not has_amount:
        raise RefillAmountMissing


def _check_lifetime(lifetime: timedelta | None, options: ApiKeyOptions) -> None:
    if not options.allows_custom_lifetime:
        raise CustomLifetimeDisabled
    if lifetime is not None and lifetime < options.min_lifetime:
        raise LifetimeTooShort
    if lifetime is not None and lifetime > options.max_lifetime:
        raise LifetimeTooLong


def _check_name(name: str | None, options: ApiKeyOptions) -> None:
    if name is not None and not options.min_name_length <= length(name) <= options.max_name_length:
        raise InvalidNameLength


def _check_numbers(settings: KeySettings) -> None:
    """Raise InvalidRequest for numbers that the table does not hold: of our own code, clients may give none."""
    interval = settings.get("refill_interval")
    limit = settings.get("rate_limit")
    given = {
        "remaining": (settings.get("remaining"), 0),
        "refill_amount": (settings.get("refill_amount"), 1),
        "refill_interval in milliseconds": (None if interval is None else interval // MILLISECOND, 1),
        "the most requests of a rate limit": (None if limit is None else limit.most, 1),
    }
    for name, (number, least) in given.items():
        if number is not None and not least <= number <= MAX_NUMBER:
            raise InvalidRequest(f"{name}: {least} to {MAX_NUMBER}")

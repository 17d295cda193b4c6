"""ApiKeyService: keys from their making to their end."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar, Unpack, cast

from asgi_auth.clock import Timestamp
from asgi_auth.crypto.tokens import generate_id
from asgi_auth.engine.store import LIST_LIMIT
from asgi_auth.errors import ConfigurationError
from asgi_auth.features.api_key.configurations import Configurations
from asgi_auth.features.api_key.errors import ApiKeyNotFound
from asgi_auth.features.api_key.events import ApiKeyCreated, ApiKeyDeleted, ApiKeyRevoked, ApiKeyUpdated
from asgi_auth.features.api_key.expired import ExpiredKeys
from asgi_auth.features.api_key.key_store import KeyStore
from asgi_auth.features.api_key.models import ApiKeyList, CreatedApiKey, StoredApiKey
from asgi_auth.features.api_key.options import ApiKeyOptions, Permissions, random_key
from asgi_auth.features.api_key.rules import (
    ApiKeyChanges,
    NewApiKey,
    changes_of,
    check_changes,
    check_new,
    limit_values,
    values_of,
)
from asgi_auth.features.api_key.verification import ApiKeyVerifier
from asgi_auth.models import ApiKey, User
from asgi_auth.services.registry import Services

T = TypeVar("T")
Event = type[ApiKeyUpdated] | type[ApiKeyRevoked] | type[ApiKeyDeleted]


class ApiKeyService:
    """The API keys of users and organizations.

    Attributes:
        configurations: which there are.

    Nothing here asks who is asking, unless an ``owner_id`` is given: then somebody else's key is as unknown as one
    that is not there. ``config_id`` names one of the configurations; where keys are looked for, None is any of them.
    ``asked_by`` is the id of the user on whose behalf it is done, for the events and the audit log; None is the
    server's own code. All of it raises Unavailable where the database does not answer.
    """

    def __init__(
        self,
        services: Services,
        store: KeyStore,
        *,
        configurations: Configurations,
        verifier: ApiKeyVerifier,
    ) -> None:
        self._services = services
        self._engine = services.engine
        self._clock = services.clock
        self._store = store
        self.configurations = configurations
        self._verifier = verifier
        self._expired = ExpiredKeys(services, store)

    async def create_api_key(
        self, owner_id: str, *, config_id: str | None = None, asked_by: str | None = None, **wanted: Unpack[NewApiKey]
    ) -> CreatedApiKey:
        """Make a key; what is returned holds it, and nobody can read it again.

        Args:
            owner_id: the user's id, or the organization's where the configuration's keys are organizations'.
            config_id: its configuration (default: the one called "default").
            asked_by: see ApiKeyService.
            wanted: any of ``name``, ``prefix``, ``lifetime`` (a timedelta; None is the configured one), ``metadata``,
                ``permissions`` (absent: the configured ones), ``remaining`` (uses), ``refill_amount`` with
                ``refill_interval`` (a timedelta), ``rate_limit`` (a RateLimit; None: its requests are not limited;
                absent: the configured one). The configuration's rules hold for all of them.

        Raises ConfigurationError for a ``config_id`` that is none, NoDefaultConfiguration, MetadataDisabled,
        InvalidMetadata, RefillIntervalMissing, RefillAmountMissing, CustomLifetimeDisabled, LifetimeTooShort,
        LifetimeTooLong, InvalidPrefixLength, InvalidNameLength, NameRequired, InvalidRequest for permissions, numbers
        or a prefix that are none, or TypeError for a name that says nothing.
        """
        self._expired.purge_soon()
        options = self.configurations.get() if config_id is None else self.configurations.named(config_id)
        check_new(wanted, options)
        prefix = wanted.get("prefix") or options.default_prefix or ""
        key = await self._new_key(options, prefix)
        values = await self._new_values(owner_id, wanted, options)
        record = StoredApiKey(
            **values,
            config_id=options.config_id,
            start=key[: options.start_length] if options.stores_start else None,
            reference_id=owner_id,
            prefix=prefix or None,
            key=options.stored(key),
            id=generate_id(),
        )
        await self._engine.uninterrupted(self._add(record, asked_by))
        return CreatedApiKey(**{name: getattr(record, name) for name in ApiKey.__struct_fields__}, key=key)

    async def verify_api_key(
        self,
        key: str,
        required_permissions: Mapping[str, Sequence[str]] | None = None,
        *,
        config_id: str | None = None,
    ) -> ApiKey:
        """The record of a key that a request offers, after this use of it was counted.

        Args:
            key: as it was offered.
            required_permissions: actions by resource, all of which it has to allow.
            config_id: the configuration it has to be of (default: any).

        Raises InvalidApiKey, ApiKeyDisabled, ApiKeyExpired, ApiKeyLacksPermission, InvalidOwner (its user is gone),
        UsageExceeded or ApiKeyRateLimited.
        """
        return await self._verifier.verify(key, config_id=config_id, required_permissions=required_permissions)

    async def get_api_key(self, key_id: str, *, owner_id: str | None = None, config_id: str | None = None) -> ApiKey:
        """A key by its row's id; raises ApiKeyNotFound."""
        return self._shown(await self._get(key_id, owner_id, config_id))

    async def list_api_keys(
        self,
        owner_id: str,
        *,
        config_id: str | None = None,
        limit: int = LIST_LIMIT,
        offset: int = 0,
        sort_by: str | None = None,
        is_descending: bool = False,
    ) -> ApiKeyList:
        """An owner's keys, oldest first unless asked otherwise.

        Args:
            owner_id: whose.
            config_id: only those of this configuration.
            limit: so many at most; 100 at most (default 100).
            offset: so many are left out before the first.
            sort_by: a field of ApiKey they are ordered by; raises ValueError where there is none of this name.
            is_descending: the other way round.
        """
        self._expired.purge_soon()
        if sort_by is not None and sort_by not in ApiKey.__struct_fields__:
            raise ValueError("there is no such field to order by")
        where = {"reference_id": owner_id} | ({} if config_id is None else {"config_id": config_id})
        total = await self._store.count(**where)
        found = await self._store.list(
            limit=min(limit, LIST_LIMIT), offset=offset, order_by=sort_by, is_descending=is_descending, **where
        )
        return ApiKeyList(keys=tuple(map(self._shown, found)), total=total)

    async def update_api_key(
        self,
        key_id: str,
        *,
        owner_id: str | None = None,
        config_id: str | None = None,
        asked_by: str | None = None,
        **changes: Unpack[ApiKeyChanges],
    ) -> ApiKey:
        """Change a key; returns it as it is now.

        ``changes`` are any of ``enabled`` and what ``create_api_key`` takes, but for the prefix; the rules of the key's
        configuration hold. A ``lifetime`` counts from now; None is without end. Metadata is left alone where the
        configuration has none. Raises ApiKeyNotFound, what ``create_api_key`` raises, or NoValuesToUpdate.
        """
        found = await self._get(key_id, owner_id, config_id)
        options = self.configurations.get(found.config_id)
        check_changes(changes, options)
        values = changes_of(changes, options, now=self._clock())
        where = _where(key_id, found.reference_id, found.config_id)
        event = ApiKeyRevoked if values.get("enabled") is False else ApiKeyUpdated
        return await self._engine.uninterrupted(self._change(where, values, event, asked_by))

    async def revoke_api_key(
        self,
        key_id: str,
        *,
        owner_id: str | None = None,
        config_id: str | None = None,
        asked_by: str | None = None,
    ) -> ApiKey:
        """Switch a key off, in one statement; ``update_api_key`` switches it on again. Raises ApiKeyNotFound."""
        where = _where(key_id, owner_id, config_id)
        return await self._engine.uninterrupted(self._change(where, {"enabled": False}, ApiKeyRevoked, asked_by))

    async def delete_api_key(
        self,
        key_id: str,
        *,
        owner_id: str | None = None,
        config_id: str | None = None,
        asked_by: str | None = None,
    ) -> None:
        """Delete a key, in one statement; raises ApiKeyNotFound. Of many callers at once one deletes it."""
        self._expired.purge_soon()
        await self._engine.uninterrupted(self._delete(_where(key_id, owner_id, config_id), asked_by))

    async def forget_user(self, user: User) -> None:
        """Delete every key of a user who is about to be deleted."""
        await self.delete_all_api_keys(user.id)

    async def delete_all_api_keys(self, owner_id: str) -> int:
        """Delete every key of an owner who is to be no more; returns how many there were."""
        return await self._store.remove(reference_id=owner_id)

    async def check_api_key_permissions(self, key_id: str, permissions: Mapping[str, Sequence[str]]) -> bool:
        """Whether a key allows all of these actions; False for one that is unknown, switched off or has ended.

        No use is counted. Of a key at hand ``ApiKey.allows`` tells the same without asking.
        """
        found = await self._store.find(id=key_id)
        if found is None or not found.enabled:
            return False
        has_ended = found.expires_at is not None and found.expires_at <= self._clock()
        return not has_ended and found.allows(permissions)

    async def delete_all_expired(self) -> int:
        """Delete every key that has ended, now; returns how many there were."""
        return await self._expired.purge()

    async def settle(self) -> None:
        """Wait for what has been begun beside requests."""
        await self._expired.settle()

    async def _get(self, key_id: str, owner_id: str | None, config_id: str | None) -> StoredApiKey:
        self._expired.purge_soon()
        found = await self._store.find(**_where(key_id, owner_id, config_id))
        if found is None:
            raise ApiKeyNotFound
        return found

    async def _new_key(self, options: ApiKeyOptions, prefix: str) -> str:
        generate = options.generator or random_key
        key = await _awaited(generate(options.key_length, prefix))
        if len(key) < options.key_length:
            raise ConfigurationError("ApiKeyOptions.generator makes at least key_length characters")
        return key

    async def _new_values(self, owner_id: str, wanted: NewApiKey, options: ApiKeyOptions) -> dict[str, Any]:
        now = self._clock()
        lifetime = wanted.get("lifetime") or options.default_lifetime
        values: dict[str, Any] = {
            "created_at": now,
            "updated_at": now,
            "expires_at": None if lifetime is None else Timestamp.of(now + lifetime),
            **limit_values(options.limit),
            "rate_limit_enabled": options.limits_requests,
        }
        settings = {name: value for name, value in wanted.items() if name != "lifetime"}
        settings.setdefault("permissions", await self._default_permissions(owner_id, options))
        return values | values_of(cast("NewApiKey", settings), options, now=now)

    async def _default_permissions(self, owner_id: str, options: ApiKeyOptions) -> Permissions | None:
        given = options.default_permissions
        return await _awaited(given(owner_id)) if callable(given) else given

    async def _add(self, record: StoredApiKey, asked_by: str | None) -> None:
        await self._store.add(record)
        event = ApiKeyCreated(record.public, self._user_of(record, asked_by))
        await self._engine.after_commit(partial(self._services.events.publish, event))

    async def _change(
        self, where: Mapping[str, str], values: Mapping[str, object], event: Event, asked_by: str | None
    ) -> ApiKey:
        record = await self._store.change(where, **values)
        return await self._told(record, event, asked_by)

    async def _delete(self, where: Mapping[str, str], asked_by: str | None) -> None:
        await self._told(await self._store.take(**where), ApiKeyDeleted, asked_by)

    async def _told(self, record: StoredApiKey | None, event: Event, asked_by: str | None) -> ApiKey:
        if record is None:
            raise ApiKeyNotFound
        told = event(record.public, self._user_of(record, asked_by))
        await self._engine.after_commit(partial(self._services.events.publish, told))
        return self._shown(record)

    def _user_of(self, record: StoredApiKey, asked_by: str | None) -> str | None:
        """Whom a fact is about: who asked, or else the user whose key it is."""
        return asked_by or (record.reference_id if self.configurations.is_users(record.config_id) else None)

    def _shown(self, record: StoredApiKey) -> ApiKey:
        """The one place through which keys leave: with their counters as if all use had been written."""
        return self._verifier.shown(record.public)


def _where(key_id: str, owner_id: str | None, config_id: str | None) -> dict[str, str]:
    given = {"id": key_id, "reference_id": owner_id, "config_id": config_id}
    return {name: value for name, value in given.items() if value is not None}


async def _awaited(value: T | Awaitable[T]) -> T:
    return await value if inspect.isawaitable(value) else value

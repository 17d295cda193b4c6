"""The records: one frozen type each for its Python form, its JSON form and its stored form.

Python reads ``session.user_id``; JSON and the database say ``userId``. The translation is msgspec's ``rename``, here
and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, ClassVar, TypeVar, overload

import msgspec

from asgi_auth.clock import Timestamp

R = TypeVar("R", bound="Record")


class Record(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The base of all records: immutable, keyword-only, camelCase outside Python.

    ``repr`` shows no field named in ``secret_fields``.
    """

    secret_fields: ClassVar[frozenset[str]] = frozenset()

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self.__rich_repr__())
        return f"{type(self).__name__}({shown})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """What ``repr`` shows, for rich, which prints local variables in tracebacks."""
        return [(name, "***" if name in self.secret_fields else getattr(self, name)) for name in self.__struct_fields__]


class User(Record, frozen=True, kw_only=True):
    """A person. ``email`` is stored lower-case; ``image`` is a URL or None."""

    name: str
    email: str
    email_verified: bool = False
    image: str | None = None
    created_at: Timestamp
    updated_at: Timestamp
    id: str


class Session(Record, frozen=True, kw_only=True):
    """One signed-in device. ``token`` is its secret; ``ip_address`` and ``user_agent`` are "" when unknown."""

    secret_fields = frozenset({"token"})

    expires_at: Timestamp
    token: str
    created_at: Timestamp
    updated_at: Timestamp
    ip_address: str | None = ""
    user_agent: str | None = ""
    user_id: str
    id: str


class Account(Record, frozen=True, kw_only=True):
    """One way a user can sign in: ``provider_id`` "credential" holds the password hash, others hold OAuth tokens."""

    secret_fields = frozenset({"access_token", "refresh_token", "id_token", "password"})

    account_id: str
    provider_id: str
    user_id: str
    access_token: str | None = None
    refresh_token: str | None = None
    id_token: str | None = None
    access_token_expires_at: Timestamp | None = None
    refresh_token_expires_at: Timestamp | None = None
    scope: str | None = None
    password: str | None = None
    created_at: Timestamp
    updated_at: Timestamp
    id: str


class Verification(Record, frozen=True, kw_only=True):
    """A secret to be used once: ``identifier`` is its purpose and name, ``value`` what it stands for."""

    secret_fields = frozenset({"identifier", "value"})

    identifier: str
    value: str
    expires_at: Timestamp
    created_at: Timestamp
    updated_at: Timestamp
    id: str


class ApiKey(Record, frozen=True, kw_only=True):
    """A key with which a program acts, without the key itself, which nobody stores.

    Attributes:
        config_id: which of the configurations it follows.
        name: what its owner calls it.
        start: how it begins, to be recognised by.
        reference_id: who owns it: the id of a user, or of an organization.
        prefix: what it was asked to begin with.
        refill_interval: milliseconds after which ``remaining`` is ``refill_amount`` again; None: never.
        refill_amount: see ``refill_interval``.
        last_refill_at: when that happened last.
        enabled: whether it is accepted at all.
        rate_limit_enabled: whether its requests are limited.
        rate_limit_time_window: milliseconds over which they are counted.
        rate_limit_max: how many of them are let through.
        request_count: how many were counted in the window.
        remaining: how often it may still be used; None: without end.
        last_request: when it was used last.
        expires_at: when it ends; None: never.
        permissions: actions by resource, such as ``{"files": ["read"]}``; None: none were given.
        metadata: what its owner or the application keeps with it, an object (a list, where a client sent one); neither
            of the two can be changed in place.
    """

    config_id: str = "default"
    name: str | None = None
    start: str | None = None
    reference_id: str
    prefix: str | None = None
    refill_interval: int | None = None
    refill_amount: int | None = None
    last_refill_at: Timestamp | None = None
    enabled: bool = True
    rate_limit_enabled: bool = True
    rate_limit_time_window: int | None = None
    rate_limit_max: int | None = None
    request_count: int = 0
    remaining: int | None = None
    last_request: Timestamp | None = None
    expires_at: Timestamp | None = None
    created_at: Timestamp
    updated_at: Timestamp
    permissions: Mapping[str, tuple[str, ...]] | None = None
    metadata: Mapping[str, object] | tuple[object, ...] | None = None
    id: str

    @property
    def scopes(self) -> frozenset[str]:
        """Its permissions one by one, ``resource:action``."""
        mine = self.permissions or {}
        return frozenset(f"{resource}:{action}" for resource, actions in mine.items() for action in actions)

    def allows(self, wanted: Mapping[str, Sequence[str]]) -> bool:
        """Whether every one of these actions is among its permissions."""
        mine = self.permissions or {}
        return all(set(actions) <= set(mine.get(resource, ())) for resource, actions in wanted.items())


@overload
def frozen(value: Mapping[str, object]) -> Mapping[str, object]: ...
@overload
def frozen(value: object) -> object: ...
def frozen(value: object) -> object:
    """Decoded JSON that nobody can change: what is remembered is given to many."""
    if isinstance(value, dict):
        return MappingProxyType({name: frozen(each) for name, each in value.items()})
    return tuple(map(frozen, value)) if isinstance(value, list) else value


class SessionWithUser(Record, frozen=True, kw_only=True):
    """A session and the user it belongs to, as one read gives them."""

    session: Session
    user: User


def encode_hook(value: object) -> object:
    """How msgspec writes what it does not know: moments, as JavaScript's ``toISOString`` does, and frozen objects."""
    if isinstance(value, Timestamp):
        return value.iso()
    if isinstance(value, datetime):
        return Timestamp.of(value).iso()
    if isinstance(value, MappingProxyType):
        return dict(value)
    raise NotImplementedError(f"{type(value).__name__} has no JSON form")


def decode_hook(kind: type[Any], value: object) -> object:
    """How msgspec reads what it does not know: moments."""
    if issubclass(kind, Timestamp):
        if not isinstance(value, str):
            raise ValueError("a moment is text")  # noqa: TRY004  (what msgspec makes its own error of)
        return Timestamp.parse(value)
    raise NotImplementedError(f"{kind.__name__} cannot be read from JSON")


_encoder = msgspec.json.Encoder(enc_hook=encode_hook)


def to_json(value: object) -> bytes:
    """Encode a record, or plain data holding records, as the wire expects it: camelCase, dates as JavaScript's."""
    return _encoder.encode(value)


def from_json(data: bytes | str, kind: type[R]) -> R:
    """Decode a record; raises ``msgspec.ValidationError`` or ``msgspec.DecodeError``."""
    return msgspec.json.decode(data, type=kind, dec_hook=decode_hook)

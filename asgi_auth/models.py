"""The records: one frozen type each for its Python form, its JSON form and its stored form.

Python reads ``session.user_id``; JSON and the database say ``userId``. The translation is msgspec's ``rename``, here
and nowhere else.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, TypeVar

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


class SessionWithUser(Record, frozen=True, kw_only=True):
    """A session and the user it belongs to, as one read gives them."""

    session: Session
    user: User


def encode_hook(value: object) -> object:
    """How msgspec writes what it does not know: moments, as JavaScript's ``toISOString`` does."""
    if isinstance(value, Timestamp):
        return value.iso()
    if isinstance(value, datetime):
        return Timestamp.of(value).iso()
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

"""Sessions and users as caches hold them, and what features need to have their own records held."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import replace
from hashlib import blake2b
from typing import Any, TypeVar

import msgspec
from msgspec import structs

from asgi_auth.config import CacheOptions
from asgi_auth.fields import fields_of
from asgi_auth.infrastructure.cache.base import Tag
from asgi_auth.infrastructure.cache.tiered import CacheSpec
from asgi_auth.models import Record, Session, SessionWithUser, User, decode_hook, encode_hook

R = TypeVar("R", bound=Record)


class RecordForm:
    """Values as bytes, behind a mark of their records' fields.

    A process of another release may have other fields: what it wrote says nothing of them, and must not be taken to
    say that they have their defaults.
    """

    def __init__(self, form: Any, *records: type[Record]) -> None:
        names = [[field.wire_name for field in fields_of(record)] for record in records]
        self._mark = blake2b(msgspec.json.encode(names), digest_size=8).digest()
        self._encoder = msgspec.msgpack.Encoder(enc_hook=encode_hook)
        self._decoder: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(form, dec_hook=decode_hook)

    def encode(self, value: object) -> bytes:
        """The bytes of a value."""
        return self._mark + self._encoder.encode(value)

    def decode(self, data: bytes) -> Any:
        """The value; raises ValueError for other fields, or ``msgspec.MsgspecError``."""
        if not data.startswith(self._mark):
            raise ValueError("it was written by somebody with other fields")
        return self._decoder.decode(memoryview(data)[len(self._mark) :])


class SessionCodec:
    """How a session and its user are written for all processes: without the token, which is the key.

    With ``is_by_id`` it is not, and who asks gets none.
    """

    def __init__(self, session: type[Session], user: type[User], *, is_by_id: bool = False) -> None:
        self._is_by_id = is_by_id
        pair = msgspec.defstruct("_Stored", [("session", session), ("user", user)], array_like=True)
        self._form = RecordForm(pair, session, user)

    def encode(self, value: SessionWithUser) -> bytes:
        """The pair without the session's token."""
        return self._form.encode((structs.replace(value.session, token=""), value.user))

    def decode(self, data: bytes, *, key: str) -> SessionWithUser:
        """The pair, with the token that it was asked by; raises ``msgspec.MsgspecError`` or ValueError."""
        stored = self._form.decode(data)
        token = "" if self._is_by_id else key
        return SessionWithUser(session=structs.replace(stored.session, token=token), user=stored.user)


def session_spec(options: CacheOptions, *, session: type[Session], user: type[User]) -> CacheSpec[SessionWithUser]:
    """What sessions are to a cache: known by their token, resting on their row and their user's."""
    return CacheSpec(
        space="session",
        lifetimes=options.sessions,
        most=options.max_entries,
        unknown_lifetime=options.unknown_lifetime,
        tags=_rests_on,
        tables=frozenset({"session", "user"}),
        codec=SessionCodec(session, user),
        expires_at=lambda value: value.session.expires_at.timestamp(),
        copied=_copier(session, user),
    )


def session_by_id_spec(
    options: CacheOptions, *, session: type[Session], user: type[User]
) -> CacheSpec[SessionWithUser]:
    """What sessions are to a cache that knows them by their user's id and their own, and never has their token."""
    by_token = session_spec(options, session=session, user=user)
    return replace(by_token, space="session_by_id", codec=SessionCodec(session, user, is_by_id=True))


class UserCodec:
    """How a user is written for all processes."""

    def __init__(self, user: type[User]) -> None:
        self._form = RecordForm(user, user)

    def encode(self, value: User) -> bytes:
        """The user."""
        return self._form.encode(value)

    def decode(self, data: bytes, *, key: str) -> User:  # noqa: ARG002  (the user says all)
        """The user; raises ``msgspec.MsgspecError`` or ValueError."""
        user: User = self._form.decode(data)
        return user


def user_spec(options: CacheOptions, *, user: type[User]) -> CacheSpec[User]:
    """What users are to a cache: known by ``id:`` and ``email:``, resting on their row."""
    return CacheSpec(
        space="user",
        lifetimes=options.users,
        most=options.max_entries,
        unknown_lifetime=options.unknown_lifetime,
        tags=lambda value: (("user", value.id),),
        tables=frozenset({"user"}),
        codec=UserCodec(user),
        copied=copier(user),
    )


def _copier(session: type[Session], user: type[User]) -> Callable[[SessionWithUser], SessionWithUser] | None:
    """How a pair is copied for whoever asks; None where nothing in it can be changed by anybody."""
    of_session, of_user = _changeable(session), _changeable(user)
    if not of_session and not of_user:
        return None

    def copied(value: SessionWithUser) -> SessionWithUser:
        return SessionWithUser(session=_copied(value.session, of_session), user=_copied(value.user, of_user))

    return copied


def copier(record: type[R]) -> Callable[[R], R] | None:
    """How a record is copied for whoever asks; None where nothing in it can be changed by anybody."""
    names = _changeable(record)
    return (lambda value: _copied(value, names)) if names else None


def _changeable(record: type[Record]) -> tuple[str, ...]:
    """The fields that hold lists, dicts and the like."""
    return tuple(field.name for field in fields_of(record) if field.kind == "json")


def _copied(record: R, names: Sequence[str]) -> R:
    return structs.replace(record, **{name: deepcopy(getattr(record, name)) for name in names})


def _rests_on(value: SessionWithUser) -> Sequence[Tag]:
    return (("session", value.session.id), ("user", value.user.id))

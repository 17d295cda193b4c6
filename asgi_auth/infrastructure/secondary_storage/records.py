"""Sessions and verifications as Better Auth's secondary storage holds them: written to the letter, read with care."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import msgspec
import structlog

from asgi_auth.clock import Timestamp
from asgi_auth.errors import Unavailable
from asgi_auth.fields import Field, fields_of
from asgi_auth.models import Record, Session, SessionWithUser, User, decode_hook, encode_hook

R = TypeVar("R", bound=Record)
T = TypeVar("T")

FIRST = ("id", "ipAddress", "userAgent", "expiresAt", "userId", "token", "createdAt", "updatedAt")
"""How Better Auth orders a session that is in Redis alone; added fields follow where they have a value."""

_logger = structlog.get_logger("asgi_auth.secondary_storage")


class _Held(msgspec.Struct):
    session: dict[str, Any]
    user: dict[str, Any]


class SessionForm:
    """How a session and its user are written and read.

    Fields that we do not know stay as they are when a session is changed: another server's plugins may need them.

    Args:
        session: the composed type of sessions.
        user: the composed type of users.
        is_row: sessions are written as rows of the database are, with what is not set as null; else without it.
    """

    def __init__(self, session: type[Session], user: type[User], *, is_row: bool) -> None:
        self._session = session
        self._user = user
        self._is_row = is_row
        self._names = {field.name: field.wire_name for field in fields_of(session)}

    def write(self, session: Session, user: User) -> bytes:
        """The JSON of a new session."""
        shown = _as_row(session) if self._is_row else _as_made(session)
        return msgspec.json.encode({"session": shown, "user": _as_row(user)})

    def read(self, data: bytes) -> SessionWithUser:
        """The session and its user; raises Unavailable for what is none."""

        def reading() -> SessionWithUser:
            held = msgspec.json.decode(data, type=_Held)
            return SessionWithUser(session=_record(self._session, held.session), user=_record(self._user, held.user))

        found = _readable("session", reading)
        if found.session.user_id != found.user.id:
            raise unreadable("session")
        return found

    def changed(self, data: bytes, values: Mapping[str, object]) -> bytes:
        """The JSON with other values of the session, by Python name."""
        held = msgspec.json.decode(data)
        named = {self._names[name]: value for name, value in values.items()}
        held["session"] |= msgspec.to_builtins(named, enc_hook=encode_hook)
        return msgspec.json.encode(held)

    def with_user(self, data: bytes, user: User) -> bytes:
        """The JSON with the user as it is now."""
        held = msgspec.json.decode(data)
        held["user"] |= _as_row(user)
        return msgspec.json.encode(held)


def write_plain(values: Mapping[str, object]) -> bytes:
    """The JSON of plain values and moments."""
    return msgspec.json.encode(values, enc_hook=encode_hook)


def read_record(data: bytes, kind: type[R], **missing: object) -> R:
    """A record, with values for what need not be there; raises Unavailable for what is none."""
    return _readable(
        kind.__name__.lower(), lambda: _record(kind, missing | msgspec.json.decode(data, type=dict[str, Any]))
    )


def unreadable(what: str) -> Unavailable:
    """The fault that something in Redis is not what has to be there. Nobody is let in on the strength of it."""
    _logger.error("secondary_storage.unreadable", what=what)
    return Unavailable()


def seconds_until(moment: Timestamp, now: Timestamp) -> int:
    """For how long Redis keeps what ends then: whole seconds, as Better Auth counts, 1 at least."""
    return max((moment - now) // timedelta(seconds=1), 1)


def _readable(what: str, reading: Callable[[], T]) -> T:
    try:
        return reading()
    except (msgspec.MsgspecError, TypeError, ValueError, OverflowError, RecursionError):
        raise unreadable(what) from None  # a message may quote the value


def _as_row(record: Record) -> dict[str, object]:
    data: dict[str, object] = msgspec.to_builtins(record, enc_hook=encode_hook)
    data["id"] = data.pop("id")
    return data


def _as_made(session: Session) -> dict[str, object]:
    data: dict[str, object] = msgspec.to_builtins(session, enc_hook=encode_hook)
    first = {name: data.pop(name) for name in FIRST}
    return first | {name: value for name, value in data.items() if value is not None}


def _record(kind: type[R], held: Mapping[str, Any]) -> R:
    known = {field.wire_name: field for field in fields_of(kind)}
    values = {name: _value(known[name], value) for name, value in held.items() if name in known}
    given = {name: value for name, value in values.items() if value is not None or not _has_default(known[name])}
    return msgspec.convert(given, kind, dec_hook=decode_hook)


def _has_default(field: Field) -> bool:
    """Whether null means that nothing is set: the value is older than the field, or somebody else's."""
    return not (field.is_optional or field.is_required)


def _value(field: Field, value: object) -> object:
    """A value as our own JSON has it: databases of Better Auth's may give numbers for moments and for flags."""
    if field.kind == "moment" and isinstance(value, int | float) and not isinstance(value, bool):
        return Timestamp.of(datetime.fromtimestamp(value / 1000, UTC)).iso()
    if field.kind == "flag" and type(value) is int and value in (0, 1):
        return bool(value)
    return value

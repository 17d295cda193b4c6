"""Sessions as caches hold them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import structs

from asgi_auth.config import CacheOptions
from asgi_auth.infrastructure.cache.base import Tag
from asgi_auth.infrastructure.cache.tiered import CacheSpec
from asgi_auth.models import Session, SessionWithUser, User, decode_hook, encode_hook


class SessionCodec:
    """How a session and its user are written for all processes: without the token, which is the key."""

    def __init__(self, session: type[Session], user: type[User]) -> None:
        form = msgspec.defstruct("_Stored", [("session", session), ("user", user)], array_like=True)
        self._encoder = msgspec.msgpack.Encoder(enc_hook=encode_hook)
        self._decoder: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(form, dec_hook=decode_hook)

    def encode(self, value: SessionWithUser) -> bytes:
        """The pair without the session's token."""
        return self._encoder.encode((structs.replace(value.session, token=""), value.user))

    def decode(self, data: bytes, *, key: str) -> SessionWithUser:
        """The pair, with the token that it was asked by; raises ``msgspec.MsgspecError``."""
        stored = self._decoder.decode(data)
        return SessionWithUser(session=structs.replace(stored.session, token=key), user=stored.user)


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
    )


def _rests_on(value: SessionWithUser) -> Sequence[Tag]:
    return (("session", value.session.id), ("user", value.user.id))

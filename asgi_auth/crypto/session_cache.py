"""The cookie cache (session_data): a session and its user in the client's hands, in three strategies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal, Protocol

import msgspec

from asgi_auth.clock import Timestamp
from asgi_auth.crypto import base64url, javascript
from asgi_auth.crypto.jwe import ClaimsCipher
from asgi_auth.crypto.jwt_hs256 import sign_payload, verify_payload
from asgi_auth.crypto.signing import Signer

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_YEAR_9999 = 253_402_300_799

_Seconds = Annotated[int, msgspec.Meta(ge=0, le=_YEAR_9999)]
_Milliseconds = Annotated[int, msgspec.Meta(ge=0, le=_YEAR_9999 * 1000)]


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedSession:
    """What a cookie that verified says; ``session`` and ``user`` are JSON objects to decode into records.

    ``updated_at`` is when the cookie was made, ``expires_at`` when it stops counting, ``version`` what the
    cache's version was. Whether the session is the cookie's, alive and of this version is for the reader.
    """

    session: msgspec.Raw
    user: msgspec.Raw
    updated_at: Timestamp
    expires_at: Timestamp
    version: str


class SessionCacheCodec(Protocol):
    """One strategy: how the cache is written into a cookie value and read from one."""

    def encode(self, *, session: object, user: object, now: datetime, lifetime: timedelta, version: str = "1") -> str:
        """The cookie value. ``session`` and ``user`` are JSON objects: dicts or ``msgspec.Raw``."""

    def decode(self, cookie: str, *, now: datetime) -> CachedSession | None:
        """What the value says, or None unless one of the secrets made it and it counts at ``now``.

        Never raises. Values over ``base64url.MAX_LENGTH`` characters, chunks joined, are not looked at.
        """


class CompactCodec:
    """JSON with an HMAC in it, in base64url: the shortest, and readable by whoever holds the cookie."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._signer = Signer(secrets)

    def encode(self, *, session: object, user: object, now: datetime, lifetime: timedelta, version: str = "1") -> str:
        """See ``SessionCacheCodec.encode``."""
        # Who verifies it writes the JSON anew, numbers included.
        session, user = javascript.with_numbers(session), javascript.with_numbers(user)
        payload = _payload(session, user, now, version)
        expires_at = _milliseconds(now + lifetime)
        signature = self._signer.mac(_signed_text(payload, expires_at))
        return base64url.encode(
            b'{"session":%b,"expiresAt":%d,"signature":"%b"}' % (payload, expires_at, signature.encode())
        )

    def decode(self, cookie: str, *, now: datetime) -> CachedSession | None:
        """See ``SessionCacheCodec.decode``."""
        try:
            envelope = msgspec.json.decode(base64url.decode(cookie), type=_Envelope)
            signed = _signed_text(bytes(envelope.session), envelope.expires_at)
        except (ValueError, RecursionError):
            return None
        if not self._signer.verifies(signed, envelope.signature):
            return None
        return _read(bytes(envelope.session), now, expires_at=envelope.expires_at)


class JwtCodec:
    """An HS256 token: readable by whoever holds the cookie, verifiable by services that know the secret."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._signer = Signer(secrets)

    def encode(self, *, session: object, user: object, now: datetime, lifetime: timedelta, version: str = "1") -> str:
        """See ``SessionCacheCodec.encode``."""
        issued_at = int(now.timestamp())
        stamp = b',"iat":%d,"exp":%d}' % (issued_at, issued_at + int(lifetime.total_seconds()))
        return sign_payload(_payload(session, user, now, version)[:-1] + stamp, self._signer)

    def decode(self, cookie: str, *, now: datetime) -> CachedSession | None:
        """See ``SessionCacheCodec.decode``."""
        return _read(verify_payload(cookie, self._signer), now)


class JweCodec:
    """An encrypted token: the only strategy that tells nothing to whoever holds the cookie."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._cipher = ClaimsCipher(secrets)

    def encode(self, *, session: object, user: object, now: datetime, lifetime: timedelta, version: str = "1") -> str:
        """See ``SessionCacheCodec.encode``."""
        claims = {"session": session, "user": user, "updatedAt": _milliseconds(now), "version": version}
        return self._cipher.seal(claims, now=now, lifetime=lifetime)

    def decode(self, cookie: str, *, now: datetime) -> CachedSession | None:
        """See ``SessionCacheCodec.decode``."""
        return _read(self._cipher.decrypt(cookie), now)


def session_cache_codec(strategy: Literal["compact", "jwt", "jwe"], secrets: Sequence[str]) -> SessionCacheCodec:
    """The codec of a strategy; ``secrets`` newest first: it writes with the first and reads with all."""
    codecs: dict[str, type[CompactCodec | JwtCodec | JweCodec]] = {
        "compact": CompactCodec,
        "jwt": JwtCodec,
        "jwe": JweCodec,
    }
    return codecs[strategy](secrets)


class _Envelope(msgspec.Struct, frozen=True, rename="camel"):
    """The compact cookie; the session stays raw, so that exactly the bytes that were signed are verified."""

    session: msgspec.Raw
    expires_at: _Milliseconds
    signature: str


class _Payload(msgspec.Struct, frozen=True, rename="camel"):
    session: msgspec.Raw
    user: msgspec.Raw
    updated_at: _Milliseconds
    version: str
    exp: _Seconds | None = None


def _payload(session: object, user: object, now: datetime, version: str) -> bytes:
    return msgspec.json.encode({"session": session, "user": user, "updatedAt": _milliseconds(now), "version": version})


def _signed_text(payload: bytes, expires_at: int) -> str:
    """The payload object with ``expiresAt`` as its last member (Better Auth contract)."""
    return (payload[:-1] + b',"expiresAt":%d}' % expires_at).decode()


def _read(payload: bytes | None, now: datetime, *, expires_at: int | None = None) -> CachedSession | None:
    """The payload as a CachedSession; ``expires_at`` in milliseconds, or taken from the claim ``exp``."""
    if payload is None:
        return None
    try:
        said = msgspec.json.decode(payload, type=_Payload)
    except (ValueError, RecursionError):
        return None
    if expires_at is None:
        expires_at = (said.exp or 0) * 1000
    if expires_at <= _milliseconds(now) or not (_is_object(said.session) and _is_object(said.user)):
        return None
    return CachedSession(
        session=said.session,
        user=said.user,
        updated_at=_moment(said.updated_at),
        expires_at=_moment(expires_at),
        version=said.version,
    )


def _is_object(raw: msgspec.Raw) -> bool:
    return bytes(raw).startswith(b"{")


def _milliseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _MILLISECOND


def _moment(milliseconds: int) -> Timestamp:
    return Timestamp.of(_EPOCH + milliseconds * _MILLISECOND)

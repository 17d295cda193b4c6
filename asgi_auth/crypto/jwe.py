"""Claims encrypted into a cookie: compact JWE with a direct key and A256CBC-HS512 (RFC 7516, RFC 7518)."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import msgspec
from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from asgi_auth.crypto import base64url
from asgi_auth.crypto.keys import SESSION_CACHE_SALT, JweKey, checked_secrets, derive_jwe_key

CLOCK_TOLERANCE = timedelta(seconds=15)
"""How long after ``exp`` a token still opens (Better Auth contract)."""
_ALGORITHMS = ("dir", "A256CBC-HS512")


class _Validity(msgspec.Struct, frozen=True):
    exp: int | float


class ClaimsCipher:
    """Encrypts claims under a key derived from the newest secret, and decrypts those of any secret in use.

    ``secrets`` are given newest first, ``salt`` tells the kinds of cookies apart. A token names its key in
    its header, which must be the very one that we and Better Auth write: no other algorithm, no compression.
    Raises ValueError for no secret or an empty one.
    """

    __slots__ = ("_header", "_keys", "_registry")

    def __init__(self, secrets: Sequence[str], *, salt: str = SESSION_CACHE_SALT) -> None:
        keys = [derive_jwe_key(secret, salt=salt) for secret in checked_secrets(secrets)]
        self._header = _header(keys[0])
        self._keys = {_prefix(key): OctKey.import_key(key.key) for key in keys}
        self._registry = jwe.JWERegistry(algorithms=_ALGORITHMS)

    def seal(self, claims: Mapping[str, object], *, now: datetime, lifetime: timedelta) -> str:
        """The claims with ``iat``, ``exp`` (seconds) and a random ``jti`` added, encrypted."""
        issued_at = int(now.timestamp())
        expires_at = issued_at + int(lifetime.total_seconds())
        stamped = {**claims, "iat": issued_at, "exp": expires_at, "jti": str(uuid.uuid4())}
        key = next(iter(self._keys.values()))
        return jwe.encrypt_compact(self._header, msgspec.json.encode(stamped), key, registry=self._registry)

    def open(self, token: str, *, now: datetime) -> dict[str, object] | None:
        """The claims of a token made under one of the secrets and not expired at ``now``, otherwise None."""
        payload = self.decrypt(token)
        if payload is None:
            return None
        try:
            validity = msgspec.json.decode(payload, type=_Validity)
            claims = msgspec.json.decode(payload, type=dict[str, object])
        except (ValueError, RecursionError):
            return None
        return claims if (now - CLOCK_TOLERANCE).timestamp() < validity.exp else None

    def decrypt(self, token: str) -> bytes | None:
        """The JSON in a token made under one of the secrets, whatever it says, or None; never raises."""
        key = self._keys.get(token.partition(".")[0])
        if key is None or len(token) > base64url.MAX_LENGTH:
            return None
        try:
            return jwe.decrypt_compact(token, key, registry=self._registry).plaintext
        except (JoseError, ValueError):
            return None

    def __repr__(self) -> str:
        return f"<ClaimsCipher with {len(self._keys)} keys>"


def _header(key: JweKey) -> dict[str, str]:
    algorithm, encryption = _ALGORITHMS
    return {"alg": algorithm, "enc": encryption, "kid": key.kid}


def _prefix(key: JweKey) -> str:
    return base64url.encode(msgspec.json.encode(_header(key)))

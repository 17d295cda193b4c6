"""The keys that a provider signs ID tokens with (RFC 7517)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, Key, OKPKey, RSAKey

from asgi_auth.clock import Clock
from asgi_auth.oauth.errors import ProviderFailed
from asgi_auth.oauth.remembered import Remembered

LIFETIME = timedelta(hours=1)
"""How long keys are used before they are asked for again: a withdrawn one is believed no longer."""

RELOAD_INTERVAL = timedelta(seconds=10)
"""How often a token that names an unknown key may have them asked for again: providers change keys, attackers flood."""

_MOST_KEYS = 100
# The length of RSA's modulus in base64url: 2048 bits (RFC 7518, 3.3) to 16384.
_RSA_LENGTHS = range(342, 2732)


class ProviderKeys:
    """A provider's signing keys, loaded when first needed. ``load`` gives the document, once however many wait."""

    def __init__(self, load: Callable[[], Awaitable[Mapping[str, object]]], *, clock: Clock) -> None:
        async def keys() -> Sequence[Key]:
            return parse_keys(await load())

        self._keys = Remembered(keys, lifetime=LIFETIME, clock=clock)
        self.close = self._keys.close

    async def get(self, *, kid: str | None, algorithm: str) -> Key:
        """The key that a token names; raises ProviderFailed where there is none.

        A token may name none where there is one key only (OpenID Connect Core, 10.1).
        """
        found = _fitting(await self._keys.get(), kid, algorithm)
        if not found and kid is not None:
            found = _fitting(await self._keys.get(newer_than=RELOAD_INTERVAL), kid, algorithm)
        if len(found) != 1:
            raise ProviderFailed("an ID token of an unknown key")
        return found[0]


def parse_keys(document: Mapping[str, object]) -> Sequence[Key]:
    """The keys of a document that verify signatures; those that we cannot use are left out (RFC 7517, 5)."""
    listed = document.get("keys")
    if not isinstance(listed, list) or len(listed) > _MOST_KEYS:
        raise ProviderFailed("a document without keys")
    keys = (_parse_key(each) for each in listed if isinstance(each, dict))
    return tuple(key for key in keys if key is not None)


def _parse_key(fields: dict[str, object]) -> Key | None:
    if not _is_for_signatures(fields) or not _is_strong(fields):
        return None
    public = {name: value for name, value in fields.items() if name in _PUBLIC_FIELDS}
    try:
        return JWKRegistry.import_key(public)  # type: ignore[arg-type]  # it checks the fields itself
    except (JoseError, ValueError, TypeError, KeyError):
        return None


_PUBLIC_FIELDS = frozenset({"kty", "kid", "alg", "n", "e", "crv", "x", "y"})


def _is_for_signatures(fields: Mapping[str, object]) -> bool:
    operations = fields.get("key_ops")
    return (
        fields.get("kty") in (RSAKey.key_type, ECKey.key_type, OKPKey.key_type)
        and fields.get("use", "sig") == "sig"
        and (operations is None or (isinstance(operations, list) and "verify" in operations))
    )


def _is_strong(fields: Mapping[str, object]) -> bool:
    if fields.get("kty") != RSAKey.key_type:
        return True
    modulus = fields.get("n")
    return isinstance(modulus, str) and len(modulus) in _RSA_LENGTHS


def _fitting(keys: Sequence[Key], kid: str | None, algorithm: str) -> Sequence[Key]:
    """The keys of this id whose own algorithm, where they tell one, is the token's."""
    return [key for key in keys if kid in (None, key.kid) and key.alg in (None, algorithm)]

"""The keys that a provider signs ID tokens with (RFC 7517)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta

from asgi_auth.clock import Clock
from asgi_auth.crypto.jwk import VerificationKey, fitting, parse_key_set
from asgi_auth.oauth.errors import ProviderFailed
from asgi_auth.oauth.remembered import Remembered

LIFETIME = timedelta(hours=1)
"""How long keys are used before they are asked for again: a withdrawn one is believed no longer."""

RELOAD_INTERVAL = timedelta(seconds=10)
"""How often a token that names an unknown key may have them asked for again: providers change keys, attackers flood."""


class ProviderKeys:
    """A provider's signing keys, loaded when first needed. ``load`` gives the document, once however many wait."""

    def __init__(self, load: Callable[[], Awaitable[Mapping[str, object]]], *, clock: Clock) -> None:
        async def keys() -> Sequence[VerificationKey]:
            try:
                return parse_key_set(await load())
            except ValueError as error:
                raise ProviderFailed(str(error)) from None

        self._keys = Remembered(keys, lifetime=LIFETIME, clock=clock)
        self.close = self._keys.close

    async def get(self, *, kid: str | None, algorithm: str) -> VerificationKey:
        """The key that a token names; raises ProviderFailed where there is none.

        A token may name none where there is one key only (OpenID Connect Core, 10.1).
        """
        found = fitting(await self._keys.get(), kid, algorithm)
        if not found and kid is not None:
            found = fitting(await self._keys.get(newer_than=RELOAD_INTERVAL), kid, algorithm)
        if len(found) != 1:
            raise ProviderFailed("an ID token of an unknown key")
        return found[0]

"""The keys of another issuer: asked for once for all that wait, kept, and asked for again when there is reason to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

import structlog

from asgi_auth.clock import Clock, seconds_of
from asgi_auth.context import Standing
from asgi_auth.crypto.jwk import VerificationKey, fitting, parse_key_set
from asgi_auth.errors import InvalidToken, Unavailable
from asgi_auth.features.jwt.issuers import Issuer
from asgi_auth.features.jwt.keys import KnownKey, TrustedIssuer
from asgi_auth.infrastructure.cache.memory import Cell
from asgi_auth.oauth.documents import get_object
from asgi_auth.oauth.endpoints import openid_document_of
from asgi_auth.oauth.errors import ProviderFailed, ProviderUnreachable
from asgi_auth.oauth.remembered import Remembered
from asgi_auth.oauth.transport import Transport

PAUSE = timedelta(seconds=10)
"""How often an issuer is asked at most: by tokens that name unknown keys, and while it does not answer."""

_logger = structlog.get_logger("asgi_auth.jwt")


def trusted(issuer: Issuer, *, clock: Clock, transport: Transport | None = None) -> TrustedIssuer:
    """A declared issuer with its keys; see IssuerKeys."""
    return TrustedIssuer(rules=issuer.rules, keys=IssuerKeys(issuer, clock=clock, transport=transport))


class _KeySet:
    """Keys as they were published; each has a cell on which the tokens that it verified rest."""

    def __init__(self, cells: Mapping[VerificationKey, Cell[VerificationKey]], *, loaded_at: float) -> None:
        self.cells = cells
        self.loaded_at = loaded_at

    def find(self, kid: str | None, algorithm: str) -> VerificationKey | None:
        """The one key that a header names; None where there is none, or more than one."""
        found = fitting(tuple(self.cells), kid, algorithm)
        return found[0] if len(found) == 1 else None


class IssuerKeys:
    """The keys of one issuer, a KeySource.

    They are asked for when first needed. For ``issuer.key_lifetime`` they are new; past that they are used while they
    are asked for again beside the requests, until ``issuer.longest_key_lifetime`` is over. A token that names an
    unknown key has them asked for again, at most once in 10 seconds, and so has an issuer that does not answer: in
    between its tokens are answered from what is known.

    When keys that were read anew lack one, or have another under its id, the cell that its tokens rest on dies.

    Args:
        issuer: whose.
        clock: the present moment.
        transport: another way out, for tests (default: one with the issuer's options).

    Nothing is connected, read or started before the first token.
    """

    def __init__(self, issuer: Issuer, *, clock: Clock, transport: Transport | None = None) -> None:
        self._issuer = issuer
        self._seconds = seconds_of(clock)
        self._transport = transport or Transport(
            timeout=issuer.timeout, allows_private_addresses=issuer.allows_private_addresses
        )
        self._known = _KeySet({}, loaded_at=0)
        self._keys = Remembered(
            self._load, lifetime=issuer.key_lifetime, longest=issuer.longest_key_lifetime, pause=PAUSE, clock=clock
        )
        self.close = self._keys.close

    async def get(self, kid: str | None, algorithm: str) -> KnownKey:
        """See ``KeySource.get``."""
        try:
            keys = await self._keys.get()
            key = keys.find(kid, algorithm)
            if key is None and kid is not None:
                keys = await self._keys.get(newer_than=PAUSE)
                key = keys.find(kid, algorithm)
        except ProviderUnreachable:
            raise Unavailable(retry_after=round(PAUSE.total_seconds())) from None
        if key is None:
            raise InvalidToken(reason="a token of an unknown key")
        return KnownKey(key, self._standing(keys, key))

    def _standing(self, keys: _KeySet, key: VerificationKey) -> Standing:
        """Until the keys are old; old ones vouch only until the next attempt to read them anew."""
        cell, now = keys.cells[key], self._seconds()
        end = keys.loaded_at + self._issuer.key_lifetime.total_seconds()
        until = end if end > now else min(now + PAUSE.total_seconds(), cell.until)
        return Standing(cell, until, is_told=False)

    async def _load(self) -> _KeySet:
        loaded_at = self._seconds()
        try:
            document = await get_object(self._transport, await self._jwks_url())
            keys = parse_key_set(document)
        except ValueError as error:
            raise self._failed(str(error)) from None
        except ProviderFailed as error:
            raise self._failed(str(error)) from None
        return self._adopted(keys, loaded_at)

    async def _jwks_url(self) -> str:
        if self._issuer.jwks_url is not None:
            return self._issuer.jwks_url
        document = await get_object(self._transport, openid_document_of(self._issuer.url))
        # Whoever could serve another issuer's document would speak in its name (OpenID Connect Discovery, 4.3).
        if document.get("issuer") != self._issuer.url:
            raise ProviderFailed("the discovery document is of another issuer")
        url = document.get("jwks_uri")
        if not isinstance(url, str):
            raise ProviderFailed("a discovery document without jwks_uri")
        return url

    def _adopted(self, keys: Sequence[VerificationKey], loaded_at: float) -> _KeySet:
        """What was read, in place of what was known: who is still there keeps its cell, who is gone loses it."""
        until = loaded_at + self._issuer.longest_key_lifetime.total_seconds()
        before = self._known.cells
        cells = {key: before.get(key) or Cell(key.thumbprint, key, until) for key in keys}
        for key, cell in before.items():
            cell.until = until
            cell.is_live = key in cells
        self._known = _KeySet(cells, loaded_at=loaded_at)
        return self._known

    def _failed(self, reason: str) -> ProviderFailed:
        _logger.warning("jwt.issuer_failed", issuer=self._issuer.url, reason=reason)
        return ProviderFailed(reason)

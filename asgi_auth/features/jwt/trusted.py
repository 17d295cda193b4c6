"""Other issuers with their keys, each once in an Auth, whoever takes their tokens."""

from __future__ import annotations

from asgi_auth.clock import Clock
from asgi_auth.features.jwt.issuer_keys import trusted
from asgi_auth.features.jwt.issuers import Issuer
from asgi_auth.features.jwt.keys import TrustedIssuer
from asgi_auth.services.registry import Services


class TrustedIssuers:
    """The keys of other issuers: several middlewares that take the same tokens ask for the same keys once.

    Args:
        clock: the present moment.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: dict[Issuer, TrustedIssuer] = {}

    @classmethod
    def of(cls, services: Services) -> TrustedIssuers:
        """Those of an Auth, made when they are first asked for and closed with it."""
        found = services.find(cls)
        if found is None:
            found = cls(services.clock)
            services.add(found, close=found.close)
        return found

    def get(self, issuer: Issuer) -> TrustedIssuer:
        """A declared issuer with its keys; nothing is asked for before its first token."""
        known = self._known.get(issuer)
        if known is None:
            known = self._known[issuer] = trusted(issuer, clock=self._clock)
        return known

    async def close(self) -> None:
        """Give up what is under way."""
        for issuer in self._known.values():
            await issuer.keys.close()

"""Whose tokens are taken, and where the keys come from that they are verified with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from asgi_auth.context import Standing
from asgi_auth.crypto.jwk import VerificationKey
from asgi_auth.features.jwt.claims import TokenRules


@dataclass(frozen=True, slots=True)
class KnownKey:
    """What a key's id stands for.

    Attributes:
        key: what verifies.
        standing: for how long a token verified by it may be remembered: its cell dies as soon as the key is known to
            be withdrawn or replaced. None where it must not be remembered.
    """

    key: VerificationKey
    standing: Standing | None = field(default=None, compare=False)


class KeySource(Protocol):
    """The keys of one issuer: our own, or those that another one publishes."""

    async def get(self, kid: str | None, algorithm: str) -> KnownKey:
        """The key that a token's header names.

        Args:
            kid: its id, as the token says it; None where it names none, which stands for the only key that there is
                of the algorithm, if there is one only.
            algorithm: ``alg`` of the token, one of ``crypto.jwk.ALGORITHMS``. Only a key whose own it is is given.

        Raises InvalidToken where the issuer has no such key, Unavailable where that cannot be told now.
        """

    async def close(self) -> None:
        """Give up what is under way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedIssuer:
    """An issuer whose tokens are taken: by what rules, and with whose keys."""

    rules: TokenRules
    keys: KeySource

"""Tokens of several issuers, ours among them: whose they are, and whether they are to be believed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from asgi_auth.clock import Clock, seconds_of
from asgi_auth.context import Standing
from asgi_auth.crypto import jws
from asgi_auth.errors import ConfigurationError, InvalidToken
from asgi_auth.features.jwt.claims import (
    Claims,
    TokenRules,
    expires_at,
    parse_claims,
    scopes_of,
    validate_jwt_claims,
)
from asgi_auth.features.jwt.keys import KnownKey, TrustedIssuer
from asgi_auth.models import frozen


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedToken:
    """What a token that was verified says.

    Attributes:
        claims: all of its claims; they cannot be changed.
        subject: ``sub``.
        issuer: ``iss``.
        scopes: what it allows, see ``scopes_of``.
        expires_at: ``exp``, in seconds since 1970.
        standing: for how long it may be remembered that it was verified: while its key stands, and no longer than the
            token is taken. None where it must not be.
    """

    claims: Claims = field(repr=False)
    subject: str
    issuer: str
    scopes: frozenset[str]
    expires_at: float
    standing: Standing | None = field(default=None, repr=False, compare=False)


class JWTVerifier:
    """Verifies tokens of these issuers.

    Args:
        issuers: each ``iss`` once, otherwise ConfigurationError.
        clock: the present moment.
        max_length: characters of a token; a longer one is not even taken apart (default 8,192).
    """

    def __init__(self, issuers: Iterable[TrustedIssuer], *, clock: Clock, max_length: int = jws.MAX_LENGTH) -> None:
        self._issuers: dict[object, TrustedIssuer] = {}
        self._seconds = seconds_of(clock)
        self._max_length = max_length
        for trusted in issuers:
            if self._issuers.setdefault(trusted.rules.issuer, trusted) is not trusted:
                raise ConfigurationError(f"issuers: {trusted.rules.issuer!r} once")

    async def verify(self, token: str) -> VerifiedToken:
        """What a token says.

        Whatever costs nothing is judged first: nobody is asked for a key, and no signature is computed, for a token
        that is not to be taken in any case.

        Raises InvalidToken for a token that is not to be believed, Unavailable where its issuer's keys cannot be had.
        """
        unverified = jws.split(token, most=self._max_length)
        claims = parse_claims(unverified.payload)
        trusted = self._trusted(claims.get("iss"))
        _check_kind(unverified, trusted.rules)
        validate_jwt_claims(claims, rules=trusted.rules, now=self._seconds())
        known = await trusted.keys.get(unverified.kid, unverified.algorithm)
        unverified.verify(known.key)
        return _verified(claims, trusted.rules, known)

    async def close(self) -> None:
        """Give up what is under way."""
        for trusted in self._issuers.values():
            await trusted.keys.close()

    def _trusted(self, issuer: object) -> TrustedIssuer:
        found = self._issuers.get(issuer) if isinstance(issuer, str) else None
        if found is None:
            raise InvalidToken(reason="a token of an unknown issuer")
        return found


def _check_kind(unverified: jws.Unverified, rules: TokenRules) -> None:
    if unverified.algorithm not in rules.algorithms:
        raise InvalidToken(reason="a token of an algorithm that its issuer does not use")
    if not rules.takes_type(unverified.type):
        raise InvalidToken(reason="a token of a type that is for something else")


def _verified(claims: Claims, rules: TokenRules, known: KnownKey) -> VerifiedToken:
    end, standing = expires_at(claims), known.standing
    if standing is not None:
        until = min(standing.until, end + rules.late.total_seconds())
        standing = Standing(standing.cell, until, is_told=standing.is_told)
    return VerifiedToken(
        claims=frozen(claims),
        subject=str(claims["sub"]),
        issuer=rules.issuer,
        scopes=scopes_of(claims),
        expires_at=end,
        standing=standing,
    )

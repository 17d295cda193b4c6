"""What a token has to say to be taken (RFC 7519, 4.1; RFC 8725)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from asgi_auth.crypto.jwk import ALGORITHMS
from asgi_auth.crypto.strict_json import parse_object
from asgi_auth.errors import InvalidToken

Claims = Mapping[str, object]

TOLERANCE = timedelta(seconds=60)
"""How far the clocks of an issuer and of ours may be apart."""

MAX_SUBJECT = 255
"""Characters of ``sub`` (OpenID Connect Core, 2)."""

LAST_SECOND = 253_402_300_799
"""The end of the year 9999, in seconds since 1970: a later ``exp`` is an issuer's mistake, often milliseconds."""

_SCOPE_CLAIMS = ("scope", "scp", "scopes")


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRules:
    """What tokens of one issuer have to agree with.

    Attributes:
        issuer: ``iss``, compared whole.
        audiences: ``aud`` has to be, or to hold, one of these.
        algorithms: what they may be signed with (default: every one of ``crypto.jwk.ALGORITHMS``).
        types: what ``typ`` of the header may be, in lower case and without ``application/``; a token without one is a
            "jwt". Tokens of another type are for something else, logging out for one (RFC 8725, 3.11).
        late: for how long after ``exp`` they are still taken.
        early: how far ahead of our clock ``iat`` and ``nbf`` may be.
    """

    issuer: str
    audiences: frozenset[str]
    algorithms: frozenset[str] = ALGORITHMS
    types: frozenset[str] = frozenset({"jwt", "at+jwt"})
    late: timedelta = TOLERANCE
    early: timedelta = TOLERANCE

    def takes_type(self, declared: str | None) -> bool:
        """Whether a ``typ`` is one of these, in whatever case, with or without ``application/`` (RFC 7515, 4.1.9)."""
        return (declared or "jwt").lower().removeprefix("application/") in self.types


def own_rules(*, issuer: str, audiences: frozenset[str], algorithms: frozenset[str] = ALGORITHMS) -> TokenRules:
    """The rules of tokens that we issue ourselves.

    They end when they say so (``late`` is nothing, Better Auth contract); only the clocks of several servers of ours
    may be apart. They have no ``typ``.
    """
    return TokenRules(
        issuer=issuer, audiences=audiences, algorithms=algorithms, types=frozenset({"jwt"}), late=timedelta()
    )


def parse_claims(payload: bytes) -> Claims:
    """The claims of a payload; raises InvalidToken unless it is one JSON object that all read alike (RFC 7519, 4)."""
    try:
        return parse_object(payload)
    except ValueError:
        raise InvalidToken(reason="a token whose claims cannot be read") from None


def validate_jwt_claims(claims: Claims, *, rules: TokenRules, now: float) -> None:
    """Raises InvalidToken unless these claims, of whatever shape, agree with the rules at ``now`` (seconds since 1970).

    ``iss``, ``aud``, ``exp`` and ``sub`` have to be there; ``iat`` and ``nbf`` have to be right if they are.
    """
    if claims.get("iss") != rules.issuer:
        raise InvalidToken(reason="a token of another issuer")
    if not _is_for(claims.get("aud"), rules.audiences):
        raise InvalidToken(reason="a token for another audience")
    if not _is_subject(claims.get("sub")):
        raise InvalidToken(reason="a token of nobody")
    _check_times(claims, rules, now)


def expires_at(claims: Claims) -> float:
    """``exp`` in seconds since 1970; raises InvalidToken for what is no such moment."""
    moment = _moment(claims.get("exp"))
    if moment is None:
        raise InvalidToken(reason="a token without an end")
    return moment


def scopes_of(claims: Claims) -> frozenset[str]:
    """What a token allows: ``scope``, words with blanks between them (RFC 8693, 4.2); else ``scp``, else ``scopes``.

    Lists of words are taken in all of them, as issuers write them. What is neither allows nothing.
    """
    said = next((claims[name] for name in _SCOPE_CLAIMS if claims.get(name) is not None), "")
    words = said.split(" ") if isinstance(said, str) else said
    if not isinstance(words, list | tuple) or not all(isinstance(word, str) for word in words):
        return frozenset()
    return frozenset(words) - {""}


def _is_for(audience: object, ours: frozenset[str]) -> bool:
    said = [audience] if isinstance(audience, str) else audience
    if not isinstance(said, list | tuple) or not all(isinstance(each, str) for each in said):
        return False
    return not ours.isdisjoint(said)


def _is_subject(subject: object) -> bool:
    return isinstance(subject, str) and 0 < len(subject) <= MAX_SUBJECT and subject.isprintable()


def _check_times(claims: Claims, rules: TokenRules, now: float) -> None:
    if expires_at(claims) <= now - rules.late.total_seconds():
        raise InvalidToken(reason="a token that has expired")
    latest = now + rules.early.total_seconds()
    for name in ("nbf", "iat"):
        if name not in claims:
            continue
        moment = _moment(claims[name])
        if moment is None or moment > latest:
            raise InvalidToken(reason="a token of the future")


def _moment(value: object) -> float | None:
    """A NumericDate; a truth is no number, and of NaN no comparison holds."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= LAST_SECOND else None

"""What an ID token proves (OpenID Connect Core, 3.1.3.7)."""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import msgspec

from asgi_auth.clock import Timestamp
from asgi_auth.crypto import jws
from asgi_auth.crypto.jwk import VerificationKey
from asgi_auth.crypto.strict_json import parse_object
from asgi_auth.errors import InvalidToken
from asgi_auth.oauth.errors import ProviderFailed
from asgi_auth.providers import Provider
from asgi_auth.providers.claims import Claims

TOLERANCE = timedelta(seconds=60)
"""How far our clock and a provider's may be apart."""

MAX_LENGTH = 64 * 1024
"""Characters of an ID token; a longer one is not even decoded."""

_HASHES: Mapping[str, str] = {
    **{f"{family}{size}": f"sha{size}" for family in ("RS", "PS", "ES") for size in (256, 384, 512)},
    "EdDSA": "sha512",
    "Ed25519": "sha512",
}
ALGORITHMS = frozenset(_HASHES)
"""What ID tokens may be signed with: public keys only. With ``HS256`` the public key would be the secret."""

_IGNORED_FIELDS = frozenset({"x5c"})
"""A certificate beside a token says nothing of its key, which is the provider's: some providers send one."""


class _Claims(msgspec.Struct, frozen=True):
    """The claims that are judged, each of its type; msgspec knows no NaN and no infinity."""

    iss: str
    sub: str
    aud: str | list[str]
    exp: int | float
    iat: int | float
    nbf: int | float | None = None
    azp: str | None = None
    nonce: str | None = None
    at_hash: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What an ID token has to agree with.

    Attributes:
        provider: whose it is said to be.
        issuer: the ``iss`` that discovery told, if it did.
        now: the moment.
        nonce: what was sent with the person; None where nothing was.
        access_token: what came with it; None where nothing did.
    """

    provider: Provider
    issuer: str | None
    now: Timestamp
    nonce: str | None = field(default=None, repr=False)
    access_token: str | None = field(default=None, repr=False)


class SignedToken:
    """An ID token taken apart, of which nothing is believed yet. Raises ProviderFailed for what is none."""

    def __init__(self, text: str) -> None:
        try:
            self._parts = jws.split(text, most=MAX_LENGTH, ignored=_IGNORED_FIELDS)
        except InvalidToken as refused:
            raise ProviderFailed(f"an ID token that is none: {refused.reason}") from None
        self.algorithm = self._parts.algorithm
        self.kid = self._parts.kid
        if self.algorithm not in ALGORITHMS:
            raise ProviderFailed("an ID token that is none: an algorithm that is not taken")

    def verified(self, key: VerificationKey, expected: Expected) -> Claims:
        """Its claims; raises ProviderFailed unless the signature is this key's and they say what they should."""
        try:
            self._parts.verify(key)
        except InvalidToken:
            raise ProviderFailed("an ID token with a bad signature") from None
        claims = self.claims()
        judged = _judged(claims)
        for check in (_check_parties, _check_times, _check_nonce):
            check(judged, expected)
        if not _is_of_issuer(judged, claims, expected):
            raise ProviderFailed("an ID token of another issuer")
        self._check_access_token(judged, expected)
        return claims

    def claims(self) -> Claims:
        """What it says, be it true or not; raises ProviderFailed where that is nothing."""
        try:
            return parse_object(self._parts.payload)
        except ValueError:
            raise ProviderFailed("an ID token without the claims of one") from None

    def _check_access_token(self, judged: _Claims, expected: Expected) -> None:
        """``at_hash``: the left half of the access token's hash (OpenID Connect Core, 3.1.3.6)."""
        if judged.at_hash is None or expected.access_token is None:
            return
        digest = hashlib.new(_HASHES[self.algorithm], expected.access_token.encode()).digest()
        half = urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=")
        if not hmac.compare_digest(half, judged.at_hash.encode()):
            raise ProviderFailed("an ID token for another access token")


def _judged(claims: Claims) -> _Claims:
    try:
        return msgspec.convert(claims, type=_Claims)
    except ValueError:
        raise ProviderFailed("an ID token without the claims of one") from None


def check_same_person(before: str | None, after: str | None) -> None:
    """Refuse the ID token of a refresh that is of somebody else than the one stored (OpenID Connect Core, 12.2).

    It came from the provider itself, so that the signature does not matter (3.1.3.7, rule 6). Where one of them is
    missing, or cannot be read, nothing is known.
    """
    known = {_subject(token) for token in (before, after)} - {None}
    if len(known) > 1:
        raise ProviderFailed("the ID token of another person")


def _subject(id_token: str | None) -> str | None:
    try:
        subject = SignedToken(id_token or "").claims().get("sub")
    except ProviderFailed:
        return None
    return subject if isinstance(subject, str) else None


def _is_of_issuer(judged: _Claims, claims: Claims, expected: Expected) -> bool:
    return judged.iss == expected.issuer or expected.provider.is_issuer(judged.iss, claims)


def _check_parties(judged: _Claims, expected: Expected) -> None:
    ours = {expected.provider.client_id, *expected.provider.more_client_ids}
    audiences = [judged.aud] if isinstance(judged.aud, str) else judged.aud
    if not judged.sub or len(judged.sub) > 255:
        raise ProviderFailed("an ID token of nobody")
    if not ours & set(audiences) or (judged.azp is None and len(audiences) > 1):
        raise ProviderFailed("an ID token for another application")
    if judged.azp is not None and judged.azp not in ours:
        raise ProviderFailed("an ID token given to another application")


def _check_times(judged: _Claims, expected: Expected) -> None:
    now, tolerance = expected.now.timestamp(), TOLERANCE.total_seconds()
    if judged.exp <= now - tolerance:
        raise ProviderFailed("an ID token that has expired")
    if max(judged.iat, judged.nbf or judged.iat) > now + tolerance:
        raise ProviderFailed("an ID token of the future")


def _check_nonce(judged: _Claims, expected: Expected) -> None:
    if expected.nonce is None:
        return
    if judged.nonce is None or not hmac.compare_digest(judged.nonce.encode(), expected.nonce.encode()):
        raise ProviderFailed("an ID token with another nonce")

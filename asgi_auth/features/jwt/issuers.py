"""Other issuers whose tokens are taken, as they are declared."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

import ada_url

from asgi_auth.config.options.checks import check_types, require
from asgi_auth.crypto.jwk import ALGORITHMS
from asgi_auth.features.jwt.claims import TOLERANCE, TokenRules

MAX_TOLERANCE = timedelta(minutes=10)
"""Clocks that are further apart are to be set right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """An issuer whose tokens are taken.

    For a Better Auth server: its base URL's origin as ``url`` and ``audience``, unless it is configured otherwise, and
    ``<base URL>/api/auth/jwks`` as ``jwks_url``.

    Attributes:
        url: what ``iss`` of its tokens says, compared whole.
        audience: what ``aud`` of its tokens has to be or hold; one of these where there are several.
        jwks_url: where its keys are (RFC 7517); None asks ``<url>/.well-known/openid-configuration``, whose ``issuer``
            has to be ``url`` (default None).
        algorithms: what its tokens may be signed with (default: all of public keys: EdDSA with Ed25519 and Ed448,
            ES256, ES384, ES512, and PS and RS with 256, 384, 512).
        types: what ``typ`` of its tokens may be; a token without one is a "jwt" (default "jwt" and "at+jwt"; with
            "at+jwt" alone only access tokens of RFC 9068 are taken).
        tolerance: how far its clock and ours may be apart (default a minute, at most ten).
        key_lifetime: for how long its keys are taken for new; past that they are used while they are asked for again,
            for as long as it cannot be asked, up to ``longest_key_lifetime`` (default 1 hour).
        longest_key_lifetime: how long a key may be used though nobody can say that it still counts (default 24 hours).
        timeout: for one request to it (default 10 seconds).
        allows_private_addresses: it may live on loopback, private and link-local addresses, and speak http: for
            development and issuers in one's own network (default False: public addresses by https alone, OWASP ASVS
            5.0, V15.3.2).

    Raises ConfigurationError for what cannot work.
    """

    url: str = field(kw_only=False)
    audience: str | tuple[str, ...]
    jwks_url: str | None = None
    algorithms: tuple[str, ...] = tuple(sorted(ALGORITHMS))
    types: tuple[str, ...] = ("jwt", "at+jwt")
    tolerance: timedelta = TOLERANCE
    key_lifetime: timedelta = timedelta(hours=1)
    longest_key_lifetime: timedelta = timedelta(hours=24)
    timeout: timedelta = timedelta(seconds=10)
    allows_private_addresses: bool = False

    def __post_init__(self) -> None:
        check_types(self, "issuer")
        for name in ("audience", "algorithms", "types"):
            self._settle(name)
        require(self.url, "issuer.url: what iss of its tokens says")
        require(self.audiences and all(self.audiences), "issuer.audience: what aud of its tokens says")
        unknown = set(self.algorithms) - ALGORITHMS
        require(self.algorithms and not unknown, f"issuer.algorithms: some of {', '.join(sorted(ALGORITHMS))}")
        require(self.types and all(self.types), "issuer.types: what typ of its tokens says")
        self._check_durations()
        self._check_address()

    @property
    def audiences(self) -> frozenset[str]:
        """``audience``, however it was given."""
        return frozenset({self.audience} if isinstance(self.audience, str) else self.audience)

    @property
    def rules(self) -> TokenRules:
        """What its tokens have to agree with."""
        return TokenRules(
            issuer=self.url,
            audiences=self.audiences,
            algorithms=frozenset(self.algorithms),
            types=frozenset(each.lower().removeprefix("application/") for each in self.types),
            late=self.tolerance,
            early=self.tolerance,
        )

    def _settle(self, name: str) -> None:
        """A list is taken for a tuple; as a list nothing could be known by its issuer."""
        value = getattr(self, name)
        if not isinstance(value, str):
            object.__setattr__(self, name, tuple(value))

    def _check_durations(self) -> None:
        nothing = timedelta()
        require(nothing <= self.tolerance <= MAX_TOLERANCE, "issuer.tolerance: up to 10 minutes")
        require(self.key_lifetime > nothing, "issuer.key_lifetime: positive")
        require(
            self.longest_key_lifetime >= self.key_lifetime, "issuer.longest_key_lifetime: not below issuer.key_lifetime"
        )
        require(self.timeout > nothing, "issuer.timeout: positive")

    def _check_address(self) -> None:
        name, address = ("url", self.url) if self.jwks_url is None else ("jwks_url", self.jwks_url)
        schemes = ("https://", "http://") if self.allows_private_addresses else ("https://",)
        wanted = " or ".join(schemes)
        hint = "" if self.allows_private_addresses else " (allows_private_addresses takes http:// too)"
        require(
            address.startswith(schemes) and _is_plain(address),
            f"issuer.{name}: a URL that begins with {wanted}, without a user, a password or a fragment{hint}",
        )


def _is_plain(address: str) -> bool:
    try:
        url = ada_url.URL(address)
    except ValueError:
        return False
    return not (url.username or url.password or url.hash)

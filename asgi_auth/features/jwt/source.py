"""The JWT as a credential: where it sits, and what it proves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Final

from asgi_auth.asgi.headers import single_header
from asgi_auth.asgi.types import Scope
from asgi_auth.context import AuthContext, CredentialKind, Proof
from asgi_auth.errors import ConfigurationError, InvalidToken
from asgi_auth.features.jwt.figures import FIGURES, VERIFY
from asgi_auth.features.jwt.issuers import Issuer
from asgi_auth.features.jwt.keys import TrustedIssuer
from asgi_auth.features.jwt.options import JwtOptions
from asgi_auth.features.jwt.service import JWTService
from asgi_auth.features.jwt.trusted import TrustedIssuers
from asgi_auth.features.jwt.users import UserReader
from asgi_auth.features.jwt.verifier import JWTVerifier, VerifiedToken
from asgi_auth.infrastructure.metrics import DeclaredMetrics
from asgi_auth.services.bearer import JWT_DOTS, find_jwt
from asgi_auth.services.registry import Services

LONGEST_KNOWN: Final = 4096
"""Characters of a token that is remembered: what it says takes as much memory again, several times over."""

_DIGEST_SIZE = 32


def extract_jwt(scope: Scope, *, header: str = "authorization") -> str | None:
    """The JWT of a request, not yet judged, or None; raises RepeatedHeader where there are two.

    A bearer value with exactly two dots is one, good or bad: see ``extract_bearer_token`` for all others.
    """
    return find_jwt(single_header(scope, header.lower().encode("latin-1")))


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedBy:
    """What decides whether a token is taken.

    Attributes:
        own: we ourselves as an issuer; None where we issue none.
        others: whose tokens are taken as well.
        checks_session: our tokens count only while their session does.
        header: where they sit.
    """

    own: TrustedIssuer | None
    others: frozenset[TrustedIssuer]
    checks_session: bool
    header: str


class JWTSource:
    """Finds a JWT in the Authorization header; the keys of its issuer judge it. See JWTMiddleware for the options.

    Attributes:
        rules: what it judges by.

    Raises ConfigurationError.
    """

    kind: CredentialKind = "jwt"

    def __init__(
        self,
        services: Services,
        *,
        issuers: Sequence[Issuer] | None = None,
        check_session: bool | None = None,
        header: str = "authorization",
    ) -> None:
        service = services.find(JWTService)
        options = JwtOptions() if service is None else service.options
        declared = options.issuers if issuers is None else _listed(issuers)
        checks = options.check_session if check_session is None else check_session
        _check(service, declared, checks=checks)
        known = TrustedIssuers.of(services)
        self.rules = JudgedBy(
            own=None if service is None else service.trusted,
            others=frozenset(known.get(issuer) for issuer in declared),
            checks_session=checks,
            header=header.lower(),
        )
        self.headers = (self.rules.header.encode("latin-1"),)
        self._services = services
        self._verifier = JWTVerifier(_all(self.rules), clock=services.clock)
        self._users = UserReader(services.engine.users.record)
        if isinstance(services.metrics, DeclaredMetrics):
            services.metrics.declare(FIGURES)

    def extract(self, scope: Scope) -> str | None:
        """The token, good or bad, or None; raises RepeatedHeader."""
        return extract_jwt(scope, header=self.rules.header)

    async def authenticate(self, credential: str, scope: Scope) -> Proof:  # noqa: ARG002  (the sources' signature)
        """What the token proves; raises InvalidToken or Unavailable."""
        try:
            proof = await self._proof(await self._verifier.verify(credential))
        except InvalidToken:
            self._count("refused")
            raise
        self._count("accepted")
        return proof if len(credential) <= LONGEST_KNOWN else replace(proof, standing=None)

    def credential_in(self, value: bytes) -> bytes | None:
        """A digest of the header, which is shorter, where it holds a JWT."""
        return blake2b(value, digest_size=_DIGEST_SIZE).digest() if value.count(b".") == JWT_DOTS else None

    def admit_known(self, context: AuthContext) -> bool:  # noqa: ARG002  (the sources' signature)
        """Count a token that was known."""
        self._count("accepted")
        return True

    def _count(self, outcome: str) -> None:
        self._services.metrics.increment(VERIFY, outcome=outcome)

    async def _proof(self, verified: VerifiedToken) -> Proof:
        proof = Proof(
            subject=verified.subject,
            claims=verified.claims,
            scopes=verified.scopes,
            standing=verified.standing,
            judged_by=self.rules,
        )
        if self.rules.own is None or verified.issuer != self.rules.own.rules.issuer:
            return proof
        return await self._checked(proof, verified) if self.rules.checks_session else self._told(proof, verified)

    def _told(self, proof: Proof, verified: VerifiedToken) -> Proof:
        """With the user as the token tells of it."""
        user = self._users.read(verified.claims)
        is_shareable = user is None or self._users.is_shareable
        return replace(proof, user=user, standing=proof.standing if is_shareable else None)

    async def _checked(self, proof: Proof, verified: VerifiedToken) -> Proof:
        """With the session that the token rests on, and its user, as they are now."""
        session_id = verified.claims.get("sid")
        # No id has a NUL, and not every database can be asked for one.
        if not isinstance(session_id, str) or "\0" in session_id + verified.subject:
            raise InvalidToken(reason="a token without a session")
        live = await self._services.sessions.get_session_by_id(session_id, user_id=verified.subject)
        of_key, of_session = proof.standing, live.standing
        standing = None if of_key is None or of_session is None else of_key.joined(of_session)
        return replace(proof, user=live.user, session=live.session, standing=standing)


def _listed(issuers: object) -> tuple[Issuer, ...]:
    """The issuers of a list; raises ConfigurationError where it is none."""
    listed = tuple(issuers) if isinstance(issuers, Iterable) else (issuers,)
    if not isinstance(issuers, Iterable) or not all(isinstance(issuer, Issuer) for issuer in listed):
        raise ConfigurationError('issuers is a list: [Issuer("https://issuer.example", audience="...")]')
    return listed


def _check(service: JWTService | None, issuers: Sequence[Issuer], *, checks: bool) -> None:
    if service is None and not issuers:
        raise ConfigurationError("JWTMiddleware needs issuers, or the feature: Auth(config, features=[Jwt()])")
    if service is None and checks:
        raise ConfigurationError("check_session is about our own tokens: Auth(config, features=[Jwt()])")
    if service is not None and checks and not service.includes_session:
        raise ConfigurationError("check_session needs tokens that say their session: JwtOptions(include_session=True)")
    if service is not None and checks and service.options.get_subject is not None:
        raise ConfigurationError("check_session needs sub to be the user's id: JwtOptions without get_subject")


def _all(rules: JudgedBy) -> list[TrustedIssuer]:
    return [*([] if rules.own is None else [rules.own]), *rules.others]

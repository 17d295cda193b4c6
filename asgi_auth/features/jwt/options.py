"""What there is to decide about JWTs."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from asgi_auth.config import AuthConfig
from asgi_auth.config.options.checks import check_types, require
from asgi_auth.crypto.key_pairs import MODULUS_LENGTH, EdwardsCurve, SigningAlgorithm
from asgi_auth.errors import ConfigurationError
from asgi_auth.features.jwt.issuers import Issuer
from asgi_auth.models import Session, User

DefinePayload = Callable[[User, Session], Mapping[str, object] | Awaitable[Mapping[str, object]]]
GetSubject = Callable[[User, Session], str | Awaitable[str]]

_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)+")
_MODULUS_LENGTHS = range(MODULUS_LENGTH, 8192 + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class JwtOptions:
    """What there is to decide about JWTs, checked when it is built.

    Attributes:
        issuer: ``iss`` of our tokens (default None: the origin of ``AuthConfig.base_url``).
        audience: ``aud`` of our tokens, a list where there are several; those that are verified have to name one
            (default None: the origin of ``AuthConfig.base_url``; where there is none, the issuer).
        lifetime: how long a token counts, in whole seconds (default 15 minutes).
        algorithm: what new keys are for: "EdDSA", "ES256", "ES512", "PS256" or "RS256" (default "EdDSA"). Keys of
            another one that are there already go on: ``JWTService.rotate_keys`` ends them.
        curve: of new keys for EdDSA: "Ed25519", or "Ed448", which Better Auth's servers do not have (default
            "Ed25519").
        modulus_length: bits of new keys for PS256 and RS256 (default 2048, which is the least).
        encrypts_keys: private keys are stored encrypted under the secret (default True).
        rotation_interval: how long a new key signs; the next token after that makes another one (default None: until
            ``rotate_keys``).
        grace: how long a key that no longer signs is published, and verifies (default 30 days).
        jwks_path: where the public keys are, below the base path (default "/jwks").
        define_payload: called with the user and the session, gives what a token says, in place of all of the user's
            fields that are returned; may be a coroutine function. What it says of ``iss``, ``aud`` and ``exp`` stands;
            ``sub`` and ``sid`` are ours.
        get_subject: called with the user and the session, gives ``sub`` (default the user's id); may be a coroutine
            function.
        sets_header: an answer of /get-session with a session carries a new token in ``set-auth-jwt`` (default True).
        include_session: tokens say which session they rest on, by its id, in ``sid`` (default None: they do, but not
            with ``AuthConfig.compatible``).
        issuers: others whose tokens are taken beside ours, see Issuer (default none).
        check_session: our tokens count only while the session that their ``sid`` names does; tokens without one are
            refused (default False: a token counts until it ends by itself). Not with ``get_subject``: a session is its
            user's, whom ``sub`` has to name.
        refresh_tokens: /token gives a refresh token as well, which POST /token/refresh takes once, for the next pair
            (default False: the session's token is what a client refreshes with, as in Better Auth).
        refresh_lifetime: how long a refresh token counts, and never longer than its session (default 30 days).

    Raises ConfigurationError for what cannot work.
    """

    issuer: str | None = None
    audience: str | tuple[str, ...] | None = None
    lifetime: timedelta = timedelta(minutes=15)
    algorithm: SigningAlgorithm = "EdDSA"
    curve: EdwardsCurve = "Ed25519"
    modulus_length: int = MODULUS_LENGTH
    encrypts_keys: bool = True
    rotation_interval: timedelta | None = None
    grace: timedelta = timedelta(days=30)
    jwks_path: str = "/jwks"
    define_payload: DefinePayload | None = None
    get_subject: GetSubject | None = None
    sets_header: bool = True
    include_session: bool | None = None
    issuers: tuple[Issuer, ...] = ()
    check_session: bool = False
    refresh_tokens: bool = False
    refresh_lifetime: timedelta = timedelta(days=30)

    def __post_init__(self) -> None:
        check_types(self, "jwt")
        require(self.issuer != "", "jwt.issuer: None, or what iss of our tokens says")
        audiences = (self.audience,) if isinstance(self.audience, str) else self.audience
        require(
            audiences is None or (audiences and all(audiences)), "jwt.audience: None, or what aud of our tokens says"
        )
        require(self.modulus_length in _MODULUS_LENGTHS, "jwt.modulus_length: 2048 to 8192 bits")
        require(_PATH.fullmatch(self.jwks_path), 'jwt.jwks_path: looks like "/jwks"')
        require(
            not (self.check_session and self.include_session is False), "jwt.check_session: needs jwt.include_session"
        )
        require(
            not (self.check_session and self.get_subject),
            "jwt.check_session: needs sub to be the user's id, not what jwt.get_subject gives",
        )
        self._check_durations()

    def _check_durations(self) -> None:
        second = timedelta(seconds=1)
        require(self.lifetime >= second and not self.lifetime % second, "jwt.lifetime: whole seconds, at least 1")
        require(
            self.rotation_interval is None or self.rotation_interval >= second,
            "jwt.rotation_interval: None, or at least 1 second",
        )
        # Whoever verifies a token that was signed in a key's last moment still has to find the key.
        require(self.grace >= timedelta(), "jwt.grace: not negative")
        require(self.refresh_lifetime >= second, "jwt.refresh_lifetime: at least 1 second")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parties:
    """Who our tokens are from, and for whom they are.

    Attributes:
        issuer: ``iss``.
        audience: ``aud``, as tokens say it.
    """

    issuer: str
    audience: str | tuple[str, ...]

    @classmethod
    def of(cls, options: JwtOptions, config: AuthConfig) -> Parties:
        """As configured; raises ConfigurationError where nothing says who the issuer is."""
        issuer = options.issuer or config.origin
        if issuer is None:
            # What a request says of its host must not decide who tokens are from.
            raise ConfigurationError("Jwt needs AuthConfig.base_url, or an issuer: Jwt(JwtOptions(issuer=...))")
        return cls(issuer=issuer, audience=options.audience or config.origin or issuer)

    @property
    def audiences(self) -> frozenset[str]:
        """``audience``, however it was given."""
        return frozenset({self.audience} if isinstance(self.audience, str) else self.audience)

"""Session tokens that travel in the Authorization header (RFC 6750)."""

from __future__ import annotations

from urllib.parse import unquote

from asgi_auth.config import BearerOptions
from asgi_auth.crypto.signing import Signer
from asgi_auth.errors import InvalidToken, NotAuthenticated
from asgi_auth.infrastructure.metrics import BEARER_VERIFY, Metrics
from asgi_auth.models import Session
from asgi_auth.services.session import LiveSession, SessionService

MAX_LENGTH = 4096
SCHEME = "bearer "
JWT_DOTS = 2
"""A bearer value with exactly two dots is a JWT (RFC 7515, 7.1); session tokens have one at most."""

AUTH_TOKEN_HEADER = "set-auth-token"  # noqa: S105  (a header's name)
EXPOSE_HEADER = "access-control-expose-headers"


def bearer_value(authorization: str | None) -> str | None:
    """What follows ``Bearer`` in an Authorization header's value, "" where nothing does; None for other schemes.

    The scheme may be written in any letter case (RFC 9110, 11.1).
    """
    if authorization is None:
        return None
    if authorization.lower() == SCHEME.strip():
        return ""
    return authorization[len(SCHEME) :].strip() if authorization[: len(SCHEME)].lower() == SCHEME else None


def find_session_token(authorization: str | None) -> str | None:
    """The session token's text in an Authorization header's value, or None: a JWT is another kind of credential."""
    value = bearer_value(authorization)
    return None if value is None or is_jwt(value) else value


def find_jwt(authorization: str | None) -> str | None:
    """The JWT's text in an Authorization header's value, good or bad, or None."""
    value = bearer_value(authorization)
    return value if value is not None and is_jwt(value) else None


def is_jwt(value: str) -> bool:
    """Whether a bearer value is a JWT, good or bad; everything else is a session token."""
    return value.count(".") == JWT_DOTS


class BearerTokenService:
    """Bearer tokens: the raw session token, or the token signed as in the cookie."""

    def __init__(self, options: BearerOptions, signer: Signer, sessions: SessionService, *, metrics: Metrics) -> None:
        self._options = options
        self._signer = signer
        self._sessions = sessions
        self._metrics = metrics

    def extract_bearer_token(self, authorization: str | None) -> str | None:
        """The session token's text in an Authorization header's value, or None where it is none of ours.

        Other schemes and JWTs (exactly two dots) are somebody else's. "Bearer" without a token is an empty token.
        """
        return find_session_token(authorization)

    def validate_bearer_token(self, token: str) -> str:
        """The session token that a bearer token stands for; raises InvalidToken for a wrong or missing signature."""
        if not token or len(token) > MAX_LENGTH or not (token.isascii() and token.isprintable()):
            raise InvalidToken
        if "." not in token:
            if self._options.requires_signature:
                raise InvalidToken
            return token
        signed = unquote(token) if "%" in token else token
        unsigned = self._signer.unsign(signed)
        if unsigned is None:
            raise InvalidToken
        return unsigned

    async def get_session_from_bearer(
        self, token: str, *, refreshes: bool = True, reads_record: bool = False
    ) -> LiveSession:
        """The session and user of a bearer token, as ``SessionService.get_session`` reads it; raises InvalidToken."""
        try:
            session_token = self.validate_bearer_token(token)
            live = await self._sessions.get_session(session_token, refreshes=refreshes, reads_record=reads_record)
        except NotAuthenticated:
            self._metrics.increment(BEARER_VERIFY, outcome="refused")
            raise
        self.count_accepted()
        return live

    def count_accepted(self) -> None:
        """Count a bearer token that was accepted, here or because it was known."""
        self._metrics.increment(BEARER_VERIFY, outcome="accepted")

    async def revoke_bearer_session(self, token: str) -> bool:
        """End the session of a bearer token; False where there was none. Raises InvalidToken for a bad signature."""
        return await self._sessions.revoke_token(self.validate_bearer_token(token))

    @property
    def header_names(self) -> tuple[str, ...]:
        """The headers that ``handle_bearer_response`` may give."""
        return (AUTH_TOKEN_HEADER, EXPOSE_HEADER)

    def handle_bearer_response(self, session: Session) -> dict[str, str]:
        """The headers of an answer that starts or renews a session, for clients without cookies."""
        if not self._options.is_enabled:
            return {}
        return {
            AUTH_TOKEN_HEADER: self._signer.sign(session.token),
            EXPOSE_HEADER: AUTH_TOKEN_HEADER,
        }

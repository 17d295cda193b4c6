"""Refresh tokens that count once: each is answered with the next, and one that comes again ends all of them."""

from __future__ import annotations

from asgi_auth.features.jwt.options import JwtOptions
from asgi_auth.models import Session
from asgi_auth.services.registry import Services
from asgi_auth.services.session import LiveSession


class RefreshTokens:
    """The refresh tokens of one Auth."""

    def __init__(self, services: Services, options: JwtOptions) -> None:
        self._services = services
        self._options = options

    async def issue(self, session: Session) -> str:
        """A refresh token for a session, in place of the one it had."""
        raise NotImplementedError

    async def redeem(self, token: str) -> tuple[LiveSession, str]:
        """The session of a refresh token, and the next one; raises InvalidRefreshToken."""
        raise NotImplementedError

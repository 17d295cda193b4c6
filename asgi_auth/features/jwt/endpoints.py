"""Endpoints of JWTs: a token for a session, the public keys, the next token; and the header of /get-session."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import structlog
from msgspec import UNSET, UnsetType

from asgi_auth.crypto.jws import MAX_LENGTH
from asgi_auth.endpoints.answers import AnswerBody
from asgi_auth.endpoints.call import Call
from asgi_auth.endpoints.hooks import EndpointHooks
from asgi_auth.endpoints.responses import Answer
from asgi_auth.endpoints.routing import Endpoints, Handler, RouteSpec, get, post
from asgi_auth.endpoints.schema import Body
from asgi_auth.errors import NotAuthenticated
from asgi_auth.features.jwt.errors import SigningKeyUnreadable
from asgi_auth.features.jwt.models import TokenPair
from asgi_auth.features.jwt.service import JWT_HEADER, JWTService
from asgi_auth.services.session import LiveSession

_logger = structlog.get_logger("asgi_auth.jwt")


class TokenAnswer(AnswerBody, frozen=True, kw_only=True):
    """A new JWT, and with ``refresh_tokens`` what to refresh it with."""

    token: str
    refresh_token: str | UnsetType = UNSET


class KeysAnswer(AnswerBody, frozen=True, kw_only=True):
    """Public keys as JSON Web Keys (RFC 7517)."""

    keys: list[dict[str, str]]


class RefreshBody(Body, frozen=True, kw_only=True):
    """POST /token/refresh."""

    refresh_token: str


class JwtEndpoints(Endpoints):
    """Tokens for sessions, and the keys that verify them.

    Args:
        service: what makes them.
    """

    def __init__(self, service: JWTService) -> None:
        self._service = service

    def handlers(self) -> Iterable[tuple[RouteSpec, Handler]]:
        """Every handler, the keys' under the configured path."""
        path = self._service.options.jwks_path
        for spec, handler in super().handlers():
            yield (replace(spec, path=path) if spec.path == "/jwks" else spec), handler

    @get("/token", answers=TokenAnswer)
    async def token(self, call: Call) -> Answer:
        """A new token for the session; what stands in for one, an API key for one, is given none.

        With ``refresh_tokens`` the store of record is asked for it: they outlast what is remembered.
        """
        if call.has_stand_in:
            raise NotAuthenticated
        live = await call.session(is_sensitive=self._service.options.refresh_tokens)
        return _token_answer(await self._service.issue(live))

    @get("/jwks", answers=KeysAnswer)
    async def jwks(self, call: Call) -> Answer:  # noqa: ARG002  (it is the same for everybody)
        """The public keys. Nothing is said of caching: whoever verifies decides how long a withdrawn key may count."""
        return Answer(body=await self._service.get_jwks())


class RefreshEndpoints(Endpoints):
    """Refresh tokens, where they are configured.

    Args:
        service: what redeems them.
    """

    def __init__(self, service: JWTService) -> None:
        self._service = service

    @post("/token/refresh", answers=TokenAnswer, counts_failures=True)
    async def refresh(self, call: Call, body: RefreshBody) -> Answer:  # noqa: ARG002  (no cookie is looked at)
        """The next pair of tokens for a refresh token, which counts once."""
        return _token_answer(await self._service.refresh_jwt(body.refresh_token))


class TokenHeader(EndpointHooks):
    """A new token in ``set-auth-jwt`` with each answer that tells somebody of their session.

    There is none while no key can be read that signs, and one that would not be taken back for its length is not sent:
    servers and browsers refuse such headers too.

    Args:
        service: what makes them.
    """

    def __init__(self, service: JWTService) -> None:
        self._service = service

    async def on_session(self, call: Call, live: LiveSession) -> None:
        """See EndpointHooks."""
        if live.is_cached and self._service.needs_all:
            # The cookie it was read from may lack what no client is told.
            found = await call.find_session(refreshes=False)
            if found is None:
                return
            live = found
        try:
            token = await self._service.get_jwt_from_session(live)
        except SigningKeyUnreadable:  # logged there; /token and the health check say so, and sessions go on
            return
        if len(token) > MAX_LENGTH:
            _logger.warning("jwt.too_long", header=JWT_HEADER, characters=len(token), option="define_payload")
            return
        call.expose(JWT_HEADER, token)


def _token_answer(pair: TokenPair) -> Answer:
    body = {"token": pair.token}
    if pair.refresh_token is not None:
        body["refreshToken"] = pair.refresh_token
    return Answer(body=body, is_private=True)

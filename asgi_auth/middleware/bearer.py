"""The bearer token as a credential."""

from __future__ import annotations

from collections.abc import Iterable

from asgi_auth.asgi.headers import single_header
from asgi_auth.asgi.types import ASGIApp, Scope
from asgi_auth.context import AuthContext, CredentialKind, Proof
from asgi_auth.infrastructure.metrics import SESSION_CACHE_HIT
from asgi_auth.middleware.base import CredentialMiddleware, OnFault
from asgi_auth.services.bearer import JWT_DOTS, find_session_token
from asgi_auth.services.registry import Services


def extract_bearer_token(scope: Scope, *, header: str = "authorization") -> str | None:
    """The bearer token of a request, not yet judged, or None; raises RepeatedHeader where there are two.

    A value with exactly two dots is a JWT: see ``extract_jwt``.
    """
    return find_session_token(single_header(scope, header.lower().encode("latin-1")))


class BearerSource:
    """Finds a session token in the Authorization header; bearer tokens' service judges it."""

    kind: CredentialKind = "bearer"

    def __init__(self, services: Services, *, header: str = "authorization") -> None:
        self._services = services
        self._header = header
        self.headers = (header.lower().encode("latin-1"),)

    def extract(self, scope: Scope) -> str | None:
        """The token's text, or None; raises RepeatedHeader."""
        return extract_bearer_token(scope, header=self._header)

    async def authenticate(self, credential: str, scope: Scope) -> Proof:  # noqa: ARG002  (the sources' signature)
        """The session's user; raises InvalidToken or Unavailable."""
        live = await self._services.bearer_tokens.get_session_from_bearer(credential)
        return Proof(subject=live.user.id, user=live.user, session=live.session, standing=live.standing)

    def credential_in(self, value: bytes) -> bytes | None:
        """The header as it was sent, unless it holds a JWT."""
        return None if value.count(b".") == JWT_DOTS else value

    def admit_known(self, context: AuthContext) -> bool:  # noqa: ARG002  (the sources' signature)
        """Count a token that was known."""
        self._services.metrics.increment(SESSION_CACHE_HIT, layer="memory")
        self._services.bearer_tokens.count_accepted()
        return True


class BearerMiddleware(CredentialMiddleware):
    """Identifies by ``Authorization: Bearer <session token>``, raw or signed.

    Args:
        app: the application behind it.
        services: ``auth.services``.
        header: another header than Authorization; its value has the same form.
        required: answer 401 without a bearer token (default False).
        on_fault: "refuse" (default) or "pass", see CredentialMiddleware.
        exempt: paths that are let through unlooked at.
    """

    def __init__(
        self,
        app: ASGIApp,
        services: Services,
        *,
        header: str = "authorization",
        required: bool = False,
        on_fault: OnFault = "refuse",
        exempt: Iterable[str] = (),
    ) -> None:
        sources = [BearerSource(services, header=header)]
        super().__init__(app, services, sources=sources, required=required, on_fault=on_fault, exempt=exempt)

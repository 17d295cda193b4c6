"""The bearer token as a credential."""

from __future__ import annotations

from collections.abc import Iterable

from asgi_auth.asgi.headers import single_header
from asgi_auth.asgi.types import ASGIApp, Scope
from asgi_auth.context import CredentialKind, Proof
from asgi_auth.infrastructure.metrics import SESSION_CACHE_HIT
from asgi_auth.middleware.base import CredentialMiddleware, OnFault
from asgi_auth.services.registry import Services


def extract_bearer_token(scope: Scope, services: Services, *, header: str = "authorization") -> str | None:
    """The bearer token of a request, not yet judged, or None; raises RepeatedHeader where there are two."""
    value = single_header(scope, header.lower().encode("latin-1"))
    return services.bearer_tokens.extract_bearer_token(value)


class BearerSource:
    """Finds a session token in the Authorization header; bearer tokens' service judges it."""

    kind: CredentialKind = "bearer"

    def __init__(self, services: Services, *, header: str = "authorization") -> None:
        self._services = services
        self.header = header.lower().encode("latin-1")

    def extract(self, scope: Scope) -> str | None:
        """The token's text, or None; raises RepeatedHeader."""
        value = single_header(scope, self.header)
        return None if value is None else self._services.bearer_tokens.extract_bearer_token(value)

    async def authenticate(self, credential: str, scope: Scope) -> Proof:  # noqa: ARG002  (the sources' signature)
        """The session's user; raises InvalidToken or Unavailable."""
        live = await self._services.bearer_tokens.get_session_from_bearer(credential)
        return Proof(subject=live.user.id, user=live.user, session=live.session, standing=live.standing)

    def credential_in(self, value: bytes) -> bytes:
        """The header as it was sent."""
        return value

    def count_known(self) -> None:
        """Count a token that was known."""
        self._services.metrics.increment(SESSION_CACHE_HIT, layer="memory")
        self._services.bearer_tokens.count_accepted()


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

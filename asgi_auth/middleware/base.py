"""What all identifying middlewares share: which scopes, which paths, whose word counts, what happens on a fault."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from time import perf_counter
from typing import Literal, Protocol, get_args

import structlog

from asgi_auth.asgi.headers import is_preflight
from asgi_auth.asgi.messages import refuse, with_cookies
from asgi_auth.asgi.paths import ExemptPaths, route_path
from asgi_auth.asgi.types import ASGIApp, Receive, Scope, Send
from asgi_auth.config.options.checks import require
from asgi_auth.context import ANONYMOUS, AuthContext, CredentialKind, Proof, auth_context
from asgi_auth.errors import AuthError, InvalidToken, NotAuthenticated, Unavailable
from asgi_auth.infrastructure.metrics import IDENTIFY_DURATION, REQUEST_FAULT
from asgi_auth.middleware.known import KnownCredentials
from asgi_auth.services.registry import Services

OnFault = Literal["refuse", "pass"]

_logger = structlog.get_logger("asgi_auth.middleware")


class CredentialSource(Protocol):
    """Where one kind of credential sits, and who judges it.

    Where one application may judge a kind by several sets of rules, a source has ``rules`` as well, and writes them
    into ``judged_by`` of its proofs: what outer middlewares have accepted by other rules it judges again.
    """

    kind: CredentialKind

    def extract(self, scope: Scope) -> str | None:
        """The credential of a request, or None; raises RepeatedHeader where there are two."""

    async def authenticate(self, credential: str, scope: Scope) -> Proof:
        """What a credential proves; raises an AuthError where it is refused, Unavailable where nobody can tell."""


class CredentialMiddleware:
    """Fills ``scope["auth"]`` from the credentials of its sources; may be composed in any order and number.

    Args:
        app: the application behind it.
        services: what judges credentials.
        sources: the kinds of credentials it looks for.
        required: answer 401 where the first source's kind was not offered and accepted, by its rules where it has any
            (default False).
        on_fault: what happens where a credential was offered and could not be judged: "refuse" (default) answers
            503; "pass" lets the application see ``scope["auth"].error``.
        exempt: paths that are let through unlooked at; see ``ExemptPaths`` for their form.

    Raises ConfigurationError for another ``on_fault``, and ValueError for exempt paths of another form.
    """

    def __init__(
        self,
        app: ASGIApp,
        services: Services,
        *,
        sources: Sequence[CredentialSource],
        required: bool = False,
        on_fault: OnFault = "refuse",
        exempt: Iterable[str] = (),
    ) -> None:
        require(on_fault in get_args(OnFault), 'on_fault: "refuse" or "pass"')
        self.app = app
        self.services = services
        self.sources = tuple(sources)
        self._required = required
        self._on_fault = on_fault
        self._exempt = ExemptPaths(exempt)
        self._has_exempt = bool(self._exempt)
        self._known = KnownCredentials(services, self.sources)
        self._realm = services.config.app_name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Identify a request or a handshake; lifespan passes, and an unknown kind of scope is nobody's."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] not in ("http", "websocket"):
            scope["auth"] = ANONYMOUS
            await self.app(scope, receive, send)
            return
        if self._is_let_through(scope):
            scope["auth"] = auth_context(scope)
            await self.app(scope, receive, send)
            return
        # A handshake's Origin has to be judged each time, and what an outer middleware found has to be added to.
        may_be_known = scope["type"] == "http" and auth_context(scope) is ANONYMOUS
        known = self._known.find(scope) if may_be_known else None
        if known is not None and (not self._required or self.sources[0].kind in known.credentials):
            scope["auth"] = known
            await self.app(scope, receive, send)
            return
        await self._judge(scope, receive, send, is_kept=may_be_known)

    async def _judge(self, scope: Scope, receive: Receive, send: Send, *, is_kept: bool) -> None:
        try:
            context, cookies = await self._identify(scope)
            self._check_required(context)
        except AuthError as error:
            await refuse(scope, receive, send, error, realm=self._realm)
            return
        if is_kept and not cookies:
            self._known.remember(scope, context)
        scope["auth"] = context
        await self.app(scope, receive, with_cookies(send, cookies) if cookies else send)

    async def _identify(self, scope: Scope) -> tuple[AuthContext, tuple[bytes, ...]]:
        context = auth_context(scope)
        cookies: tuple[bytes, ...] = ()
        for source in self.sources:
            if context.has_judged(source.kind, by=getattr(source, "rules", None)):
                continue
            credential = source.extract(scope)
            if credential is None:
                continue
            try:
                proof = await self._judged(source, credential, scope)
            except Unavailable as fault:
                context = self._fault(context, source.kind, fault)
            except AuthError as refusal:
                _logger.debug("credential.refused", kind=source.kind, code=refusal.code, reason=_reason(refusal))
                context = context.with_refusal(source.kind, refusal)
            else:
                context = context.with_proof(source.kind, proof)
                cookies += proof.set_cookies
        return context, cookies

    async def _judged(self, source: CredentialSource, credential: str, scope: Scope) -> Proof:
        """What a credential proves; how long it took to tell is measured."""
        began = perf_counter()
        try:
            proof = await source.authenticate(credential, scope)
        except Unavailable as fault:
            self._measure(source.kind, "fault", began)
            self.services.error_reports.report(fault, scope)
            raise
        except AuthError:
            self._measure(source.kind, "refused", began)
            raise
        self._measure(source.kind, "accepted", began)
        return proof

    def _measure(self, kind: CredentialKind, outcome: str, began: float) -> None:
        self.services.metrics.observe(IDENTIFY_DURATION, perf_counter() - began, kind=kind, outcome=outcome)

    def _fault(self, context: AuthContext, kind: CredentialKind, fault: Unavailable) -> AuthContext:
        self.services.metrics.increment(REQUEST_FAULT, kind=kind)
        _logger.error("credential.not_judged", kind=kind)
        if self._on_fault == "refuse":
            raise fault
        return context.with_refusal(kind, fault)

    def _check_required(self, context: AuthContext) -> None:
        if not self._required:
            return
        if context.error is not None:
            raise context.error
        proof = context.credentials.get(self.sources[0].kind)
        if proof is None or proof.judged_by != getattr(self.sources[0], "rules", None):
            raise NotAuthenticated

    def _is_let_through(self, scope: Scope) -> bool:
        is_preflighted = scope.get("method") == "OPTIONS" and is_preflight(scope)
        return is_preflighted or (self._has_exempt and self._exempt.matches(route_path(scope)))


def _reason(refusal: AuthError) -> str | None:
    return refusal.reason if isinstance(refusal, InvalidToken) else None

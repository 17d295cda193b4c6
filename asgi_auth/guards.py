"""Guards: who may pass. Usable on any scope, in any framework, and as a raw ASGI wrapper."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import structlog

from asgi_auth.asgi.headers import is_preflight
from asgi_auth.asgi.messages import refuse
from asgi_auth.asgi.types import ASGIApp, Message, Receive, Scope, Send
from asgi_auth.context import AuthContext, CredentialKind, Proof, auth_context
from asgi_auth.errors import AuthError, Forbidden, NotAuthenticated

_logger = structlog.get_logger("asgi_auth.guards")


class Guard(ABC):
    """A rule about who may pass.

    A refused credential is refused by every guard: nothing falls back to another one. What satisfies a guard has to be
    of the subject that the deciding credential stands for (else 403): with a credential of one's own nobody may do more
    in the name of somebody else.
    """

    @abstractmethod
    def admit(self, context: AuthContext) -> Proof:
        """The proof that satisfies this guard; raises an AuthError where there is none."""

    def admitted(self, context: AuthContext) -> Proof:
        """What ``admit`` gives; raises Forbidden where it is of another subject than the one that ``auth`` tells of."""
        proof = self.admit(context)
        if proof.subject != context.subject:
            raise Forbidden
        return proof

    def check(self, scope: Scope) -> Proof:
        """Judge the request of a scope; raises NotAuthenticated (401), Forbidden (403, logged) or Unavailable (503)."""
        context = auth_context(scope)
        if context.error is not None:
            raise context.error
        try:
            return self.admitted(context)
        except Forbidden as refusal:
            user_id = None if context.user is None else context.user.id
            _logger.warning("guard.refused", code=refusal.code, kind=context.credential, user_id=user_id)
            raise


@dataclass(frozen=True, slots=True)
class _Rule(Guard):
    kinds: frozenset[CredentialKind] | None = None
    needs_session: bool = False
    needs_user: bool = False

    def admit(self, context: AuthContext) -> Proof:
        for kind, proof in _deciding_first(context):
            if (
                (self.kinds is None or kind in self.kinds)
                and (not self.needs_session or proof.session is not None)
                and (not self.needs_user or proof.user is not None)
            ):
                return proof
        raise NotAuthenticated


def _deciding_first(context: AuthContext) -> list[tuple[CredentialKind, Proof]]:
    return sorted(context.credentials.items(), key=lambda item: item[0] != context.credential)


@dataclass(frozen=True, slots=True)
class _Allows(Guard):
    """An API key with these permissions."""

    permissions: Mapping[str, Sequence[str]]

    def admit(self, context: AuthContext) -> Proof:
        proof = context.credentials.get("api_key")
        if proof is None or proof.api_key is None:
            raise NotAuthenticated
        if not proof.api_key.allows(self.permissions):
            raise Forbidden
        return proof


@dataclass(frozen=True, slots=True)
class _Scoped(Guard):
    """Any credential with these scopes."""

    scopes: frozenset[str]

    def admit(self, context: AuthContext) -> Proof:
        proofs = _deciding_first(context)
        if not proofs:
            raise NotAuthenticated
        for _, proof in proofs:
            if self.scopes <= proof.scopes:
                return proof
        raise Forbidden


@dataclass(frozen=True, slots=True)
class _Either(Guard):
    guards: tuple[Guard, ...]

    def admit(self, context: AuthContext) -> Proof:
        refusals: list[AuthError] = []
        for guard in self.guards:
            try:
                return guard.admitted(context)
            except AuthError as refusal:
                refusals.append(refusal)
        # The one that came closest says most: 403 before 401.
        raise max(refusals, key=lambda refusal: refusal.status)


@dataclass(frozen=True, slots=True)
class _AllOf(Guard):
    guards: tuple[Guard, ...]

    def admit(self, context: AuthContext) -> Proof:
        proofs = [guard.admitted(context) for guard in self.guards]
        return proofs[0]


def require_authenticated() -> Guard:
    """Any accepted credential will do."""
    return _Rule()


def require_session() -> Guard:
    """A session's own credential: cookie or bearer token. A JWT is none, even one whose session is checked."""
    return _Rule(kinds=frozenset({"session", "bearer"}), needs_session=True)


def require_bearer() -> Guard:
    """A bearer token, and nothing else."""
    return _Rule(kinds=frozenset({"bearer"}))


def require_jwt() -> Guard:
    """A JWT, and nothing else."""
    return _Rule(kinds=frozenset({"jwt"}))


def require_api_key(permissions: Mapping[str, Sequence[str]] | None = None) -> Guard:
    """An API key, and nothing else, that allows all of this, such as ``{"files": ["read"]}`` (else 403).

    Raises ValueError where an action is not in a list: of "read" every letter would be one.
    """
    return _Allows(frozen_permissions(permissions))


def frozen_permissions(permissions: Mapping[str, Sequence[str]] | None) -> Mapping[str, tuple[str, ...]]:
    """Permissions that nobody changes any more; raises ValueError for what are none."""
    wanted: object = {} if permissions is None else permissions
    if not isinstance(wanted, Mapping) or any(isinstance(actions, str) for actions in wanted.values()):
        raise ValueError('permissions are lists of actions by resource: {"files": ["read"]}')
    return MappingProxyType({resource: tuple(actions) for resource, actions in wanted.items()})


def has_scope(*scopes: str) -> Guard:
    """A credential that was given all of these scopes (else 403): ``scope`` of a JWT, permissions of an API key.

    The permission to "read" of "files" is the scope "files:read". Sessions have no scopes, because they may do all that
    their user may: ``either(require_session(), has_scope("files:read"))`` lets them pass.

    Raises ValueError without any, or where one is no text.
    """
    if not scopes:
        raise ValueError("has_scope() needs a scope")
    if not all(isinstance(scope, str) for scope in scopes):
        raise ValueError('scopes are texts: has_scope("files:read", "files:write")')
    return _Scoped(frozenset(scopes))


def require_user() -> Guard:
    """A credential that stands for one of our users."""
    return _Rule(needs_user=True)


def either(*guards: Guard) -> Guard:
    """At least one of the guards lets pass; raises ValueError without any, or for what is none."""
    _check_guards(guards, of="either")
    return _Either(guards)


def all_of(*guards: Guard) -> Guard:
    """All guards let pass, each with a credential of the same subject (else 403).

    Raises ValueError without any, or for what is none.
    """
    _check_guards(guards, of="all_of")
    return _AllOf(guards)


def _check_guards(guards: Sequence[object], *, of: str) -> None:
    if not guards:
        raise ValueError(f"{of}() needs a guard")
    if not all(isinstance(guard, Guard) for guard in guards):
        raise ValueError("guards are made by a call: require_user()")


class Protect:
    """Lets requests pass that satisfy all guards, and answers the others in the contract's JSON shape.

    401 carries WWW-Authenticate, 503 Retry-After; a WebSocket handshake is refused before it is accepted. An
    AuthError that the application raises before it has begun to answer is answered in the same way.

    Args:
        app: the application behind it.
        guards: who may pass (default: whoever is authenticated).
        realm: named in WWW-Authenticate (default "asgi_auth").

    Raises ValueError for what is no guard.
    """

    def __init__(self, app: ASGIApp, *guards: Guard, realm: str = "asgi_auth") -> None:
        self.app = app
        self._guard = all_of(*guards) if guards else require_authenticated()
        self._realm = realm

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Judge a request or a handshake; lifespan and CORS preflights pass, an unknown kind of scope does not."""
        if scope["type"] == "lifespan" or is_preflight(scope):
            await self.app(scope, receive, send)
            return
        begun = False

        async def sending(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            self._guard.check(scope)
            await self.app(scope, receive, sending)
        except AuthError as error:
            if begun or scope["type"] not in ("http", "websocket"):
                raise
            await refuse(scope, receive, send, error, realm=self._realm)

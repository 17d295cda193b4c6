"""Who a request comes from: the value of ``scope["auth"]``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Literal, Protocol, TypeVar

from asgi_auth.errors import AuthError, NotAuthenticated
from asgi_auth.models import ApiKey, Session, User

CredentialKind = Literal["session", "bearer", "jwt", "api_key"]

# The explicit credential decides: a key before a JWT before a bearer token before the cookie a browser adds by itself.
RANK: Mapping[CredentialKind, int] = MappingProxyType({"session": 1, "bearer": 2, "jwt": 3, "api_key": 4})

P = TypeVar("P")


def _nothing() -> Mapping[Any, Any]:
    """Contexts are shared between requests: nothing in them can be changed."""
    return MappingProxyType({})


OrganizationAccess = Literal["allowed", "forbidden", "stranger"]
"""What a user may do in an organization: it, not it though a member, or nothing, being no member."""


class Organizations(Protocol):
    """What knows of organizations: the feature that keeps them, where one is installed."""

    async def access(self, organization_id: str, *, user_id: str, resource: str, action: str) -> OrganizationAccess:
        """Whether a user may do something with a resource of an organization ("apiKey", "create").

        The answer comes from the store of record, in a number of statements that does not grow. Raises Unavailable.
        """
        ...


class Cell(Protocol):
    """Where a cache remembers something; ``until`` is in seconds since 1970."""

    was_used: bool
    until: float

    @property
    def is_live(self) -> bool:
        """Whether nothing has put an end to it."""


@dataclass(frozen=True, slots=True)
class Standing:
    """For how long what was judged once goes on to hold: while the cell lives, up to a moment.

    Attributes:
        cell: what a change of what it rests on puts an end to.
        until: seconds since 1970; then it has to be judged again.
        is_told: the cell dies by a word of the change feeds, so that it holds only while these can be believed. False
            for what nobody writes to our database: the keys of somebody else's tokens.
    """

    cell: Cell
    until: float
    is_told: bool = True

    def joined(self, other: Standing) -> Standing:
        """For how long both hold."""
        return Standing(
            _Both(self.cell, other.cell), min(self.until, other.until), is_told=self.is_told or other.is_told
        )


class _Both:
    """What lives while two cells do; whoever uses it uses both."""

    __slots__ = ("_first", "_second", "until")

    def __init__(self, first: Cell, second: Cell) -> None:
        self._first = first
        self._second = second
        self.until = min(first.until, second.until)

    @property
    def is_live(self) -> bool:
        return self._first.is_live and self._second.is_live

    @property
    def was_used(self) -> bool:
        return self._first.was_used and self._second.was_used

    @was_used.setter
    def was_used(self, was_used: bool) -> None:
        self._first.was_used = self._second.was_used = was_used


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What one verified credential says.

    Attributes:
        subject: who it stands for: the user's id for a session or bearer token, the owner's for an API key, ``sub`` for
            a JWT.
        user: the user, where it is one of ours.
        session: the session it rests on, where it does. A JWT's has no token ("" stands in its place): whoever is shown
            what a JWT proves must not be able to go on as its session.
        api_key: the API key, for one.
        claims: what a JWT says; it cannot be changed.
        scopes: what it allows (empty for a session: all that its user may do).
        set_cookies: Set-Cookie values the client has to be sent, because the session was refreshed.
        standing: for how long the same credential proves the same; None where it has to be judged each time.
        judged_by: the rules it was accepted by, where one application may have several sets of them for one kind of
            credential: a source with other ``rules`` judges it again. None where there is one set only.
        is_explicit: no other site's page can have a browser send it (default True); of a session cookie that is known
            by its kind.
    """

    subject: str
    user: User | None = None
    session: Session | None = None
    api_key: ApiKey | None = None
    claims: Mapping[str, object] | None = None
    scopes: frozenset[str] = frozenset()
    set_cookies: tuple[bytes, ...] = field(default=(), repr=False)
    standing: Standing | None = field(default=None, repr=False, compare=False)
    judged_by: object = field(default=None, repr=False, compare=False)
    is_explicit: bool = field(default=True, repr=False)


class _Only(Mapping[CredentialKind, Proof]):
    """One credential: most contexts have no more, and a great many of them are remembered."""

    __slots__ = ("_kind", "_proof")

    def __init__(self, kind: CredentialKind, proof: Proof) -> None:
        self._kind: CredentialKind = kind
        self._proof = proof

    def __getitem__(self, kind: CredentialKind) -> Proof:
        if kind != self._kind:
            raise KeyError(kind)
        return self._proof

    def __iter__(self) -> Iterator[CredentialKind]:
        yield self._kind

    def __len__(self) -> int:
        return 1

    def __repr__(self) -> str:
        return repr(dict(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthContext:
    """The value of ``scope["auth"]``: never None, never half-filled.

    Attributes:
        subject: set whenever authenticated: the user's id for a session or bearer token, the owner's for an API key
            (a user's or an organization's), ``sub`` for a JWT.
        user: the user, where the credential stands for one of ours.
        session: the session the credential rests on; of a JWT whose session was checked, without its token.
        api_key: the API key, where one decided.
        claims: what the JWT says, where one decided; they cannot be changed.
        credential: the kind that decided ("session", "bearer", "jwt", "api_key"), accepted or refused; None where
            none was offered.
        credentials: every kind that was offered and verified.
        refused: every kind that was offered and refused, or could not be judged, though a higher one may have decided.
        error: why the deciding credential was refused; None where it was not.
        scopes: what the credential allows; Starlette's ``requires`` reads it.
        parts: what features know of this request, each by its type.
    """

    subject: str | None = None
    user: User | None = None
    session: Session | None = None
    api_key: ApiKey | None = None
    claims: Mapping[str, object] | None = None
    credential: CredentialKind | None = None
    credentials: Mapping[CredentialKind, Proof] = field(default_factory=_nothing)
    refused: frozenset[CredentialKind] = frozenset()
    error: AuthError | None = None
    scopes: frozenset[str] = frozenset()
    parts: Mapping[type, object] = field(default_factory=_nothing)

    @property
    def is_authenticated(self) -> bool:
        """Whether the deciding credential was offered and accepted."""
        return self.subject is not None

    @property
    def session_user(self) -> tuple[Session, User]:
        """The session and its user; raises NotAuthenticated (or the refusal) where there is none."""
        if self.session is None or self.user is None:
            raise self.error or NotAuthenticated
        return self.session, self.user

    def part(self, kind: type[P]) -> P | None:
        """What a feature put here about this request, or None."""
        found = self.parts.get(kind)
        return found if isinstance(found, kind) else None

    def with_part(self, part: object) -> AuthContext:
        """This context with a feature's part added."""
        return replace(self, parts=MappingProxyType({**self.parts, type(part): part}))

    def with_proof(self, kind: CredentialKind, proof: Proof) -> AuthContext:
        """This context after a credential was verified: it decides if none of a higher rank was offered."""
        known = self.credentials
        credentials = MappingProxyType({**known, kind: proof}) if known else _Only(kind, proof)
        if self._outranks(kind):
            return replace(self, credentials=credentials)
        return replace(
            self,
            subject=proof.subject,
            user=proof.user,
            session=proof.session,
            api_key=proof.api_key,
            claims=proof.claims,
            credential=kind,
            credentials=credentials,
            error=None,
            scopes=proof.scopes,
        )

    def with_refusal(self, kind: CredentialKind, error: AuthError) -> AuthContext:
        """This context after a credential was refused: nothing falls back to one of a lower rank.

        Refused by one set of rules, it counts for nothing that others have accepted it.
        """
        if kind in self.credentials:
            left = {other: proof for other, proof in self.credentials.items() if other != kind}
            return replace(self, credentials=MappingProxyType(left)).with_refusal(kind, error)
        refused = self.refused | {kind}
        if self._outranks(kind):
            return replace(self, refused=refused)
        return replace(
            self,
            subject=None,
            user=None,
            session=None,
            api_key=None,
            claims=None,
            credential=kind,
            refused=refused,
            error=error,
            scopes=frozenset(),
        )

    def has_judged(self, kind: CredentialKind, *, by: object = None) -> bool:
        """Whether a credential of this kind was offered and judged already: refused, or accepted by these rules."""
        proof = self.credentials.get(kind)
        return kind in self.refused if proof is None else proof.judged_by == by

    def _outranks(self, kind: CredentialKind) -> bool:
        return self.credential is not None and RANK[self.credential] > RANK[kind]


ANONYMOUS = AuthContext()


def auth_context(scope: MutableMapping[str, Any]) -> AuthContext:
    """The AuthContext of a scope: ANONYMOUS where no middleware of ours has set one."""
    found = scope.get("auth")
    return found if isinstance(found, AuthContext) else ANONYMOUS

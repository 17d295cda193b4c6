"""Credentials that were verified before, and what they led to: so that a request costs a look, not a judgement."""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic
from typing import Final, Protocol, runtime_checkable

from asgi_auth.asgi.types import Scope
from asgi_auth.context import ANONYMOUS, AuthContext, Cell, CredentialKind, Standing
from asgi_auth.infrastructure.cache.memory import SecondChance
from asgi_auth.services.registry import Services

Offered = tuple["Sequence[KnowingSource]", bytes]

NOWHERE: Final[tuple[tuple[()], bytes]] = ((), b"")

LONGEST: Final = 1024
"""Bytes of a credential that is kept: clients may put as many blanks around theirs as a server lets through."""


@runtime_checkable
class KnowingSource(Protocol):
    """A source whose credential sits in a header, so that the same bytes there mean the same again.

    Attributes:
        headers: the names it may sit under, in lower case. Sources may share a header, if each of its values is a
            credential of one of them at most.
    """

    kind: CredentialKind
    headers: Sequence[bytes]

    def credential_in(self, value: bytes) -> bytes | None:
        """What to know the credential in a header's value by; None where it is another kind's, or only judges tell."""

    def admit_known(self, context: AuthContext) -> bool:
        """Count a credential that was known; False where it has to be judged once more all the same."""


class _Known:
    """One credential: who it is, as long as the cell lives, up to a moment in seconds since 1970."""

    __slots__ = ("cell", "context", "is_told", "source", "until", "was_used")

    def __init__(self, context: AuthContext, standing: Standing, source: KnowingSource) -> None:
        self.context = context
        self.source = source
        self.cell: Cell = standing.cell
        self.until = min(standing.until, standing.cell.until)
        self.is_told = standing.is_told
        self.was_used = False


class KnownCredentials:
    """Contexts by the exact bytes of the credential that led to them.

    They rest on the cells of a cache: a change that drops the cell is all it takes. As many are kept as the cache
    keeps.

    Args:
        services: whose caches they rest on.
        sources: the kinds of credentials that are looked for; unless each of them sits in headers, nothing is known.
    """

    def __init__(self, services: Services, sources: Sequence[object]) -> None:
        self._hub = services.remembering.hub
        self._seconds = services.remembering.caches.seconds
        self._known = SecondChance(services.config.cache.max_entries)
        knowing = [source for source in sources if isinstance(source, KnowingSource)]
        self._sources: dict[bytes, tuple[KnowingSource, ...]] = {}
        for source in knowing:
            for header in source.headers:
                self._sources[header] = (*self._sources.get(header, ()), source)
        self._lengths = frozenset(map(len, self._sources))
        # One that may look anywhere leaves the decision to those who judge.
        self._is_on = len(knowing) == len(sources) and services.config.cache.is_enabled

    def find(self, scope: Scope) -> AuthContext | None:
        """Who sent the only credential of this request before, if that still holds; ANONYMOUS where there is none."""
        if not self._is_on:
            return None
        found = self._header(scope)
        if found is None:
            return ANONYMOUS
        source, credential = _offered(*found)
        if source is None:
            return None
        try:
            known: _Known = self._known[credential]  # ``get`` would look three times
        except KeyError:
            return None
        # A cookie may hold what the header does, "Bearer" and a token that nobody has signed; and another source of the
        # same kind may have other rules.
        if known.source is not source or not self._holds(known):
            return None
        known.was_used = known.cell.was_used = True
        return known.context if source.admit_known(known.context) else None

    def _holds(self, known: _Known) -> bool:
        is_told = not known.is_told or monotonic() < self._hub.trusted_until
        return is_told and known.cell.is_live and self._seconds() < known.until

    def remember(self, scope: Scope, context: AuthContext) -> None:
        """Keep what the only credential of a request led to, if something vouches for it."""
        if not self._is_on or len(context.credentials) != 1 or context.error is not None or context.parts:
            return
        standing = next(iter(context.credentials.values())).standing
        source, credential = _offered(*((standing and self._header(scope)) or NOWHERE))
        # Whoever can tell the kinds apart may tell them apart in another way than those who judged.
        if standing is None or source is None or source.kind != context.credential:
            return
        if len(credential) <= LONGEST:
            self._known[credential] = _Known(context, standing, source)

    def _header(self, scope: Scope) -> Offered | None:
        """The only header that may hold a credential, and whose; None without one, nobody's where there are more."""
        lengths, sources = self._lengths, self._sources
        found: Offered | None = None
        for name, value in scope.get("headers") or ():
            # The length first, and any letter case: servers send names in lower case, test clients do not always.
            if len(name) in lengths and (those := sources.get(name.lower())) is not None:
                if found is not None:
                    return NOWHERE
                found = those, value
        return found


def _offered(sources: Sequence[KnowingSource], value: bytes) -> tuple[KnowingSource | None, bytes]:
    """Whose credential a value is, and what to know it by."""
    for source in sources:
        credential = source.credential_in(value)
        if credential is not None:
            return source, credential
    return None, b""

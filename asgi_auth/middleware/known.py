"""Credentials that were verified before, and what they led to: so that a request costs a look, not a judgement."""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic
from typing import Final, Protocol, runtime_checkable

from asgi_auth.asgi.types import Scope
from asgi_auth.context import ANONYMOUS, AuthContext, Cell, CredentialKind
from asgi_auth.infrastructure.cache.memory import SecondChance
from asgi_auth.services.registry import Services

LONGEST: Final = 1024
"""Bytes of a credential that is kept: clients may put as many blanks around theirs as a server lets through."""


@runtime_checkable
class KnowingSource(Protocol):
    """A source whose credential sits in one header, so that the same bytes there mean the same again."""

    kind: CredentialKind
    header: bytes

    def credential_in(self, value: bytes) -> bytes | None:
        """The credential in a value of its header; None where only ``extract`` can tell."""

    def count_known(self) -> None:
        """Count a credential that was known."""


class _Known:
    """One credential: who it is, as long as the cell lives, up to a moment in seconds since 1970."""

    __slots__ = ("cell", "context", "until", "was_used")

    def __init__(self, context: AuthContext, cell: Cell, until: float) -> None:
        self.context = context
        self.cell = cell
        self.until = until
        self.was_used = False


class KnownCredentials:
    """Contexts by the exact bytes of the credential that led to them.

    They rest on the cells of a cache: a change that drops the cell is all it takes. As many are kept as the cache
    keeps.

    Args:
        services: whose caches they rest on.
        sources: the kinds of credentials that are looked for; unless each has a header of its own, nothing is known.
    """

    def __init__(self, services: Services, sources: Sequence[object]) -> None:
        self._hub = services.remembering.hub
        self._seconds = services.remembering.caches.seconds
        self._known = SecondChance(services.config.cache.max_entries)
        self._sources = {source.header: source for source in sources if isinstance(source, KnowingSource)}
        self._lengths = frozenset(map(len, self._sources))
        # Two sources in one header, or one that may look anywhere, leave the decision to those who judge.
        is_clear = len(self._sources) == len(sources)
        self._is_on = is_clear and services.config.cache.is_enabled

    def find(self, scope: Scope) -> AuthContext | None:
        """Who sent the only credential of this request before, if that still holds; ANONYMOUS where there is none."""
        if not self._is_on:
            return None
        found = self._header(scope)
        if found is None:
            return ANONYMOUS
        source, value = found
        credential = None if source is None else source.credential_in(value)
        if source is None or credential is None:
            return None
        try:
            known: _Known = self._known[credential]  # ``get`` would look three times
        except KeyError:
            return None
        cell = known.cell
        # A cookie may hold what the header does, "Bearer" and a token that nobody has signed.
        is_meant = cell.is_live and known.context.credential == source.kind
        if not is_meant or monotonic() >= self._hub.trusted_until or self._seconds() >= known.until:
            return None
        known.was_used = cell.was_used = True
        source.count_known()
        return known.context

    def remember(self, scope: Scope, context: AuthContext) -> None:
        """Keep what the only credential of a request led to, if something vouches for it."""
        if not self._is_on or len(context.credentials) != 1 or context.error is not None or context.parts:
            return
        standing = next(iter(context.credentials.values())).standing
        source, value = (None if standing is None else self._header(scope)) or (None, b"")
        credential = None if source is None else source.credential_in(value)
        if standing is not None and credential is not None and len(credential) <= LONGEST:
            self._known[credential] = _Known(context, standing.cell, min(standing.until, standing.cell.until))

    def _header(self, scope: Scope) -> tuple[KnowingSource | None, bytes] | None:
        """The only header that may hold a credential, and whose; None without one, nobody's where there are more."""
        lengths, sources = self._lengths, self._sources
        found: tuple[KnowingSource | None, bytes] | None = None
        for name, value in scope.get("headers") or ():
            # The length first, and any letter case: servers send names in lower case, test clients do not always.
            if len(name) in lengths and (source := sources.get(name.lower())) is not None:
                if found is not None:
                    return None, b""
                found = source, value
        return found

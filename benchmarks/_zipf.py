"""Requests as sites see them: a few sessions ask for most of the time, as Zipf has it; and who knows them."""

from __future__ import annotations

import random
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import accumulate

from asgi_auth import Auth, CacheOptions
from asgi_auth.asgi.headers import find_header
from asgi_auth.asgi.types import Message, Scope
from asgi_auth.clock import Timestamp
from asgi_auth.context import AuthContext, CredentialKind, Proof, Standing
from asgi_auth.middleware.base import CredentialMiddleware
from asgi_auth.models import SessionWithUser
from asgi_auth.services.known import session_spec
from benchmarks import _apps


def zipf(population: int, *, count: int, seed: int = 1) -> list[int]:
    """So many requests of so many sessions: the n-th most active one asks 1/n as often as the first (s = 1.0)."""
    weights = list(accumulate(1 / rank for rank in range(1, population + 1)))
    return random.Random(seed).choices(range(population), cum_weights=weights, k=count)


class Rank:
    """The session of a rank is its cookie; who keeps it is the cache, and the store of record is this."""

    kind: CredentialKind = "session"
    headers = (b"cookie",)

    def __init__(self, auth: Auth, *, most: int) -> None:
        services = auth.services
        self._session, self._user = services.engine.sessions.record, services.engine.users.record
        spec = session_spec(CacheOptions(max_entries=most), session=self._session, user=self._user)
        self._cache = services.remembering.caches.add(replace(spec, space="ranks"))
        self._now: Timestamp = services.clock()
        self._ends = self._now + services.config.session.lifetime
        self.loads = 0

    def extract(self, scope: Scope) -> str | None:
        """See CredentialSource."""
        return find_header(scope, self.headers[0])

    async def authenticate(self, credential: str, scope: Scope) -> Proof:  # noqa: ARG002  (the sources' signature)
        """See CredentialSource."""
        found = await self._cache.find(credential, partial(self._load, credential))
        if found.value is None or found.cell is None:
            raise RuntimeError("the cache keeps nothing")
        user, session = found.value.user, found.value.session
        standing = Standing(found.cell, found.cell.until)
        return Proof(subject=user.id, user=user, session=session, standing=standing)

    def credential_in(self, value: bytes) -> bytes:
        """See KnowingSource."""
        return value

    def admit_known(self, context: AuthContext) -> bool:  # noqa: ARG002  (the sources' signature)
        """See KnowingSource."""
        return True

    async def _load(self, token: str) -> SessionWithUser:
        self.loads += 1
        now, user_id = self._now, f"user {token}"
        email = f"{token}@example.com"
        user = self._user(id=user_id, name="Ada Lovelace", email=email, created_at=now, updated_at=now)
        session = self._session(
            id=f"session {token}", user_id=user_id, token=token, created_at=now, updated_at=now, expires_at=self._ends
        )
        return SessionWithUser(session=session, user=user)


async def _receive() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _send(message: Message) -> None:
    pass


async def known_share(population: int, *, most: int, count: int) -> tuple[float, float]:
    """What share of the first and of the second so many requests needs no read, by the real middleware and cache."""
    requests = zipf(population, count=2 * count)
    auth = _apps.build_auth("sqlite://", cache=CacheOptions(max_entries=most))
    source = Rank(auth, most=most)
    app = CredentialMiddleware(_apps.bare, auth.services, sources=[source])
    shares = []
    for part in (requests[:count], requests[count:]):
        before = source.loads
        for rank in part:
            scope = {"type": "http", "method": "GET", "path": "/", "headers": [(b"cookie", b"%d" % rank)]}
            await app(scope, _receive, _send)
        shares.append(1 - (source.loads - before) / count)
    await auth.services.close()
    return shares[0], shares[1]


def least_recently_used_share(population: int, *, most: int, count: int) -> tuple[float, float]:
    """The same of a plain list in least-recently-used order."""
    requests = zipf(population, count=2 * count)
    kept: OrderedDict[int, None] = OrderedDict()
    return _hits(kept, requests[:count], most) / count, _hits(kept, requests[count:], most) / count


def _hits(kept: OrderedDict[int, None], requests: Sequence[int], most: int) -> int:
    hits = 0
    for rank in requests:
        hits += rank in kept
        kept[rank] = None
        kept.move_to_end(rank)
        if len(kept) > most:
            kept.popitem(last=False)
    return hits

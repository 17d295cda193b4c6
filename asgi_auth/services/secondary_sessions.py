"""Sessions in Redis alone: what a transaction does to them holds or falls with it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial

from asgi_auth.clock import Clock, Timestamp
from asgi_auth.crypto.tokens import equal
from asgi_auth.engine import Engine, IntegrityViolation
from asgi_auth.infrastructure.change_feed.base import Change
from asgi_auth.infrastructure.secondary_storage.sessions import RedisSessions
from asgi_auth.models import Session, SessionWithUser, User

Removing = Callable[[], Awaitable[Sequence[Session]]]
Publish = Callable[[Sequence[Change]], Awaitable[None]]

LIST_LIMIT = 100


async def locked_user(engine: Engine, user_id: str) -> User:
    """Within a transaction: the user as it is now, who stays like that and stays there until its end.

    Its sessions hold a copy. Whoever changes or deletes the user meanwhile waits, and finds the new session there.
    Raises IntegrityViolation where the user is gone.
    """
    if await engine.user_queries.lock(user_id):
        user = await engine.users.find(id=user_id)
        if user is not None:
            return user
    raise IntegrityViolation


class SecondarySessions:
    """Sessions in Redis alone. See SessionStorage.

    Within a transaction what is added and removed waits for its commit, in that order; the caller is told what is there
    now.
    """

    def __init__(self, engine: Engine, held: RedisSessions, *, clock: Clock, publish: Publish) -> None:
        self._engine = engine
        self._clock = clock
        self._held = held
        self._publish = publish

    async def add(self, session: Session, user: User) -> None:
        """Write a new session of a user; raises IntegrityViolation where the user is gone."""
        async with self._engine.transaction():
            user = await locked_user(self._engine, user.id)
            await self._engine.before_commit(partial(self._held.put, session, user))
            await self._tell((session,), is_new=True)

    async def find(self, session_id: str) -> Session | None:
        """A session by its id, whether or not it has expired."""
        found = await self._find(session_id)
        return None if found is None else found.session

    async def find_with_user(self, token: str) -> SessionWithUser | None:
        """A session and its user in one read, whether or not it has expired."""
        return await self._held.find(token)

    async def find_with_user_by_id(self, session_id: str, *, user_id: str) -> SessionWithUser | None:
        """A user's session by its id, with the user, whether or not it has expired."""
        return await self._held.find_by_id(session_id, user_id=user_id)

    async def list_live(self, user_id: str, now: Timestamp) -> list[Session]:
        """A user's sessions that have not expired, oldest first, 100 at most."""
        return [session for session in await self._held.list(user_id) if session.expires_at > now][:LIST_LIMIT]

    async def is_signed_in_from(self, email: str, ip_address: str, now: Timestamp) -> bool:
        """Whether the user of an e-mail address has a live session that began at this IP address."""
        user = await self._engine.users.find(email=email)
        return user is not None and any(
            session.ip_address == ip_address and session.expires_at > now for session in await self._held.list(user.id)
        )

    async def extend(self, token: str, *, before: Timestamp, expires_at: Timestamp, now: Timestamp) -> Session | None:
        """Move a session's expiry if it lies at or before ``before``; of many callers at once, one gets it."""
        moved = {"expires_at": expires_at, "updated_at": now}
        return await self._change(token, lambda found: moved if found.session.expires_at <= before else None)

    async def change(self, session_id: str, values: Mapping[str, object]) -> Session | None:
        """Set fields of a session, by Python name; None where it is gone."""
        token = await self._held.find_token(session_id)
        return None if token is None else await self._change(token, lambda _: values)

    async def touch(self, token: str, *, used_at: Timestamp, before: Timestamp) -> None:
        """Set ``updatedAt`` unless it is as new as ``before`` already."""
        used = {"updated_at": used_at}
        await self._change(token, lambda found: used if found.session.updated_at < before else None)

    async def remove(self, session_id: str) -> Session | None:
        """Delete a session; of many callers at once, one gets it."""
        token = await self._held.find_token(session_id)
        return None if token is None else await self.remove_token(token)

    async def remove_token(self, token: str, *, user_id: str | None = None) -> Session | None:
        """Delete the session of a token, if it is that user's; of many callers at once, one gets it."""
        found = await self._held.find(token)
        if found is None or user_id not in (None, found.user.id):
            return None
        removed = await self._remove((found.session,), partial(self._held.remove, found.user.id, [token]))
        return next(iter(removed), None)

    async def remove_all(self, user_id: str) -> Sequence[Session]:
        """Delete a user's sessions."""
        # What begins after this moment, in the same transaction even, is good.
        remove = partial(self._held.remove_all, user_id, before=self._clock())
        return await self._remove(await self._listed(user_id), remove)

    async def remove_others(self, user_id: str, token: str) -> Sequence[Session]:
        """Delete a user's sessions except one."""
        others = [session for session in await self._listed(user_id) if not equal(session.token, token)]
        return await self._remove(others, partial(self._held.remove_others, user_id, token))

    async def remove_oldest(self, user_id: str, *, keep: int, now: Timestamp) -> Sequence[Session]:
        """Delete a user's sessions except the newest ``keep`` live ones."""
        sessions = await self._held.list(user_id)
        live = [session for session in sessions if session.expires_at > now]
        kept = {session.token for session in live[max(len(live) - keep, 0) :]}
        oldest = [session for session in sessions if session.token not in kept]
        tokens = [session.token for session in oldest]
        return await self._remove(oldest, partial(self._held.remove, user_id, tokens)) if oldest else ()

    async def _listed(self, user_id: str) -> Sequence[Session]:
        """What there is to remove: asked only where it is removed later."""
        return await self._held.list(user_id) if self._engine.is_in_transaction else ()

    async def _remove(self, there: Sequence[Session], remove: Removing) -> Sequence[Session]:
        if self._engine.is_in_transaction:
            await self._engine.before_commit(remove)
            await self._tell(there)
            return there
        return await self._engine.uninterrupted(self._removed(remove))

    async def _removed(self, remove: Removing) -> Sequence[Session]:
        removed = await remove()
        await self._tell(removed)
        return removed

    async def _change(
        self, token: str, change: Callable[[SessionWithUser], Mapping[str, object] | None]
    ) -> Session | None:
        changed = await self._held.change(token, change)
        if changed is not None:
            await self._tell((changed,))
        return changed

    async def _find(self, session_id: str) -> SessionWithUser | None:
        token = await self._held.find_token(session_id)
        return None if token is None else await self._held.find(token)

    async def _tell(self, sessions: Sequence[Session], *, is_new: bool = False) -> None:
        if sessions:
            change = Change("session", tuple(session.id for session in sessions), is_new=is_new)
            await self._engine.after_commit(partial(self._publish, (change,)))

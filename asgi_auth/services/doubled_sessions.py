"""Sessions in Redis and in the database: written to both, read where Better Auth reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from asgi_auth.clock import Clock, Timestamp
from asgi_auth.engine import Engine
from asgi_auth.infrastructure.secondary_storage.sessions import RedisSessions
from asgi_auth.models import Session, SessionWithUser, User
from asgi_auth.services.secondary_sessions import locked_user
from asgi_auth.services.session_storage import SessionStorage


class DoubledSessions:
    """Sessions in Redis and in the database. See SessionStorage.

    A session is looked for in Redis; where it has lost one, the database serves. Everything else asks the database.
    What the database removes, Redis loses before that is committed: a revoked session is in neither.
    """

    def __init__(self, engine: Engine, record: SessionStorage, held: RedisSessions, *, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._record = record
        self._held = held

    async def add(self, session: Session, user: User) -> None:
        """Write a new session of a user; raises IntegrityViolation where the user is gone."""
        async with self._engine.transaction():
            user = await locked_user(self._engine, user.id)
            await self._record.add(session, user)
            await self._engine.before_commit(partial(self._held.put, session, user))

    async def find(self, session_id: str) -> Session | None:
        """A session by its id, whether or not it has expired."""
        return await self._record.find(session_id)

    async def find_with_user(self, token: str) -> SessionWithUser | None:
        """A session and its user, whether or not it has expired."""
        found = await self._held.find(token)
        return found or await self._unrevoked(await self._record.find_with_user(token))

    async def find_with_user_by_id(self, session_id: str, *, user_id: str) -> SessionWithUser | None:
        """A user's session by its id, with the user, whether or not it has expired; looked for as by its token."""
        found = await self._held.find_by_id(session_id, user_id=user_id)
        return found or await self._unrevoked(await self._record.find_with_user_by_id(session_id, user_id=user_id))

    async def list_live(self, user_id: str, now: Timestamp) -> Sequence[Session]:
        """A user's sessions that have not expired, oldest first, 100 at most."""
        return await self._record.list_live(user_id, now)

    async def is_signed_in_from(self, email: str, ip_address: str, now: Timestamp) -> bool:
        """Whether the user of an e-mail address has a live session that began at this IP address."""
        return await self._record.is_signed_in_from(email, ip_address, now)

    async def extend(self, token: str, *, before: Timestamp, expires_at: Timestamp, now: Timestamp) -> Session | None:
        """Move a session's expiry if it lies at or before ``before``; of many callers at once, one gets the row."""
        async with self._engine.transaction():
            session = await self._record.extend(token, before=before, expires_at=expires_at, now=now)
            await self._copy(session, {"expires_at": expires_at, "updated_at": now})
        return session

    async def change(self, session_id: str, values: Mapping[str, object]) -> Session | None:
        """Set fields of a session, by Python name; None where it is gone. Raises IntegrityViolation."""
        async with self._engine.transaction():
            session = await self._record.change(session_id, values)
            await self._copy(session, values)
        return session

    async def touch(self, token: str, *, used_at: Timestamp, before: Timestamp) -> None:
        """Set ``updatedAt`` unless it is as new as ``before`` already."""
        await self._record.touch(token, used_at=used_at, before=before)
        used = {"updated_at": used_at}
        await self._held.change(token, lambda found: used if found.session.updated_at < before else None)

    async def remove(self, session_id: str) -> Session | None:
        """Delete a session; of many callers at once, one gets it."""
        session = await self._record.find(session_id)
        return None if session is None else await self.remove_token(session.token)

    async def remove_token(self, token: str, *, user_id: str | None = None) -> Session | None:
        """Delete the session of a token, if it is that user's; of many callers at once, one gets it."""
        async with self._engine.transaction():
            removed = await self._record.remove_token(token, user_id=user_id)
            session = removed or await self._left_alone(token)
            if session is None or user_id not in (None, session.user_id):
                return None
            await self._engine.before_commit(partial(self._held.remove, session.user_id, [token]))
        return session

    async def remove_all(self, user_id: str) -> Sequence[Session]:
        """Delete a user's sessions."""
        now = self._clock()  # what begins after this moment, in the same transaction even, is good
        async with self._engine.transaction():
            removed = await self._record.remove_all(user_id)
            tokens = [session.token for session in removed]
            await self._engine.before_commit(partial(self._held.remove_all, user_id, before=now, tokens=tokens))
        return removed

    async def remove_others(self, user_id: str, token: str) -> Sequence[Session]:
        """Delete a user's sessions except one."""
        async with self._engine.transaction():
            removed = await self._record.remove_others(user_id, token)
            tokens = [session.token for session in removed]
            await self._engine.before_commit(partial(self._held.remove_others, user_id, token, tokens=tokens))
        return removed

    async def remove_oldest(self, user_id: str, *, keep: int, now: Timestamp) -> Sequence[Session]:
        """Delete a user's sessions except the newest ``keep`` live ones."""
        async with self._engine.transaction():
            removed = await self._record.remove_oldest(user_id, keep=keep, now=now)
            tokens = [session.token for session in removed]
            if tokens:
                await self._engine.before_commit(partial(self._held.remove, user_id, tokens))
        return removed

    async def _unrevoked(self, found: SessionWithUser | None) -> SessionWithUser | None:
        return None if found is None or await self._held.is_revoked(found.session) else found

    async def _copy(self, session: Session | None, values: Mapping[str, object]) -> None:
        if session is not None:
            await self._engine.before_commit(partial(self._held.change, session.token, lambda _: values))

    async def _left_alone(self, token: str) -> Session | None:
        """A session that only Redis has still: somebody has deleted its row by other ways."""
        found = await self._held.find(token)
        return None if found is None else found.session

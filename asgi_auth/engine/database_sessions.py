"""Sessions in the database: the store of record, unless it is told to be elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, delete, func, select, update

from asgi_auth.clock import Timestamp
from asgi_auth.engine.executor import Executor
from asgi_auth.engine.queries import given
from asgi_auth.engine.store import LIST_LIMIT, Store, with_shared_moments
from asgi_auth.models import Session, SessionWithUser, User


class DatabaseSessions:
    """The sessions in the database; everything but equality is compiled when it is built. See SessionStorage."""

    def __init__(self, executor: Executor, sessions: Store[Session], users: Store[User]) -> None:
        self._executor = executor
        self._sessions = sessions
        self._users = users
        session, user, every = sessions.table.c, users.table.c, sessions.columns
        self._width = len(every)
        self._token_at, self._user_id_at = sessions.position("token"), sessions.position("user_id")
        join = sessions.table.join(users.table, session.userId == user.id)
        of_token = session.token == given("token", session.token)
        of_user = session.userId == given("user_id", session.userId)
        is_live = session.expiresAt > given("now", session.expiresAt)
        is_here = session.ipAddress == given("ip_address", session.ipAddress)
        removing = delete(sessions.table).where(of_user).returning(*every)
        newest = select(session.id).where(of_user, is_live).order_by(session.createdAt.desc(), session.id.desc())
        with_user = select(*every, *users.columns).select_from(join)
        of_id = session.id == given("id", session.id)
        self._with_user = executor.compile(with_user.where(of_token), is_lookup=True)
        self._with_user_by_id = executor.compile(with_user.where(of_id, of_user), is_lookup=True)
        self._live = executor.compile(
            select(*every).where(of_user, is_live).order_by(session.createdAt, session.id).limit(LIST_LIMIT)
        )
        self._from_address = executor.compile(
            select(session.id)
            .select_from(join)
            .where(user.email == given("email", user.email), is_here, is_live)
            .limit(1)
        )
        countable = select(session.id).where(is_live).limit(bindparam("most")).subquery()
        self._count_live = executor.compile(select(func.count()).select_from(countable))
        self._remove_all = executor.compile(removing)
        self._remove_others = executor.compile(removing.where(session.token != given("token", session.token)))
        self._remove_oldest = executor.compile(removing.where(session.id.not_in(newest.limit(bindparam("keep")))))
        self._touch = executor.compile(
            update(sessions.table)
            .where(of_token, session.updatedAt < given("before", session.updatedAt))
            .values({session.updatedAt: given("used_at", session.updatedAt)})
            .returning(*every)
        )
        moved = {
            "expiresAt": given("new_expires_at", session.expiresAt),
            "updatedAt": given("now", session.updatedAt),
        }
        self._extend = executor.compile(
            update(sessions.table)
            .where(of_token, session.expiresAt <= given("before", session.expiresAt))
            .values(moved)
            .returning(*every)
        )

    async def add(self, session: Session, user: User) -> None:  # noqa: ARG002  (other storages keep it beside)
        """Write a new session of a user; raises IntegrityViolation where the user is gone."""
        await self._sessions.add(session)

    async def find(self, session_id: str) -> Session | None:
        """A session by its id, whether or not it has expired."""
        return await self._sessions.find(id=session_id)

    async def find_with_user(self, token: str) -> SessionWithUser | None:
        """A session and its user, in one select, whether or not it has expired."""
        rows = await self._executor.run(self._with_user, {"token": token})
        return self._pair(rows[0], token) if rows else None

    async def find_with_user_by_id(self, session_id: str, *, user_id: str) -> SessionWithUser | None:
        """A user's session by its id, with the user, in one select, whether or not it has expired."""
        rows = await self._executor.run(self._with_user_by_id, {"id": session_id, "user_id": user_id})
        return self._pair(rows[0], rows[0][self._token_at]) if rows else None

    def _pair(self, columns: Sequence[Any], token: str) -> SessionWithUser:
        # The same text and the same moment need not be kept twice: a great many of these are remembered.
        row = with_shared_moments(columns)
        user = self._users.build(row[self._width :])
        of_session = row[: self._width]
        of_session[self._token_at], of_session[self._user_id_at] = token, user.id
        return SessionWithUser(session=self._sessions.build(of_session), user=user)

    async def extend(self, token: str, *, before: Timestamp, expires_at: Timestamp, now: Timestamp) -> Session | None:
        """Move a session's expiry if it lies at or before ``before``; of many callers at once, one gets the row."""
        values = {"token": token, "before": before, "new_expires_at": expires_at, "now": now}
        return next(iter(await self._write(self._extend, values)), None)

    async def list_live(self, user_id: str, now: Timestamp) -> list[Session]:
        """A user's sessions that have not expired, oldest first, 100 at most."""
        return await self._read(self._live, {"user_id": user_id, "now": now})

    async def count_live(self, now: Timestamp, most: int) -> int:
        """How many sessions have not expired; no more than ``most`` are counted."""
        return int((await self._executor.run(self._count_live, {"now": now, "most": most}))[0][0])

    async def change(self, session_id: str, values: Mapping[str, object]) -> Session | None:
        """Set fields of a session, by Python name; None where it is gone. Raises IntegrityViolation."""
        return await self._sessions.change({"id": session_id}, **values)

    async def remove(self, session_id: str) -> Session | None:
        """Delete a session; of many callers at once, one gets it."""
        return await self._sessions.take(id=session_id)

    async def remove_token(self, token: str, *, user_id: str | None = None) -> Session | None:
        """Delete the session of a token, if it is that user's; of many callers at once, one gets it."""
        owner = {} if user_id is None else {"user_id": user_id}
        return await self._sessions.take(token=token, **owner)

    async def is_signed_in_from(self, email: str, ip_address: str, now: Timestamp) -> bool:
        """Whether the user of an e-mail address has a live session that began at this IP address."""
        values = {"email": email, "ip_address": ip_address, "now": now}
        return bool(await self._executor.run(self._from_address, values))

    async def remove_others(self, user_id: str, token: str) -> list[Session]:
        """Delete a user's sessions except one; returns what was deleted."""
        return await self._write(self._remove_others, {"user_id": user_id, "token": token})

    async def remove_all(self, user_id: str) -> list[Session]:
        """Delete a user's sessions; returns what was deleted."""
        return await self._write(self._remove_all, {"user_id": user_id})

    async def remove_oldest(self, user_id: str, *, keep: int, now: Timestamp) -> list[Session]:
        """Delete a user's sessions except the newest ``keep`` live ones; returns what was deleted."""
        return await self._write(self._remove_oldest, {"user_id": user_id, "keep": keep, "now": now})

    async def touch(self, token: str, *, used_at: Timestamp, before: Timestamp) -> None:
        """Set ``updatedAt`` unless it is as new as ``before`` already."""
        await self._write(self._touch, {"token": token, "used_at": used_at, "before": before})

    async def _write(self, statement: Any, values: Mapping[str, object]) -> list[Session]:
        return list(await self._sessions.announced(self._read(statement, values)))

    async def _read(self, statement: Any, values: Mapping[str, object]) -> list[Session]:
        return [self._sessions.build(row) for row in await self._executor.run(statement, values)]

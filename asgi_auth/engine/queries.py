"""The reads and writes that touch more than one table, or compare more than equality."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Table, bindparam, delete, func, select, update

from asgi_auth.clock import Timestamp
from asgi_auth.engine.columns import Moment
from asgi_auth.engine.executor import Executor
from asgi_auth.engine.store import LIST_LIMIT, Store
from asgi_auth.models import Session, SessionWithUser, User, Verification


def _given(name: str, column: ColumnElement[Any]) -> ColumnElement[Any]:
    return bindparam(name, type_=column.type)


class SessionQueries:
    """What sessions need beside their store; everything is compiled when it is built."""

    def __init__(self, executor: Executor, sessions: Store[Session], users: Store[User]) -> None:
        self._executor = executor
        self._sessions = sessions
        self._users = users
        session, user, every = sessions.table.c, users.table.c, sessions.columns
        join = sessions.table.join(users.table, session.userId == user.id)
        of_token = session.token == _given("token", session.token)
        of_user = session.userId == _given("user_id", session.userId)
        is_live = session.expiresAt > _given("now", session.expiresAt)
        is_here = session.ipAddress == _given("ip_address", session.ipAddress)
        removing = delete(sessions.table).where(of_user).returning(*every)
        newest = select(session.id).where(of_user, is_live).order_by(session.createdAt.desc(), session.id.desc())
        self._with_user = executor.compile(select(*every, *users.columns).select_from(join).where(of_token))
        self._live = executor.compile(
            select(*every).where(of_user, is_live).order_by(session.createdAt, session.id).limit(LIST_LIMIT)
        )
        self._from_address = executor.compile(
            select(session.id)
            .select_from(join)
            .where(user.email == _given("email", user.email), is_here, is_live)
            .limit(1)
        )
        self._remove_all = executor.compile(removing)
        self._remove_others = executor.compile(removing.where(session.token != _given("token", session.token)))
        self._remove_oldest = executor.compile(removing.where(session.id.not_in(newest.limit(bindparam("keep")))))
        self._touch = executor.compile(
            update(sessions.table)
            .where(of_token, session.updatedAt < _given("before", session.updatedAt))
            .values({session.updatedAt: _given("used_at", session.updatedAt)})
            .returning(*every)
        )
        moved = {
            "expiresAt": _given("new_expires_at", session.expiresAt),
            "updatedAt": _given("now", session.updatedAt),
        }
        self._extend = executor.compile(
            update(sessions.table)
            .where(of_token, session.expiresAt <= _given("before", session.expiresAt))
            .values(moved)
            .returning(*every)
        )

    async def find_with_user(self, token: str) -> SessionWithUser | None:
        """A session and its user, in one select, whether or not it has expired."""
        rows = await self._executor.run(self._with_user, {"token": token})
        if not rows:
            return None
        width = len(self._sessions.columns)
        row = rows[0]
        return SessionWithUser(session=self._sessions.build(row[:width]), user=self._users.build(row[width:]))

    async def extend(self, token: str, *, before: Timestamp, expires_at: Timestamp, now: Timestamp) -> Session | None:
        """Move a session's expiry if it lies at or before ``before``; of many callers at once, one gets the row."""
        values = {"token": token, "before": before, "new_expires_at": expires_at, "now": now}
        return next(iter(await self._write(self._extend, values)), None)

    async def list_live(self, user_id: str, now: Timestamp) -> list[Session]:
        """A user's sessions that have not expired, oldest first, 100 at most."""
        return await self._read(self._live, {"user_id": user_id, "now": now})

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


class UserQueries:
    """What users need beside their store."""

    def __init__(self, executor: Executor, users: Store[User], accounts: Table) -> None:
        self._executor = executor
        self._users = users
        user = users.table.c
        join = users.table.outerjoin(accounts, (accounts.c.userId == user.id) & (accounts.c.providerId == "credential"))
        self._with_password = executor.compile(
            select(*users.columns, accounts.c.password)
            .select_from(join)
            .where(user.email == _given("email", user.email))
            .limit(1)
        )
        lock = select(user.id).where(user.id == _given("id", user.id))
        self._lock = executor.compile(lock.with_for_update())

    async def find_with_password(self, email: str) -> tuple[User, str | None] | None:
        """A user and the password hash of its credential account, in one select."""
        rows = await self._executor.run(self._with_password, {"email": email})
        if not rows:
            return None
        *columns, password = rows[0]
        return self._users.build(columns), password

    async def lock(self, user_id: str) -> bool:
        """Within a transaction: make others who lock this user wait for its end. False where there is none.

        On SQLite there is one writer, and a transaction is it from its first statement.
        """
        return bool(await self._executor.run(self._lock, {"id": user_id}))


class VerificationQueries:
    """What verifications need beside their store."""

    def __init__(self, executor: Executor, verifications: Store[Verification]) -> None:
        self._executor = executor
        self._verifications = verifications
        column = verifications.table.c
        redeem = (
            delete(verifications.table)
            .where(column.identifier == _given("identifier", column.identifier))
            .returning(*verifications.columns)
        )
        self._redeem = executor.compile(redeem)
        self._redeem_for = executor.compile(redeem.where(column.value == _given("value", column.value)))
        self._remove_standing_for = executor.compile(
            delete(verifications.table)
            .where(column.value == _given("value", column.value))
            .where(func.substr(column.identifier, 1, bindparam("length")) == _given("prefix", column.identifier))
            .returning(column.id)
        )
        self._remove_expired = executor.compile(
            delete(verifications.table).where(column.expiresAt < bindparam("now", type_=Moment()))
        )

    async def redeem(self, identifier: str, *, value: str | None = None) -> list[Verification]:
        """Delete everything of this identifier, and of this value if one is given, in one statement.

        Of many callers one gets the rows.
        """
        if value is None:
            rows = await self._executor.run(self._redeem, {"identifier": identifier})
        else:
            rows = await self._executor.run(self._redeem_for, {"identifier": identifier, "value": value})
        return [self._verifications.build(row) for row in rows]

    async def remove_standing_for(self, value: str, *, prefix: str) -> int:
        """Delete everything of this value whose identifier begins like this; returns how many there were."""
        values = {"value": value, "prefix": prefix, "length": len(prefix)}
        return len(await self._executor.run(self._remove_standing_for, values))

    async def remove_expired(self, now: Timestamp) -> None:
        """Delete what can no longer be redeemed."""
        await self._executor.run(self._remove_expired, {"now": now})

"""The reads and writes that touch more than one table, or compare more than equality."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Table, bindparam, delete, func, select

from asgi_auth.clock import Timestamp
from asgi_auth.engine.columns import Moment
from asgi_auth.engine.executor import Executor
from asgi_auth.engine.store import Store
from asgi_auth.models import User, Verification


def given(name: str, column: ColumnElement[Any]) -> ColumnElement[Any]:
    """A value that is given when a statement runs, of a column's type."""
    return bindparam(name, type_=column.type)


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
            .where(user.email == given("email", user.email))
            .limit(1),
            is_lookup=True,
        )
        lock = select(user.id).where(user.id == given("id", user.id))
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
            .where(column.identifier == given("identifier", column.identifier))
            .returning(*verifications.columns)
        )
        self._redeem = executor.compile(redeem)
        self._redeem_for = executor.compile(redeem.where(column.value == given("value", column.value)))
        self._remove_standing_for = executor.compile(
            delete(verifications.table)
            .where(column.value == given("value", column.value))
            .where(func.substr(column.identifier, 1, bindparam("length")) == given("prefix", column.identifier))
            .returning(column.id)
        )
        self._remove_expired = executor.compile(
            delete(verifications.table).where(column.expiresAt < bindparam("now", type_=Moment()))
        )

    async def add(self, verification: Verification) -> None:
        """Write a new one."""
        await self._verifications.add(verification)

    async def find(self, identifier: str) -> Verification | None:
        """The one with this identifier, whether or not it has expired."""
        return await self._verifications.find(identifier=identifier)

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

"""Rows for tests that need some row, and a way to the database that does not lead through the library."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

import aiosqlite
import asyncpg

from asgi_auth import Account, Session, User, Verification
from asgi_auth.crypto.tokens import generate_id
from tests.support import FrozenClock


def user_row(clock: FrozenClock, email: str = "ada@example.com", **values: object) -> User:
    """A user who is stored nowhere yet."""
    row = {"name": "Ada", "email": email, "created_at": clock(), "updated_at": clock(), "id": generate_id()}
    return User(**{**row, **values})


def session_row(clock: FrozenClock, user: User, **values: object) -> Session:
    """A session that is stored nowhere yet."""
    now = clock()
    row = {"expires_at": now, "token": generate_id(), "created_at": now, "updated_at": now}
    return Session(**{**row, "user_id": user.id, "id": generate_id(), **values})


def account_row(clock: FrozenClock, user_id: str, **values: object) -> Account:
    """An account that is stored nowhere yet."""
    row = {"account_id": generate_id(), "provider_id": "github", "created_at": clock(), "updated_at": clock()}
    return Account(**{**row, "user_id": user_id, "id": generate_id(), **values})


def verification_row(clock: FrozenClock, identifier: str = "test:one", **values: object) -> Verification:
    """A verification that is stored nowhere yet."""
    now = clock()
    row = {"identifier": identifier, "value": "x", "expires_at": now, "created_at": now, "updated_at": now}
    return Verification(**{**row, "id": generate_id(), **values})


def of_the_contract(statements: list[str]) -> list[str]:
    """Without what only makes changes heard: a function, triggers, and on SQLite a table of changes."""
    return [sql for sql in statements if not re.match(r'CREATE (FUNCTION|TRIGGER|TABLE "asgiAuthChange")', sql)]


async def query(url: str, *statements: str) -> list[tuple[object, ...]]:
    """Run statements on a database through its driver alone; the rows of the last one."""
    rows: list[tuple[object, ...]] = []
    if url.startswith("sqlite"):
        async with aiosqlite.connect(Path(urlsplit(url).path.removeprefix("/"))) as sqlite:
            for sql in statements:
                rows = [tuple(row) for row in await sqlite.execute_fetchall(sql)]
            await sqlite.commit()
        return rows
    postgres = await asyncpg.connect(url)
    try:
        for sql in statements:
            rows = [tuple(row) for row in await postgres.fetch(sql)]
    finally:
        await postgres.close()
    return rows

"""A SQLite file and its table of changes: nothing is believed that may have been missed."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from asgi_auth.engine.change_feed import sqlite, sqlite_triggers
from tests.engine.change_feed.listening import sessions, users


@pytest.fixture
def path(sqlite_url):
    return Path(urlsplit(sqlite_url).path[1:])


@pytest.fixture
async def on_sqlite(listen, make_auth, sqlite_url):
    await make_auth(database=sqlite_url).create_schema()
    listener = await listen(database=sqlite_url)
    await listener.up()
    return listener


def write(path, *statements):
    """Write as a program does that only knows SQLite."""
    with closing(sqlite3.connect(path, timeout=60)) as connection, connection:
        for sql in statements:
            connection.execute(sql)


async def test_another_process_is_heard(on_sqlite, path):
    program = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], timeout=60); c.execute(sys.argv[2]); c.commit()"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, path, users("ada"))
    assert await process.wait() == 0
    await on_sqlite.caught_up()
    assert on_sqlite.keys("user", is_new=True) == {"ada"}


@pytest.mark.parametrize(
    "sql",
    [
        users("eve").replace("INSERT", "INSERT OR REPLACE").replace("eve@", "ada@"),
        'UPDATE OR REPLACE "user" SET "email" = \'ada@example.com\' WHERE "id" = \'bob\'',
    ],
)
async def test_rows_that_make_room_for_others_are_named(on_sqlite, path, sql):
    write(path, users("ada", "bob"))
    await on_sqlite.caught_up()
    on_sqlite.changes.clear()
    write(path, sql)
    await on_sqlite.caught_up()
    assert "ada" in on_sqlite.keys("user")


async def test_the_table_of_changes_stays_small(on_sqlite, path):
    write(path, users("ada"))
    for batch in range(12):
        write(path, sessions("ada", [f"{batch}-{number}" for number in range(1000)]))
    with closing(sqlite3.connect(path)) as connection:
        [(count, newest)] = connection.execute('SELECT count(*), max("seq") FROM "asgiAuthChange"')
    assert newest == 12001
    assert sqlite_triggers.KEPT <= count <= sqlite_triggers.KEPT * 1.1


@pytest.mark.parametrize(
    "loss",
    [
        'DELETE FROM "asgiAuthChange"',
        'DELETE FROM "asgiAuthChange" WHERE "seq" < (SELECT max("seq") FROM "asgiAuthChange")',
        'UPDATE "sqlite_sequence" SET seq = 0; DELETE FROM "asgiAuthChange"; DELETE FROM session',
    ],
)
async def test_of_whoever_has_missed_changes_everything_may_have_changed(on_sqlite, path, loss):
    write(path, users("ada"), sessions("ada", ["s1", "s2"]))
    await on_sqlite.caught_up()
    on_sqlite.changes.clear()
    write(path, "DELETE FROM session WHERE \"id\" = 's1'", *loss.split("; "))
    await on_sqlite.caught_up()
    assert on_sqlite.whole() == {"user", "session"}
    write(path, users("bob"))
    await on_sqlite.caught_up()
    assert "bob" in on_sqlite.keys("user", is_new=True) or on_sqlite.whole(), "and it goes on"


async def test_more_changes_than_are_read_at_once_are_a_change_of_everything(on_sqlite, path, monkeypatch):
    monkeypatch.setattr(sqlite, "MOST_ROWS", 10)
    write(path, users("ada"), sessions("ada", [str(number) for number in range(20)]))
    await on_sqlite.caught_up()
    assert on_sqlite.whole() == {"user", "session"}
    on_sqlite.changes.clear()
    write(path, 'UPDATE "user" SET "name" = \'B\'')
    await on_sqlite.caught_up()
    assert on_sqlite.keys("user") == {"ada"}


async def test_a_file_whose_table_of_changes_goes_is_not_believed(on_sqlite, path):
    write(path, *(f'DROP TRIGGER "{name}"' for name in triggers(path)), 'DROP TABLE "asgiAuthChange"')
    await on_sqlite.until(lambda: on_sqlite.reasons)
    assert on_sqlite.states[-1] == "unusable"


def triggers(path):
    with closing(sqlite3.connect(path)) as connection:
        return [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")]


async def test_writers_that_take_their_time_do_not_keep_it_from_telling(on_sqlite, path):
    with closing(sqlite3.connect(path, timeout=60, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute(users("ada"))
        await on_sqlite.caught_up()
        assert on_sqlite.changes == []
        writer.execute("COMMIT")
    await on_sqlite.caught_up()
    assert on_sqlite.keys("user", is_new=True) == {"ada"}

"""Whatever any program writes to a watched table is heard, row by row, or as a change of the whole table."""

from __future__ import annotations

from typing import ClassVar

import pytest
from sqlalchemy import Column, MetaData, Table, Text

from asgi_auth import Feature
from asgi_auth.infrastructure.change_feed.base import Watch
from tests.contracts.rows import query
from tests.engine.change_feed.listening import sessions, users

CASCADES = "PRAGMA foreign_keys = ON"


async def foreign(url, *statements):
    """Run statements as another program does, one whose SQLite keeps foreign keys."""
    await query(url, *([CASCADES] if url.startswith("sqlite") else []), *statements)


@pytest.fixture
async def written(listener, database_url):
    """Rows that another program has written, and that were heard of."""
    await foreign(database_url, users("ada", "bob"), sessions("ada", ["s1", "s2"]), sessions("bob", ["s3"]))
    await listener.caught_up()
    return listener


async def test_new_rows_are_named_as_new(written):
    assert (written.keys("user", is_new=True), written.keys("session", is_new=True)) == (
        {"ada", "bob"},
        {"s1", "s2", "s3"},
    )


async def forgotten(listener, url, *statements):
    """The rows that are named as changed when the statements have run."""
    listener.changes.clear()
    await foreign(url, *statements)
    await listener.caught_up()
    return listener.keys("user") | listener.keys("session")


async def test_changed_rows_are_named(written, database_url):
    assert await forgotten(written, database_url, 'UPDATE "user" SET "name" = \'B\' WHERE "id" = \'ada\'') == {"ada"}


async def test_deleted_rows_are_named(written, database_url):
    assert await forgotten(written, database_url, "DELETE FROM session WHERE \"userId\" = 'ada'") == {"s1", "s2"}


async def test_rows_that_go_with_their_user_are_named(written, database_url):
    assert await forgotten(written, database_url, 'DELETE FROM "user" WHERE "id" = \'ada\'') == {"ada", "s1", "s2"}


async def test_a_row_that_gets_another_key_is_named_by_both(written, database_url):
    renamed = await forgotten(written, database_url, "UPDATE session SET \"id\" = 'new' WHERE \"id\" = 's3'")
    assert renamed == {"s3", "new"}


async def test_a_row_written_over_is_named_as_changed(written, database_url):
    again = users("ada").replace("'A'", "'B'") + ' ON CONFLICT ("id") DO UPDATE SET "name" = \'B\''
    assert await forgotten(written, database_url, again) == {"ada"}


async def test_a_statement_that_changes_no_row_tells_nothing(written, database_url):
    assert await forgotten(written, database_url, "DELETE FROM session WHERE \"id\" = 'nobody'") == set()
    assert written.whole() == set()


async def test_a_write_that_is_undone_tells_nothing(written, database_url):
    await forgotten(written, database_url, "BEGIN", "DELETE FROM session", "ROLLBACK")
    assert written.changes == []


async def test_100_rows_of_one_statement_are_named_and_of_more_the_whole_table(written, database_url):
    def names(count):
        return [f"many{count}-{number}" for number in range(count)]

    await foreign(database_url, sessions("ada", names(100)))
    await written.caught_up()
    assert await forgotten(written, database_url, "DELETE FROM session WHERE \"userId\" = 'ada'") == set()
    assert written.whole() == {"session"}, "there were 102"
    await foreign(database_url, sessions("ada", names(100)))
    await written.caught_up()
    assert await forgotten(written, database_url, "DELETE FROM session WHERE \"userId\" = 'ada'") == set(names(100))
    assert written.whole() == set()


async def test_what_was_added_in_masse_is_new_all_the_same(listener, database_url):
    await foreign(database_url, users("ada"), sessions("ada", [f"s{number}" for number in range(101)]))
    await listener.caught_up()
    assert (listener.whole(is_new=True), listener.whole()) == ({"session"}, set())


async def test_no_token_is_told(written, postgres_url, sqlite_url, database_url):
    assert "token" not in str(written.changes)
    if database_url == sqlite_url:
        assert "token" not in str(await query(sqlite_url, 'SELECT * FROM "asgiAuthChange"'))


async def test_keys_of_any_length_and_alphabet_are_heard(listener, database_url):
    await foreign(database_url, users("é☃'' \" : \\"))
    await listener.caught_up()
    assert listener.keys("user", is_new=True) == {"é☃' \" : \\"}


# tables of features


class Clubs(Feature):
    """Who is in which club: found by both."""

    name = "clubs"
    tables: ClassVar = (
        Table(
            "clubMember",
            MetaData(),
            Column("id", Text(), primary_key=True),
            Column("clubId", Text(), nullable=False),
            Column("userId", Text()),
        ),
    )
    watches: ClassVar = (Watch("clubMember", ("clubId", "userId")),)


async def test_a_features_rows_are_named_by_the_columns_it_watches_them_by(
    listen, make_auth, database_url, patient_beats
):
    await make_auth(database=database_url, features=[Clubs()]).create_schema()
    listener = await listen(database=database_url, features=[Clubs()])
    await listener.up()
    insert = 'INSERT INTO "clubMember" ("id", "clubId", "userId") VALUES '
    await query(database_url, insert + "('1', 'chess', 'ada')", 'DELETE FROM "clubMember" WHERE "id" = \'1\'')
    await listener.caught_up()
    assert (listener.keys("clubMember", is_new=True), listener.keys("clubMember")) == ({"chess:ada"}, {"chess:ada"})
    await query(database_url, insert + "('2', 'chess', NULL)", 'UPDATE "clubMember" SET "clubId" = \'go\'')
    await listener.caught_up()
    assert listener.whole() == {"clubMember"}, "a row without a name is any row"

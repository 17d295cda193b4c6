"""What PostgreSQL's triggers say, and what anybody may say in their place."""

from __future__ import annotations

import asyncpg
import pytest

from tests.contracts.rows import query
from tests.engine.change_feed.listening import sessions, users


@pytest.fixture
async def on_postgres(listen, make_auth, postgres_url, patient_beats):
    await make_auth(database=postgres_url).create_schema()
    listener = await listen(database=postgres_url)
    await listener.up()
    return listener


@pytest.fixture
async def overheard(postgres_url, on_postgres):
    """Everything that is said on the channel."""
    said = []
    connection = await asyncpg.connect(postgres_url)
    await connection.add_listener("asgi_auth", lambda *message: said.append(message[-1]))
    yield said
    await connection.close()


async def test_a_truncated_table_has_changed_as_a_whole(on_postgres, postgres_url):
    await query(postgres_url, 'TRUNCATE "user" CASCADE')
    await on_postgres.caught_up()
    assert on_postgres.whole() == {"user", "session"}


@pytest.mark.parametrize(("length", "is_named"), [(30, True), (60, False), (9000, False)])
async def test_no_message_is_too_long_for_postgres(on_postgres, overheard, postgres_url, length, is_named):
    names = {f"{number}-{'é' * length}" for number in range(90)}
    await query(postgres_url, users(*names), 'DELETE FROM "user"')
    await on_postgres.caught_up()
    assert max(len(message.encode()) for message in overheard) < 8000
    assert on_postgres.keys("user") == (names if is_named else set())
    assert on_postgres.whole() == (set() if is_named else {"user"})


async def test_messages_hold_ids_and_nothing_else(on_postgres, overheard, postgres_url):
    await query(postgres_url, users("ada"), sessions("ada", ["s1"]), 'UPDATE "user" SET "name" = \'secret\'')
    await on_postgres.caught_up()
    assert overheard == [
        '{"new": true, "keys": ["ada"], "table": "user", "schema": "public"}',
        '{"new": true, "keys": ["s1"], "table": "session", "schema": "public"}',
        '{"new": false, "keys": ["ada"], "table": "user", "schema": "public"}',
    ]


DEEP = '{"x": ' + 3900 * "[" + 3900 * "]" + "}"


@pytest.mark.parametrize("nonsense", ["", "x", "{}", "[]", '{"schema": "public"}', '{"schema": 1, "table": []}', DEEP])
async def test_nonsense_on_the_channel_may_have_meant_anything(on_postgres, postgres_url, nonsense):
    await query(postgres_url, f"SELECT pg_notify('asgi_auth', '{nonsense}')")
    await on_postgres.caught_up()
    assert on_postgres.whole() == {"user", "session"}
    assert on_postgres.states == ["connected"]


@pytest.mark.parametrize(("schema", "table"), [("elsewhere", "user"), ("public", "account"), ("public", "nothing")])
async def test_what_is_said_of_other_tables_is_passed_over(on_postgres, postgres_url, schema, table):
    said = f'{{"schema": "{schema}", "table": "{table}", "keys": ["ada"], "new": false}}'
    await query(postgres_url, f"SELECT pg_notify('asgi_auth', '{said}')")
    await on_postgres.caught_up()
    assert on_postgres.changes == []


async def test_deployments_in_one_database_hear_only_their_own(listen, make_auth, postgres_server, patient_beats):
    with postgres_server.database() as url:
        name = url.rpartition("/")[2].partition("?")[0]
        await query(url, f"CREATE ROLE {name}_b LOGIN SUPERUSER PASSWORD 'x'", "CREATE SCHEMA b")
        try:
            await query(url, f"ALTER ROLE {name}_b SET search_path = b")
            other_url = as_role(url, f"{name}_b", "x")
            for database in (url, other_url):
                await make_auth(database=database).create_schema()
            here, there = await listen(database=url), await listen(database=other_url)
            await here.up()
            await there.up()
            await query(url, users("ada"))
            await query(other_url, users("bob"))
            await here.caught_up()
            await there.caught_up()
            assert (here.keys("user", is_new=True), there.keys("user", is_new=True)) == ({"ada"}, {"bob"})
        finally:
            await query(url, f"DROP OWNED BY {name}_b CASCADE", f"DROP ROLE {name}_b")


def as_role(url, role, password):
    return f"postgresql://{role}:{password}@{url.partition('@')[2]}"

"""Triggers come with the schema; where they may not be made everything else works, and why is told."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from asgi_auth import ConfigurationError, DatabaseOptions
from asgi_auth.engine.change_feed import feed as feeds
from tests.contracts.rows import query
from tests.engine.change_feed.listening import users

ROOT = Path(__file__).parents[3]
CAREFUL = DatabaseOptions(creates_schema=False)
DROP_TRIGGERS = {
    "postgres": ["DROP FUNCTION asgi_auth_tell_2() CASCADE"],
    "sqlite": ['DROP TRIGGER "asgiAuth1_user_delete"'],
}


@pytest.fixture(autouse=True)
def unhurried(monkeypatch, patient_beats):
    """Whoever helps is noticed soon."""
    monkeypatch.setattr(feeds, "UNUSABLE_PAUSE", 0.1)


@pytest.fixture
def role(postgres_server, postgres_url):
    """The URL of a role that may read and write, and no more; the tables are the schema's that exist then."""
    name = "asgi_auth_test_writer_" + postgres_url.rpartition("/")[2][-8:]
    yield f"postgresql://{name}:x@{postgres_url.partition('@')[2]}"
    drop = [f"DROP OWNED BY {name} CASCADE", f"DROP ROLE {name}"]
    asyncio.run(query(postgres_url, *drop))


async def grant(url, role_url, *rights):
    name = role_url.partition("//")[2].partition(":")[0]
    statements = [f"CREATE ROLE {name} LOGIN PASSWORD 'x'", "REVOKE CREATE ON SCHEMA public FROM PUBLIC"]
    await query(url, *statements, *(f"GRANT {right} TO {name}" for right in rights))


DML = ("USAGE ON SCHEMA public", "SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public")


def the_way(url):
    return "sqlite" if url.startswith("sqlite") else "postgres"


async def test_what_is_made_is_told_once(make_auth, database_url):
    auth = make_auth(database=database_url)
    created = await auth.create_schema()
    assert len([sql for sql in created if sql.startswith("CREATE TRIGGER")]) == (
        8 if the_way(database_url) == "postgres" else 11
    )
    assert await auth.create_schema() == []


async def test_a_trigger_that_was_dropped_is_made_again(make_auth, database_url):
    auth = make_auth(database=database_url)
    await auth.create_schema()
    await query(database_url, *DROP_TRIGGERS[the_way(database_url)])
    again = await auth.create_schema()
    assert again
    assert all(re.match("CREATE (FUNCTION|TRIGGER)", sql) for sql in again)
    assert await auth.create_schema() == []


async def test_a_complete_schema_is_looked_at_without_waiting_for_writers(make_auth, postgres_url):
    auth = make_auth(database=postgres_url)
    await auth.create_schema()
    engine = auth.services.engine
    async with engine.transaction():
        await engine.users.find(id="x")
        await engine._executor.run_text('LOCK TABLE "user", "session" IN ROW EXCLUSIVE MODE')
        assert await make_auth(database=postgres_url).create_schema() == []


PROGRAM = """
import asyncio, sys
from asgi_auth import Auth, AuthConfig
from tests.support import SECRET
sql = asyncio.run(Auth(AuthConfig.testing(secret=SECRET, database=sys.argv[1])).create_schema())
print("made:", sum(one.startswith("CREATE TRIGGER") for one in sql))
"""


async def test_of_processes_that_start_together_one_makes_the_triggers(make_auth, database_url):
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", PROGRAM, database_url, cwd=ROOT, stdout=asyncio.subprocess.PIPE
        )
        for _ in range(3)
    ]
    told = [(await process.communicate())[0].decode() for process in processes]
    made = sorted(int(text.rpartition(":")[2]) for text in told)
    assert made == [0, 0, 8 if the_way(database_url) == "postgres" else 11]


async def test_in_memory_there_is_nobody_to_listen_to(make_auth):
    auth = make_auth()
    assert auth.services.engine.change_feed is None
    assert not any("asgiAuth" in sql for sql in await auth.create_schema())


# triggers that are not as they should be


async def test_missing_triggers_stop_the_feed_and_nothing_else(make_auth, listen, database_url):
    await make_auth(database=database_url).create_schema()
    await query(database_url, *DROP_TRIGGERS[the_way(database_url)])
    auth = make_auth(database=database_url, database_options=CAREFUL)
    await auth.services.start()
    assert await auth.services.users.find("nobody") is None
    listener = await listen(database=database_url, database_options=CAREFUL)
    await listener.until(lambda: listener.reasons)
    assert "Auth.create_schema()" in listener.reasons[0]
    assert (listener.states, listener.leases) == (["unusable"], [])
    await auth.create_schema()
    await listener.up()
    await query(database_url, users("ada"))
    await listener.caught_up()
    assert listener.keys("user", is_new=True) == {"ada"}


async def test_on_sqlite_a_missing_table_of_changes_is_told(make_auth, listen, sqlite_url):
    await make_auth(database=sqlite_url).create_schema()
    triggers = await query(sqlite_url, "SELECT name FROM sqlite_master WHERE type = 'trigger'")
    await query(sqlite_url, *(f'DROP TRIGGER "{name}"' for (name,) in triggers), 'DROP TABLE "asgiAuthChange"')
    listener = await listen(database=sqlite_url)
    await listener.until(lambda: listener.reasons)
    assert listener.reasons == ['the table "asgiAuthChange" is missing: run Auth.create_schema()']


async def test_a_disabled_trigger_is_named_and_how_to_enable_it(make_auth, listen, postgres_url):
    auth = make_auth(database=postgres_url)
    await auth.create_schema()
    await query(postgres_url, "ALTER TABLE session DISABLE TRIGGER asgi_auth_tell_2_delete")
    assert await auth.create_schema() == [], "whoever disabled it had a reason"
    listener = await listen(database=postgres_url)
    await listener.until(lambda: listener.reasons)
    assert listener.reasons == [
        'triggers on "session" are disabled: ALTER TABLE "session" ENABLE TRIGGER asgi_auth_tell_2_delete, and the like'
    ]
    await query(postgres_url, "ALTER TABLE session ENABLE ALWAYS TRIGGER asgi_auth_tell_2_delete")
    await listener.up()


PAUSES = {
    "postgres": [
        "BEGIN",
        'ALTER TABLE "user" DISABLE TRIGGER ALL',
        'DELETE FROM "user"',
        'ALTER TABLE "user" ENABLE TRIGGER ALL',
        "COMMIT",
    ],
    "sqlite": ["BEGIN", 'DROP TRIGGER "asgiAuth1_user_delete"', 'DELETE FROM "user"', "{trigger}", "COMMIT"],
}


async def test_what_was_written_while_triggers_were_put_aside_is_missed(make_auth, listen, database_url, monkeypatch):
    monkeypatch.setattr("asgi_auth.engine.change_feed.postgres.VERIFY_EVERY", 0)
    made = await make_auth(database=database_url).create_schema()
    [trigger] = [sql for sql in made if sql.startswith('CREATE TRIGGER "asgiAuth1_user_delete"')] or [""]
    await query(database_url, users("ada"))
    listener = await listen(database=database_url)
    await listener.up()
    await query(database_url, *(sql.format(trigger=trigger) for sql in PAUSES[the_way(database_url)]))
    await listener.until(lambda: "user" in listener.whole() or listener.states == ["connected", "lost", "connected"])


async def test_triggers_that_go_while_everything_runs_are_missed(make_auth, listen, database_url, monkeypatch):
    monkeypatch.setattr("asgi_auth.engine.change_feed.postgres.VERIFY_EVERY", 0)
    await make_auth(database=database_url).create_schema()
    listener = await listen(database=database_url)
    await listener.up()
    await query(database_url, *DROP_TRIGGERS[the_way(database_url)])
    await listener.until(lambda: listener.states[-1] == "unusable")
    assert listener.states == ["connected", "unusable"]


async def test_a_trigger_that_names_rows_by_other_columns_is_replaced(make_auth, postgres_url):
    auth = make_auth(database=postgres_url)
    await auth.create_schema()
    await query(
        postgres_url,
        "DROP TRIGGER asgi_auth_tell_2_truncate ON session",
        "CREATE TRIGGER asgi_auth_tell_2_truncate AFTER TRUNCATE ON session "
        "FOR EACH STATEMENT EXECUTE FUNCTION asgi_auth_tell_2('token')",
    )
    assert [sql.split()[0] for sql in await auth.create_schema()] == ["DROP", "CREATE"]


async def test_a_function_of_that_name_that_does_something_else_is_not_believed(make_auth, listen, postgres_url):
    await query(
        postgres_url,
        "CREATE FUNCTION asgi_auth_tell_2() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
    )
    auth = make_auth(database=postgres_url)
    assert not any("TRIGGER" in sql for sql in await auth.create_schema())
    listener = await listen(database=postgres_url)
    await listener.until(lambda: listener.reasons)
    assert "a function asgi_auth_tell_2 is there that somebody else has made" in listener.reasons[0]
    await query(postgres_url, *DROP_TRIGGERS["postgres"])
    await auth.create_schema()
    await listener.up()


async def test_a_function_that_is_replaced_while_everything_runs_is_missed(
    make_auth, listen, postgres_url, monkeypatch
):
    monkeypatch.setattr("asgi_auth.engine.change_feed.postgres.VERIFY_EVERY", 0)
    await make_auth(database=postgres_url).create_schema()
    listener = await listen(database=postgres_url)
    await listener.up()
    await query(
        postgres_url,
        "CREATE OR REPLACE FUNCTION asgi_auth_tell_2() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
    )
    await listener.until(lambda: listener.states[-1] == "unusable")


async def test_what_a_stranger_has_left_in_the_schema_is_not_run(make_auth, listen, postgres_url, role):
    await make_auth(database=postgres_url).create_schema()
    [(ours,)] = await query(postgres_url, "SELECT pg_get_functiondef('asgi_auth_tell_2'::regproc)")
    await query(postgres_url, *DROP_TRIGGERS["postgres"])
    await grant(postgres_url, role, "USAGE, CREATE ON SCHEMA public")
    await query(role, ours)  # who has made it may put anything in its place later
    assert await make_auth(database=postgres_url).create_schema() == []
    listener = await listen(database=postgres_url)
    await listener.until(lambda: listener.reasons)
    assert "somebody else has made" in listener.reasons[0]


CHILD = ["CREATE TABLE older () INHERITS (session)"]
PARENT = ["CREATE TABLE parent ()", "ALTER TABLE session INHERIT parent"]
PARTITION = [
    "DROP TABLE session",
    """CREATE TABLE session ("id" text PRIMARY KEY, "token" text, "userId" text, "expiresAt" timestamptz,
        "ipAddress" text, "createdAt" timestamptz, "updatedAt" timestamptz, "userAgent" text)
        PARTITION BY HASH ("id")""",
    "CREATE TABLE session_0 PARTITION OF session FOR VALUES WITH (MODULUS 1, REMAINDER 0)",
]
SUBSCRIPTION = [
    "SET allow_system_table_mods = on",
    "INSERT INTO pg_subscription_rel (srsubid, srrelid, srsubstate) VALUES (1, 'session'::regclass, 'r')",
]


@pytest.mark.parametrize("ways", [CHILD, PARENT, PARTITION, SUBSCRIPTION])
async def test_a_table_that_can_be_written_to_without_its_triggers_is_not_believed(
    make_auth, listen, postgres_url, ways
):
    auth = make_auth(database=postgres_url)
    await auth.create_schema()
    await query(postgres_url, *ways)
    await auth.create_schema()
    listener = await listen(database=postgres_url)
    await listener.until(lambda: listener.states)
    assert listener.states == ["unusable"]
    assert '"session" can be written to without a word of the triggers' in listener.reasons[0]


# roles that may do little


async def test_without_the_right_to_make_triggers_everything_else_is_made(make_auth, listen, postgres_url, role):
    await grant(postgres_url, role, "USAGE, CREATE ON SCHEMA public")
    await make_auth(database=postgres_url).create_schema()
    await query(postgres_url, *DROP_TRIGGERS["postgres"])
    name = role.partition("//")[2].partition(":")[0]
    await query(postgres_url, f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {name}")
    auth = make_auth(database=role)
    with capture_logs() as logs:
        assert await auth.create_schema() == []
    [entry] = [entry for entry in logs if entry["event"] == "change_feed.not_installed"]
    assert "a role that may create functions" in entry["reason"]
    await auth.services.start()
    assert await auth.services.users.find("nobody") is None
    listener = await listen(database=role)
    await listener.until(lambda: listener.reasons)
    assert "a role that may create functions in the schema and triggers on its tables" in listener.reasons[0]


async def test_a_role_without_rights_on_the_tables_is_told_which_it_needs(make_auth, postgres_url, role):
    await make_auth(database=postgres_url).create_schema()
    await grant(postgres_url, role, "USAGE ON SCHEMA public", 'SELECT ON "user"')
    for options in (CAREFUL, DatabaseOptions(creates_schema=True)):
        with pytest.raises(ConfigurationError, match="needs rights") as refusal:
            await make_auth(database=role, database_options=options).services.start()
        assert 'INSERT, UPDATE, DELETE on "user"' in str(refusal.value)
        assert 'SELECT, INSERT, UPDATE, DELETE on "session"' in str(refusal.value)


async def test_a_role_that_may_only_write_is_heard_and_listens(make_auth, listen, postgres_url, role):
    await make_auth(database=postgres_url).create_schema()
    await grant(postgres_url, role, *DML)
    listener = await listen(database=role, database_options=CAREFUL)
    await listener.up()
    await query(role, users("ada"), 'DELETE FROM "user"')
    await listener.caught_up()
    assert (listener.keys("user", is_new=True), listener.keys("user")) == ({"ada"}, {"ada"})


async def test_whatever_goes_wrong_with_triggers_undoes_no_table(make_auth, postgres_url):
    forbids = """CREATE FUNCTION forbid() RETURNS event_trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'no triggers here'; END $$"""
    await query(
        postgres_url,
        forbids,
        "CREATE EVENT TRIGGER forbid ON ddl_command_start WHEN TAG IN ('CREATE TRIGGER') EXECUTE FUNCTION forbid()",
    )
    try:
        auth = make_auth(database=postgres_url)
        await auth.services.start()
        assert await auth.services.users.find("nobody") is None
    finally:
        await query(postgres_url, "DROP EVENT TRIGGER forbid", "DROP FUNCTION forbid()")

"""The tables are Better Auth's, name for name, as the database itself reports them."""

from __future__ import annotations

import asyncio
import re

import pytest

from asgi_auth import ConfigurationError, DatabaseOptions, Unavailable
from tests.contracts.rows import of_the_contract, query, session_row, user_row

# What Better Auth 1.7's own migrator makes. "now" is a default that exists on Postgres only.
EXPECTED = {
    "user": """
        id text required key
        name text required
        email text required unique
        emailVerified flag required
        image text
        createdAt moment required now
        updatedAt moment required now
    """,
    "session": """
        id text required key
        expiresAt moment required
        token text required unique
        createdAt moment required now
        updatedAt moment required
        ipAddress text
        userAgent text
        userId text required owner
    """,
    "account": """
        id text required key
        accountId text required
        providerId text required
        userId text required owner
        accessToken text
        refreshToken text
        idToken text
        accessTokenExpiresAt moment
        refreshTokenExpiresAt moment
        scope text
        password text
        createdAt moment required now
        updatedAt moment required
    """,
    "verification": """
        id text required key
        identifier text required
        value text required
        expiresAt moment required
        createdAt moment required now
        updatedAt moment required now
    """,
}
INDEXES = {
    ("account_userId_idx", "account", "userId"),
    ("session_userId_idx", "session", "userId"),
    ("verification_identifier_idx", "verification", "identifier"),
}
POSTGRES_CONSTRAINTS = {"user_email_key", "session_token_key"}
NOT_OF_THE_CONTRACT = {"asgiAuthChange", "sqlite_sequence"}  # what a SQLite file tells of changes with
KINDS = {"integer": "flag", "boolean": "flag", "date": "moment", "timestamp with time zone": "moment"}

Tables = dict[str, dict[str, frozenset[str]]]


def expected(*, without: frozenset[str]) -> Tables:
    """The expectation as ``{table: {column: its words}}``."""
    lines = {table: [line.split() for line in text.strip().splitlines()] for table, text in EXPECTED.items()}
    return {table: {name: frozenset(words) - without for name, *words in rows} for table, rows in lines.items()}


async def sqlite_tables(url: str) -> Tables:
    tables: Tables = {}
    for (table,) in await query(url, "SELECT name FROM sqlite_master WHERE type = 'table'"):
        if table in NOT_OF_THE_CONTRACT:
            continue
        unique = {
            column
            for _, index, is_unique, origin, _ in await query(url, f'PRAGMA index_list("{table}")')
            if is_unique and origin == "u"
            for _, _, column in await query(url, f'PRAGMA index_info("{index}")')
        }
        owners = {
            row[3]
            for row in await query(url, f'PRAGMA foreign_key_list("{table}")')
            if (row[2], row[4], row[6]) == ("user", "id", "CASCADE")
        }
        tables[str(table)] = {
            str(name): words(
                kind, required=required, default=default, key=key, unique=name in unique, owner=name in owners
            )
            for _, name, kind, required, default, key in await query(url, f'PRAGMA table_info("{table}")')
        }
    return tables


POSTGRES_COLUMNS = """
    SELECT c.table_name::text, c.column_name::text, c.data_type::text, c.is_nullable = 'NO', c.column_default::text,
        bool_or(k.contype = 'p'), bool_or(k.contype = 'u'),
        bool_or(k.contype = 'f' AND k.confdeltype = 'c' AND k.confrelid = '"user"'::regclass)
    FROM information_schema.columns c
    JOIN pg_attribute a ON a.attrelid = format('%I', c.table_name)::regclass AND a.attname = c.column_name
    LEFT JOIN pg_constraint k ON k.conrelid = a.attrelid AND k.conkey = ARRAY[a.attnum]
    WHERE c.table_schema = 'public' GROUP BY 1, 2, 3, 4, 5
"""


async def postgres_tables(url: str) -> Tables:
    tables: Tables = {}
    for table, name, kind, required, default, key, unique, owner in await query(url, POSTGRES_COLUMNS):
        of_table = tables.setdefault(str(table), {})
        of_table[str(name)] = words(kind, required=required, default=default, key=key, unique=unique, owner=owner)
    return tables


def words(kind: object, **marks: object) -> frozenset[str]:
    """A column as the expectation describes it."""
    named = {"default": "now"} if marks["default"] == "CURRENT_TIMESTAMP" else {"default": "another default"}
    name = str(kind).lower()
    return frozenset({KINDS.get(name, name), *(named.get(mark, mark) for mark, is_set in marks.items() if is_set)})


# as created


async def test_sqlite_reports_the_tables_of_the_contract(make_auth, sqlite_url):
    await make_auth(database=sqlite_url).services.start()
    assert await sqlite_tables(sqlite_url) == expected(without=frozenset({"now"}))


async def test_postgres_reports_the_tables_of_the_contract(make_auth, postgres_url):
    await make_auth(database=postgres_url).services.start()
    assert await postgres_tables(postgres_url) == expected(without=frozenset())


async def test_indexes_have_the_names_of_the_contract(make_auth, sqlite_url, postgres_url):
    for url, sql in [
        (sqlite_url, "SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"),
        (postgres_url, "SELECT indexname::text, tablename::text, indexdef FROM pg_indexes WHERE indexname ~ '_idx$'"),
    ]:
        await make_auth(database=url).services.start()
        found = {(name, table, re.findall(r'"?(\w+)"?\)$', str(ddl))[0]) for name, table, ddl in await query(url, sql)}
        assert found == INDEXES
    named = await query(
        postgres_url, "SELECT conname::text FROM pg_constraint WHERE contype = 'u' AND conname !~ '^pg_'"
    )
    assert {str(name) for (name,) in named} == POSTGRES_CONSTRAINTS


async def test_sqlite_holds_text_dates_and_numbers_for_booleans(make_auth, sqlite_url, clock):
    engine = make_auth(database=sqlite_url).services.engine
    user = user_row(clock, email_verified=True)
    await engine.users.add(user)
    await engine.sessions.add(session_row(clock, user))
    sql = 'SELECT "emailVerified", typeof("emailVerified"), "createdAt", typeof("createdAt") FROM "user"'
    assert await query(sqlite_url, sql) == [(1, "integer", "2026-11-22T12:00:00.123Z", "text")]
    assert await query(sqlite_url, 'SELECT "expiresAt" FROM session') == [("2026-11-22T12:00:00.123Z",)]


# what exists already


OLDER = {
    "sqlite": (
        'CREATE TABLE "user" ("id" text not null primary key, "name" text not null, "email" text not null unique, '
        '"emailVerified" integer not null, "createdAt" date not null, "updatedAt" date not null, "shoeSize" integer)'
    ),
    "postgresql": (
        'CREATE TABLE "user" ("id" text primary key, "name" text not null, "email" varchar(100) not null unique, '
        '"emailVerified" boolean not null, "createdAt" timestamptz not null, "updatedAt" timestamptz not null, '
        '"shoeSize" integer)'
    ),
}
OLDER_ROW = "INSERT INTO \"user\" VALUES ('1', 'Ada', 'ada@example.com', {}, '{}', '{}', 37)"


@pytest.fixture
async def older_database(database_url):
    """A database with a table of users that lacks a column, has one of its own, and holds somebody."""
    scheme = database_url.partition(":")[0]
    moment = "2026-11-22T12:00:00.000Z"
    row = OLDER_ROW.format("1" if scheme == "sqlite" else "true", moment, moment)
    await query(database_url, OLDER[scheme], row)
    return database_url


async def test_missing_columns_and_tables_are_added_and_nothing_else_changes(make_auth, older_database):
    auth = make_auth(database=older_database)
    created = await auth.create_schema()
    assert created[0].startswith('ALTER TABLE "user" ADD COLUMN "image"')
    assert all(sql.startswith(("CREATE TABLE", "CREATE INDEX")) for sql in of_the_contract(created)[1:])
    assert await query(older_database, 'SELECT "email", "shoeSize", "image" FROM "user"') == [
        ("ada@example.com", 37, None)
    ]
    user = await auth.services.users.find_by_email("ada@example.com")
    assert (user.name, user.email_verified, user.image) == ("Ada", True, None)
    assert await auth.services.engine.sessions.count() == 0


async def test_a_complete_database_is_left_alone(auth):
    assert len(of_the_contract(await auth.create_schema())) == 7
    assert await auth.create_schema() == []


async def test_processes_that_start_together_do_not_get_in_each_others_way(make_auth, database_url):
    auths = [make_auth(database=database_url) for _ in range(5)]
    await asyncio.gather(*(auth.services.start() for auth in auths))
    assert await asyncio.gather(*(auth.services.users.find("nobody") for auth in auths)) == [None] * 5


# schemas made by somebody else


@pytest.fixture
def careful(make_auth):
    """A factory of Auths that leave the schema to somebody else."""
    return lambda url: make_auth(database=url, database_options=DatabaseOptions(creates_schema=False))


async def test_without_the_right_to_create_them_missing_tables_are_named(careful, database_url):
    with pytest.raises(ConfigurationError) as caught:
        await careful(database_url).services.start()
    assert all(table in str(caught.value) for table in EXPECTED)


async def test_a_missing_column_is_named(careful, older_database):
    with pytest.raises(ConfigurationError, match=r"user\.image"):
        await careful(older_database).services.start()


async def test_to_whoever_sends_a_request_missing_tables_are_a_fault_like_any_other(careful, database_url):
    with pytest.raises(Unavailable):
        await careful(database_url).services.users.find("1")


async def test_nothing_was_created_where_nothing_may_be(careful, database_url):
    auth = careful(database_url)
    with pytest.raises(ConfigurationError):
        await auth.services.start()
    assert len(of_the_contract(await auth.create_schema())) == 7
    await auth.services.start()
    assert await auth.services.users.find("nobody") is None

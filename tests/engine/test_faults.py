"""Faults of any database: too few connections, rows that make no sense. Never a hang, never a session."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from asgi_auth import DatabaseOptions, NotAuthenticated, Unavailable
from tests.contracts.rows import query, verification_row
from tests.support import ADA, browser, cookie_header, whoami

PATIENCE = 30


@pytest.fixture
def engine_for_one(make_auth, database_url):
    """An engine with one connection (on SQLite: one reader beside the writer) and little patience."""
    options = DatabaseOptions(pool_size=1, timeout=timedelta(seconds=2))
    return make_auth(database=database_url, database_options=options).services.engine


async def test_waiting_for_a_connection_ends_with_unavailable(engine_for_one, clock):
    async def write():
        await engine_for_one.verifications.add(verification_row(clock))

    await write()
    async with asyncio.timeout(PATIENCE), engine_for_one.transaction():
        with pytest.raises(Unavailable):
            await asyncio.create_task(write())
    await write()
    assert await engine_for_one.verifications.count() == 2


async def test_waiting_for_a_transaction_ends_with_unavailable(engine_for_one, clock):
    async def write():
        async with engine_for_one.transaction():
            await engine_for_one.verifications.add(verification_row(clock))

    await write()
    async with asyncio.timeout(PATIENCE), engine_for_one.transaction():
        with pytest.raises(Unavailable):
            await asyncio.create_task(write())
    await write()
    assert await engine_for_one.verifications.count() == 2


async def test_one_connection_serves_many_in_turn(engine_for_one, clock):
    async def use():
        await engine_for_one.verifications.add(verification_row(clock))
        return await engine_for_one.verifications.count() > 0

    assert all(await asyncio.gather(*(use() for _ in range(20))))


# rows that make no sense


SENSELESS = {
    "sqlite": [
        "'soon'",
        "''",
        "'2026-13-45T00:00:00.000Z'",
        "'2099-01-01T00:00:00.000'",
        "'infinity'",
        "'0001-01-01T00:00:00+14:00'",
        "'10000-01-01T00:00:00.000Z'",
        "4102444800000",
        "4102444800.5",
        "x'00'",
    ],
    "postgresql": ["'infinity'", "'-infinity'", "'0044-03-15 10:00:00 BC'", "'294276-12-31T23:59:59Z'"],
}


@pytest.fixture
async def ada(auth):
    return await auth.services.passwords.sign_up(ADA["email"], ADA["password"], ADA["name"])


@pytest.mark.parametrize("column", ["expiresAt", "updatedAt"])
async def test_a_session_with_an_impossible_date_lets_nobody_in(auth, ada, database_url, column):
    for date in SENSELESS[database_url.partition(":")[0]]:
        await query(database_url, f'UPDATE session SET "{column}" = {date}')
        with pytest.raises(Exception) as caught:  # noqa: PT011  (whatever becomes a 5xx)
            await auth.services.sessions.get_session(ada.session.token)
        assert not isinstance(caught.value, NotAuthenticated), date


async def test_a_user_with_an_impossible_date_is_not_let_in(auth, ada, database_url):
    for date in SENSELESS[database_url.partition(":")[0]]:
        await query(database_url, f'UPDATE "user" SET "createdAt" = {date}')
        with pytest.raises(Exception) as caught:  # noqa: PT011  (whatever becomes a 5xx)
            await auth.services.passwords.sign_in(ADA["email"], ADA["password"])
        assert not isinstance(caught.value, NotAuthenticated), date


@pytest.mark.parametrize("flag", ["'false'", "'true'", "2", "-1", "''"])
async def test_a_flag_that_is_neither_true_nor_false_lets_nobody_in(make_auth, sqlite_url, flag):
    auth = make_auth(database=sqlite_url)
    ada = await auth.services.passwords.sign_up(ADA["email"], ADA["password"], ADA["name"])
    await query(sqlite_url, f'UPDATE "user" SET "emailVerified" = {flag}')
    with pytest.raises(Unavailable):
        await auth.services.sessions.get_session(ada.session.token)


async def test_an_unreadable_row_is_503_and_the_cookie_stays(auth, ada, database_url):
    await query(database_url, f'UPDATE session SET "expiresAt" = {SENSELESS[database_url.partition(":")[0]][0]}')
    async with browser(auth.wrap(whoami)) as client:
        headers = {"cookie": cookie_header(auth, ada.session.token)}
        for path in ("/", "/api/auth/get-session"):
            answer = await client.get(path, headers=headers)
            assert answer.status_code == 503
            assert "set-cookie" not in answer.headers


async def test_text_that_no_database_holds_is_no_session(auth, ada):
    for token in ("\0", "a\0b", ada.session.token + "\0"):
        with pytest.raises((NotAuthenticated, Unavailable)):
            await auth.services.sessions.get_session(token)

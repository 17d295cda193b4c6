"""The breaker around the database: what opens it, what does not, and what it means."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from asgi_auth import DatabaseOptions, Unavailable
from asgi_auth.engine import UniqueViolation
from tests.contracts.rows import query, verification_row
from tests.support import ADA, until

PATIENCE = 60


@pytest.fixture
def gated_auth(make_auth, postgres_url, gate):
    return make_auth(database=f"postgresql://postgres@127.0.0.1:{gate.port}{urlsplit(postgres_url).path}")


def breaker_of(auth):
    return auth.services.engine._executor.breaker


async def fail(work):
    with pytest.raises(Unavailable):
        await work


async def test_while_it_is_open_everything_is_refused(gated_auth, gate, clock):
    engine = gated_auth.services.engine
    await engine.connect()
    await gate.shut()
    await fail(engine.users.find(id="x"))
    assert breaker_of(gated_auth).is_open
    await fail(engine.users.find(id="x"))
    await fail(engine.users.count())
    await fail(engine.verifications.add(verification_row(clock)))
    with pytest.raises(Unavailable):
        async with engine.transaction():
            pytest.fail("a transaction has begun")


async def test_it_closes_by_itself_without_anybody_asking(gated_auth, gate):
    engine = gated_auth.services.engine
    await engine.connect()
    await gate.shut()
    await fail(engine.users.find(id="x"))
    breaker = breaker_of(gated_auth)
    await gate.open()
    await until(lambda: not breaker._is_open)
    assert await engine.users.find(id="x") is None


async def test_what_has_begun_before_it_opened_may_go_on(make_auth, postgres_url, clock):
    auth = make_auth(database=postgres_url)
    engine, breaker = auth.services.engine, breaker_of(auth)
    async with engine.transaction():
        await engine.verifications.add(verification_row(clock))
        while not breaker._is_open:
            breaker.failed()
        await engine.verifications.add(verification_row(clock))
    await until(lambda: not breaker._is_open)
    assert await engine.verifications.count() == 2


async def test_its_state_is_a_gauge(make_auth, postgres_url):
    told = []

    class Gauges:
        def increment(self, name, **labels):
            pass

        def observe(self, name, value, **labels):
            pass

        def gauge(self, name, value, **labels):
            if name == "auth.breaker.open":
                told.append((value, labels))

    auth = make_auth(database=postgres_url, metrics=Gauges())
    breaker = breaker_of(auth)
    await auth.services.start()
    while not breaker._is_open:
        breaker.failed()
    await until(lambda: not breaker._is_open)
    assert told == [(1, {"dependency": "database"}), (0, {"dependency": "database"})]


async def test_faults_of_statements_and_of_rows_leave_it_closed(auth, clock, database_url):
    engine = auth.services.engine
    ada = await auth.services.passwords.sign_up(ADA["email"], ADA["password"], ADA["name"])
    row = verification_row(clock)
    await engine.verifications.add(row)
    await query(database_url, """UPDATE session SET "expiresAt" = 'infinity'""")
    for _ in range(5):
        await fail(engine._executor.run_text("SELECT nothing FROM nowhere"))
        await fail(engine.sessions.find(user_id=ada.user.id))
        with pytest.raises(UniqueViolation):
            await engine.verifications.add(row)
    assert not breaker_of(auth).is_open


async def test_waiting_in_vain_for_a_connection_of_our_own_leaves_it_closed(make_auth, database_url, clock):
    options = DatabaseOptions(pool_size=1, timeout=timedelta(seconds=1), read_timeout=timedelta(seconds=60))
    auth = make_auth(database=database_url, database_options=options)
    engine = auth.services.engine
    await once_answered(engine.verifications.count)
    async with engine.transaction():
        for _ in range(4):
            await fail(asyncio.create_task(engine.verifications.add(verification_row(clock))))
    assert not breaker_of(auth)._is_open


async def once_answered(work):
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                return await work()
            except Unavailable:
                await asyncio.sleep(0.05)


# SQLite


async def test_a_file_that_another_program_holds_leaves_it_closed(make_auth, sqlite_url, clock):
    options = DatabaseOptions(timeout=timedelta(seconds=0.1))
    auth = make_auth(database=sqlite_url, database_options=options)
    engine = auth.services.engine
    await once_answered(engine.verifications.count)
    with closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for _ in range(5):
            await fail(engine.verifications.add(verification_row(clock)))
        other.execute("ROLLBACK")
    assert not breaker_of(auth)._is_open
    await once_answered(lambda: engine.verifications.add(verification_row(clock)))


@pytest.mark.parametrize("spoilt", [b"this is no database " * 200, None])
async def test_a_file_that_cannot_be_used_opens_it_until_it_can(make_auth, tmp_path: Path, spoilt):
    path = tmp_path / "later" / "app.sqlite"
    if spoilt is not None:
        path.parent.mkdir()
        path.write_bytes(spoilt)
    auth = make_auth(database=f"sqlite:///{path}")
    for _ in range(5):
        await fail(auth.services.engine.users.find(id="x"))
    breaker = breaker_of(auth)
    assert breaker.is_open
    path.unlink(missing_ok=True)
    path.parent.mkdir(exist_ok=True)
    await until(lambda: not breaker._is_open)
    assert await auth.services.engine.users.find(id="x") is None

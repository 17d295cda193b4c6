"""What a pool of ours must get right about Postgres: crowds, full servers, standbys, changed schemas, closings."""

from __future__ import annotations

import asyncio
from contextlib import closing, suppress
from datetime import timedelta
from socket import socket
from urllib.parse import urlsplit

import asyncpg
import pytest

from asgi_auth import DatabaseOptions, RateLimitOptions, Unavailable
from asgi_auth.engine.statement import Statement
from tests.contracts.rows import query, verification_row
from tests.servers.private_postgres import private_postgres
from tests.support import browser, cookie_header, until

PATIENCE = 60


@pytest.fixture
def auth(make_auth, postgres_url):
    return make_auth(database=postgres_url)


@pytest.fixture
async def engine(auth):
    await auth.services.engine.connect()
    return auth.services.engine


@pytest.fixture
def backend(engine):
    return engine._executor._database.backend


@pytest.fixture
def gated_url(gate, postgres_url):
    return f"postgresql://postgres@127.0.0.1:{gate.port}{urlsplit(postgres_url).path}"


async def fails(work):
    with pytest.raises(Unavailable):
        await work


async def served_by(engine):
    return (await engine._executor.run_text("SELECT pg_backend_pid()"))[0][0]


async def test_a_lookup_that_had_hardly_any_time_left_says_nothing_of_the_server(engine, backend):
    before = await served_by(engine)
    slow = Statement("SELECT pg_sleep(600)", writes=False, is_lookup=True).bind({})
    for _ in range(5):
        with pytest.raises(TimeoutError):
            await backend._run(slow, backend.deadline(0.05))
    assert not backend.breaker._is_open
    await until(lambda: not backend.pool.taken)
    assert await served_by(engine) == before


async def test_a_server_that_takes_no_more_connections_is_not_down(make_auth):
    with private_postgres() as server:
        for statement in ("CREATE ROLE guest LOGIN", "ALTER SCHEMA public OWNER TO guest"):
            await query(server.url, statement)
        auth = make_auth(database=server.url.replace("postgres@", "guest@"))
        engine = auth.services.engine
        await engine.connect()
        await query(server.url, "ALTER ROLE guest CONNECTION LIMIT 0")
        breaker = engine._executor.breaker
        while not breaker._is_open:
            breaker.failed()
        await until(lambda: not breaker._is_open)
        assert await engine.users.count() == 0
        await auth.services.close()


@pytest.mark.parametrize("is_in_transaction", [True, False])
async def test_a_connection_to_a_server_that_takes_no_writes_is_not_used_again(
    make_auth, postgres_url, clock, is_in_transaction
):
    name = urlsplit(postgres_url).path[1:]
    engine = make_auth(database=postgres_url).services.engine
    await engine.connect()
    await query(postgres_url, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    engine._executor._database.backend.pool.forget_idle()
    await served_by(engine)
    other = await asyncpg.connect(postgres_url)
    try:
        await other.execute("SET default_transaction_read_only = off")
        await other.execute(f"ALTER DATABASE {name} RESET ALL")
    finally:
        await other.close()

    async def write():
        if not is_in_transaction:
            await engine.verifications.add(verification_row(clock))
            return
        async with engine.transaction():
            await engine.verifications.add(verification_row(clock))

    await fails(write())
    await write()


async def test_a_changed_schema_costs_one_transaction_and_not_one_for_each_connection(engine, clock, postgres_url):
    row = verification_row(clock)
    await engine.verifications.add(row)

    async def read(barrier):
        async with engine.transaction():
            await barrier.wait()
            return await engine.verifications.find(id=row.id)

    async def read_at_once():
        barrier = asyncio.Barrier(4)
        return await asyncio.gather(*(read(barrier) for _ in range(4)), return_exceptions=True)

    assert await read_at_once() == [row] * 4
    await query(postgres_url, 'ALTER TABLE verification ALTER COLUMN "value" TYPE varchar')
    await fails(read(asyncio.Barrier(1)))
    assert await read_at_once() == [row] * 4


async def test_closing_that_is_cancelled_is_done_to_its_end(engine, clock):
    held, let_go = asyncio.Event(), asyncio.Event()

    async def hold():
        async with engine.transaction():
            await engine.verifications.count()
            held.set()
            await let_go.wait()

    holding = asyncio.create_task(hold())
    await held.wait()
    closing = asyncio.create_task(engine.disconnect())
    for _ in range(5):
        await asyncio.sleep(0)
    closing.cancel()
    let_go.set()
    await holding
    with suppress(asyncio.CancelledError):
        await closing
    async with asyncio.timeout(PATIENCE):
        await engine.connect()
        assert await engine.verifications.count() == 0


async def test_nothing_probes_a_database_that_was_found_to_be_down_while_it_was_closed(make_auth, gate, gated_url):
    options = DatabaseOptions(read_timeout=timedelta(seconds=1))
    engine = make_auth(database=gated_url, database_options=options).services.engine
    await engine.connect()
    await gate.silence()
    lookups = [asyncio.create_task(engine.session_storage.find_with_user("x")) for _ in range(3)]
    await asyncio.sleep(0)
    await engine.disconnect()
    assert {type(error) for error in await asyncio.gather(*lookups, return_exceptions=True)} == {Unavailable}
    assert [task for task in asyncio.all_tasks() if task.get_name() == "asgi_auth probe of database"] == []


async def test_a_silent_database_that_counts_requests_keeps_nobody_waiting(make_auth, gate, gated_url):
    patience = DatabaseOptions(timeout=timedelta(seconds=600), read_timeout=timedelta(seconds=1))
    limits = RateLimitOptions(is_enabled=True, storage="database")
    auth = make_auth(database=gated_url, database_options=patience, rate_limits=limits)
    await auth.services.engine.connect()
    async with browser(auth.endpoints) as client:
        headers = {"cookie": cookie_header(auth, "t" * 32)}
        await client.get("/get-session", headers=headers)
        await gate.silence()
        async with asyncio.timeout(PATIENCE):
            answer = await client.get("/get-session", headers=headers)
    assert answer.status_code == 503


# what the URL says


def backend_of(make_auth, url):
    return make_auth(database=url).services.engine._executor._database.backend


async def test_the_certificates_that_the_url_names_are_those_that_count(make_auth, postgres_url, tmp_path):
    server = urlsplit(postgres_url)
    url = server._replace(query=f"sslmode=require&sslrootcert={tmp_path / 'nowhere.crt'}").geturl()
    with pytest.raises(FileNotFoundError):
        await backend_of(make_auth, url).connect()


async def test_of_several_hosts_the_first_that_answers_counts(make_auth, postgres_url):
    server = urlsplit(postgres_url)
    credentials = server.netloc.rpartition("@")[0]
    with closing(socket()) as nobody:
        nobody.bind(("127.0.0.1", 0))
        hosts = f"127.0.0.1:{nobody.getsockname()[1]},{server.hostname}:{server.port or 5432}"
        options = f"host={hosts}&target_session_attrs=read-write&schema=of-another-program"
        auth = make_auth(database=f"postgresql://{credentials}@{server.path}?{options}")
        assert await auth.services.users.find("nobody") is None

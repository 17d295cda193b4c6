"""However many want to sign at once where there is no key, one is made."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import threading
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from asgi_auth.crypto.key_pairs import generate_pair
from asgi_auth.features.jwt import JWTService
from tests.features.jwt.stored_keys import kid_of, rows
from tests.support import eventually

WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("algorithm", ["EdDSA", "RS256"])
async def test_20_processes_make_one_key(make_jwt, database_url, algorithm):
    auth = make_jwt(database=database_url)
    await auth.services.engine.connect()
    processes = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.features.jwt.signer", database_url, algorithm, "20"),
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await processes.communicate()
    kids = re.findall(r"signed with (\S+)", output.decode())  # amid whatever the processes log
    assert (processes.returncode, len(kids)) == (0, 20)
    assert [row.id for row in await rows(auth)] == [*set(kids)]


@pytest.mark.parametrize("algorithm", ["EdDSA", "RS256"])
async def test_50_coroutines_make_one_key(make_jwt, database_url, algorithm):
    auth = make_jwt({"algorithm": algorithm}, database=database_url)
    service = auth.services.get(JWTService)
    tokens = await asyncio.gather(*(service.sign_jwt({"sub": str(number)}) for number in range(50)))
    assert len({kid_of(token) for token in tokens}) == len(await rows(auth)) == 1
    await asyncio.gather(*(service.verify_jwt(token) for token in tokens))


async def test_who_finds_none_waits_for_another_process_that_makes_one(make_jwt, postgres_url):
    here, there = (make_jwt(database=postgres_url) for _ in range(2))
    for auth in (here, there):
        await auth.services.engine.connect()
    made, goes_on = asyncio.Event(), asyncio.Event()

    async def make():
        async with there.services.engine.transaction():
            token = await there.services.get(JWTService).sign_jwt({"sub": "u"})
            made.set()
            await goes_on.wait()
        return token

    first = asyncio.create_task(make())
    await made.wait()
    second = asyncio.create_task(here.services.get(JWTService).sign_jwt({"sub": "u"}))
    connection = await asyncpg.connect(postgres_url)

    async def waits_or_has_one_of_its_own():
        return second.done() or await connection.fetchval(WAITING)

    await eventually(waits_or_has_one_of_its_own)
    goes_on.set()
    assert kid_of(await second) == kid_of(await first)
    assert len(await rows(here)) == 1
    await connection.close()


async def test_where_the_key_has_expired_one_is_made_as_well(make_jwt, database_url, clock):
    auth = make_jwt({"rotation_interval": timedelta(seconds=2)}, database=database_url)
    others = make_jwt({"rotation_interval": timedelta(seconds=2)}, database=database_url)
    services = [each.services.get(JWTService) for each in (auth, others)]
    await services[0].sign_jwt({"sub": "u"})
    clock.advance(seconds=3)
    tokens = await asyncio.gather(*(services[number % 2].sign_jwt({"sub": "u"}) for number in range(50)))
    assert len({kid_of(token) for token in tokens}) == 1
    assert len(await rows(auth)) == 2


async def test_who_waited_for_one_who_was_cancelled_makes_it(make_jwt, database_url):
    auth = make_jwt({"algorithm": "RS256"}, database=database_url)
    service = auth.services.get(JWTService)
    await auth.services.engine.connect()
    first, *others = [asyncio.ensure_future(service.sign_jwt({"sub": "u"})) for _ in range(5)]
    await asyncio.sleep(0)
    first.cancel()
    assert len({kid_of(token) for token in await asyncio.gather(*others)}) == len(await rows(auth)) == 1


async def test_the_event_loop_goes_on_while_a_key_is_made(make_jwt, monkeypatch):
    has_gone_on = threading.Event()

    def generate(*arguments, **options):
        assert has_gone_on.wait(60)
        return generate_pair(*arguments, **options)

    monkeypatch.setattr("asgi_auth.features.jwt.own_keys.generate_pair", generate)
    signing = asyncio.ensure_future(make_jwt().services.get(JWTService).sign_jwt({"sub": "u"}))
    await asyncio.sleep(0.05)
    assert not signing.done()
    has_gone_on.set()
    assert await signing

"""A PostgreSQL server that goes away and comes back: a fault, never a verdict, and nothing secret told."""

from __future__ import annotations

import asyncio
import logging
import traceback
from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from asgi_auth import DatabaseOptions, Unavailable
from tests.engine.gate import Gate
from tests.support import ADA, browser, cookie_header, whoami

PASSWORD_IN_URL = "do-not-tell-anybody"
PATIENCE = 20


@pytest.fixture
async def gate(postgres_url):
    """A shut gate in front of the server."""
    server = urlsplit(postgres_url)
    gate = Gate((server.hostname, server.port or 5432))
    yield gate
    await gate.shut()


@pytest.fixture
def gated_url(gate, postgres_url):
    """The database's URL through the gate, with a password in it."""
    return f"postgresql://postgres:{PASSWORD_IN_URL}@127.0.0.1:{gate.port}{urlsplit(postgres_url).path}"


@pytest.fixture
def gated_auth(make_auth, gated_url):
    return make_auth(database=gated_url)


@pytest.fixture
def impatient_auth(make_auth, gated_url):
    return make_auth(database=gated_url, database_options=DatabaseOptions(timeout=timedelta(seconds=2)))


async def once_back(work):
    """What it gives once the database is known to be back, a minute at most."""
    async with asyncio.timeout(60):
        while True:
            try:
                return await work()
            except Unavailable:
                await asyncio.sleep(0.05)


async def sign_up(auth):
    return await auth.services.passwords.sign_up(ADA["email"], ADA["password"], ADA["name"])


async def test_a_server_out_of_reach_is_unavailable(gated_auth):
    with pytest.raises(Unavailable) as caught:
        await gated_auth.services.users.find("anybody")
    assert (caught.value.status, caught.value.code) == (503, "SERVICE_UNAVAILABLE")
    assert caught.value.retry_after > 0


async def test_nobody_learns_the_password_of_the_database(gated_auth, gate, capsys, caplog):
    caplog.set_level(logging.DEBUG)
    with pytest.raises(Unavailable) as caught:
        await gated_auth.services.users.find("anybody")
    await gate.open()
    await gated_auth.services.start()
    await gate.shut()
    told = [
        *traceback.format_exception(caught.value),
        repr(caught.value),
        str(caught.value.body),
        repr(gated_auth.config),
        repr(vars(gated_auth.services.engine)),
        caplog.text,
        *capsys.readouterr(),
    ]
    assert "database.unavailable" in "".join(told)
    assert not any(PASSWORD_IN_URL in text for text in told)


async def test_a_server_that_comes_up_later_is_used_without_a_restart(gated_auth, gate):
    for _ in range(2):
        with pytest.raises(Unavailable):
            await sign_up(gated_auth)
    await gate.open()
    assert (await once_back(lambda: sign_up(gated_auth))).session is not None


async def test_start_up_is_patient_with_a_server_that_is_not_up_yet(gated_auth, gate):
    starting = asyncio.create_task(gated_auth.services.start())
    await asyncio.sleep(0.05)
    await gate.open()
    async with asyncio.timeout(PATIENCE):
        await starting
    assert gated_auth.services.engine.is_ready


async def test_those_who_come_while_it_is_down_share_one_try(gated_auth, gate):
    await gate.refuse()
    with pytest.raises(Unavailable):
        await gated_auth.services.users.find("anybody")
    alone, gate.knocks = gate.knocks, 0
    uses = (gated_auth.services.users.find("anybody") for _ in range(20))
    async with asyncio.timeout(PATIENCE):
        refused = await asyncio.gather(*uses, return_exceptions=True)
    assert {type(error) for error in refused} == {Unavailable}
    assert gate.knocks <= alone


async def test_after_an_outage_everything_works_as_before(gated_auth, gate):
    await gate.open()
    signed_up = await sign_up(gated_auth)
    await gate.shut()
    with pytest.raises(Unavailable):
        await gated_auth.services.sessions.get_session(signed_up.session.token)
    await gate.open()
    live = await once_back(lambda: gated_auth.services.sessions.get_session(signed_up.session.token))
    assert live.user == signed_up.user


async def test_a_transaction_cut_off_is_undone_and_told(gated_auth, gate):
    await gate.open()
    signed_up = await sign_up(gated_auth)
    users = gated_auth.services.users

    async def rename():
        async with gated_auth.services.engine.transaction():
            await users.change(signed_up.user.id, name="Grace")
            await gate.shut()
            await users.change(signed_up.user.id, name="Hedy")

    with pytest.raises(Unavailable):
        await rename()
    await gate.open()
    assert (await once_back(lambda: users.get(signed_up.user.id))).name == ADA["name"]


@pytest.mark.parametrize("is_known", [False, True])
async def test_a_server_that_says_nothing_is_unavailable_and_not_waited_for(impatient_auth, gate, is_known):
    users = impatient_auth.services.users
    if is_known:
        await gate.open()
        await users.find("anybody")
    await gate.silence()
    async with asyncio.timeout(PATIENCE):
        for _ in range(2):
            with pytest.raises(Unavailable):
                await users.find("anybody")
        await gate.open()
        assert await once_back(lambda: users.find("anybody")) is None


async def test_closing_during_an_outage_does_not_hang(gated_auth, gate):
    await gate.open()
    await sign_up(gated_auth)
    await gate.shut()
    async with asyncio.timeout(PATIENCE):
        await gated_auth.services.close()


async def test_whoever_has_a_session_is_told_503_and_keeps_the_cookie(gated_auth, gate):
    await gate.open()
    token = (await sign_up(gated_auth)).session.token
    headers = {"cookie": cookie_header(gated_auth, token)}
    await gate.shut()
    async with browser(gated_auth.wrap(whoami)) as client:
        for path in ("/", "/api/auth/get-session"):
            answer = await client.get(path, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (503, "SERVICE_UNAVAILABLE")
            assert "set-cookie" not in answer.headers
        assert (await client.get("/")).json()["credential"] is None
    await gate.open()
    await once_back(lambda: gated_auth.services.sessions.get_session(token))
    async with browser(gated_auth.wrap(whoami)) as client:
        assert (await client.get("/", headers=headers)).json()["email"] == ADA["email"]

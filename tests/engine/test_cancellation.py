"""Whatever is cancelled, and however often: nothing stays half done, and what was done is told."""

import asyncio
from contextlib import suppress

import pytest

from asgi_auth import Unavailable
from asgi_auth.events import SessionRevoked
from tests.support import PASSWORD


@pytest.fixture
async def ada(auth):
    return await auth.services.passwords.sign_up("ada@example.com", PASSWORD, "Ada")


async def cancelled(work, *, times, after):
    task = asyncio.create_task(work)
    await asyncio.sleep(after)
    for _ in range(times):
        task.cancel()
        await asyncio.sleep(0)
    return (await asyncio.gather(task, return_exceptions=True))[0]


@pytest.mark.parametrize("times", [1, 2, 5])
async def test_a_transaction_that_is_cancelled_says_so_and_is_undone(auth, ada, times):
    engine = auth.services.engine

    async def rename():
        async with engine.transaction():
            await engine.users.change({"id": ada.user.id}, name="Undone")
            await asyncio.sleep(60)

    for _ in range(20):
        assert isinstance(await cancelled(rename(), times=times, after=0.005), asyncio.CancelledError)
    assert (await auth.services.users.get(ada.user.id)).name == "Ada"


async def test_every_session_that_ended_was_announced(auth, ada):
    told = []

    async def listen(event):
        told.append(event.session_id)

    auth.services.events.subscribe(SessionRevoked, listen)
    sessions = [await auth.services.sessions.create(ada.user) for _ in range(40)]
    for number, session in enumerate(sessions):
        await cancelled(auth.services.sessions.revoke_session(session.id), times=1, after=number / 10_000)
    await asyncio.sleep(0.05)
    alive = {session.id for session in await auth.services.sessions.list_user_sessions(ada.user.id)}
    assert {session.id for session in sessions} - alive == set(told)


async def test_the_error_of_the_block_comes_out_even_if_undoing_fails(make_auth, postgres_url):
    auth = make_auth(database=postgres_url)
    engine = auth.services.engine
    ada = await auth.services.passwords.sign_up("ada@example.com", PASSWORD, "Ada")

    async def lose_the_connection():
        async with engine.transaction():
            await engine.users.change({"id": ada.user.id}, name="Undone")
            with suppress(Unavailable):
                await engine._executor.run_text("SELECT pg_terminate_backend(pg_backend_pid())")
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        await lose_the_connection()
    assert (await auth.services.users.get(ada.user.id)).name == "Ada"

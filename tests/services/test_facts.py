"""What listeners are told has become true, and what has become true is told, whoever goes away meanwhile."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from tests.mailbox import Mailbox
from tests.services.recorders import Events
from tests.support import ADA, BOB, PASSWORD

PATIENCE = 60


@pytest.fixture
def told(auth):
    """The names of what has been told since it was asked the last time."""
    events = Events(auth.services.events)
    return lambda: sorted(type(event).__name__ for event in events.taken())


async def sign_up(auth, person):
    return await auth.services.passwords.sign_up(person["email"], PASSWORD, person["name"])


async def undone(auth, working):
    """Do work in a transaction that comes to nothing."""
    with suppress(ZeroDivisionError):
        async with auth.services.engine.transaction():
            await working
            raise ZeroDivisionError


async def test_who_signs_up_in_a_transaction_that_is_undone_has_never_been(auth, told):
    await undone(auth, sign_up(auth, ADA))
    assert told() == []
    async with auth.services.engine.transaction():
        await sign_up(auth, ADA)
        assert told() == []
    assert told() == ["SessionCreated", "UserCreated"]


async def test_a_sign_in_that_is_undone_is_not_counted(make_auth, figures):
    auth = make_auth(metrics=figures)
    user = (await sign_up(auth, ADA)).user
    await undone(auth, auth.services.sign_in.complete(user, method="password"))
    assert figures.counts.count(("auth.login.success", {"method": "password"})) == 1


async def test_an_address_is_verified_when_that_is_written(make_auth, database_url):
    mailbox = Mailbox()
    auth = make_auth(database=database_url, mail=mailbox.options, base_url="http://app.test")
    await sign_up(auth, ADA)
    await auth.services.emails.send_verification_email(ADA["email"])
    token = (await mailbox.link(auth)).token
    events = Events(auth.services.events)
    await undone(auth, auth.services.emails.verify_email(token))
    assert events.taken() == []
    await auth.services.emails.verify_email(token)
    assert [type(event).__name__ for event in events.taken()] == ["UserChanged", "EmailVerified"]


async def cancelled_while_writing(auth, working, table):
    """Cancel work while it writes to a table, and let it come to its end."""
    engine = auth.services.engine
    with engine.recorded() as statements:
        async with engine.transaction():  # nobody else writes to SQLite meanwhile
            await engine.users.change({"id": "nobody"}, name="nobody")
            task = asyncio.create_task(working)
            async with asyncio.timeout(PATIENCE):
                while not any(sql.startswith(f'INSERT INTO "{table}"') for sql in statements):  # noqa: ASYNC110
                    await asyncio.sleep(0)
            task.cancel()
        await asyncio.wait({task})
    assert task.cancelled()


async def test_a_session_that_began_is_told_of_even_if_nobody_waits_for_it_any_more(make_auth, sqlite_url):
    auth = make_auth(database=sqlite_url)
    user = (await sign_up(auth, ADA)).user
    events = Events(auth.services.events)
    entering = auth.services.sign_in.complete(user, method="password")
    await cancelled_while_writing(auth, entering, "session")
    assert await auth.services.engine.sessions.count(user_id=user.id) == 2
    assert [type(event).__name__ for event in events.taken()] == ["SessionCreated"]


async def test_a_user_who_was_created_is_told_of_even_if_nobody_waits_for_it_any_more(make_auth, sqlite_url):
    auth = make_auth(database=sqlite_url)
    await sign_up(auth, ADA)
    events = Events(auth.services.events)
    committing = asyncio.Event()
    user = auth.services.users.new(email=BOB["email"], name="Bob", fields={})

    async def commit():
        committing.set()
        await asyncio.sleep(0)

    async def storing():
        async with auth.services.engine.transaction():
            await auth.services.engine.before_commit(commit)
            await auth.services.users.add(user)
            await auth.services.users.announce(user)

    task = asyncio.create_task(storing())
    await committing.wait()
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()
    assert await auth.services.engine.users.count(id=user.id) == 1
    assert [type(event).__name__ for event in events.taken()] == ["UserCreated"]

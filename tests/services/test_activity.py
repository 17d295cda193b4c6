"""Use of a session is noted at most once a minute, together with others, and never while somebody waits."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from asgi_auth import Auth, AuthConfig, SessionOptions
from asgi_auth.services.activity import BATCH_DELAY
from tests.support import ADA, BOB, SECRET, eventually

PATIENCE = 10 * BATCH_DELAY


@pytest.fixture
def services(make_auth, database_url):
    return make_auth(database=database_url, session=SessionOptions(tracks_activity=True)).services


async def noted_at(services, session):
    return (await services.engine.sessions.find(id=session.id)).updated_at


def updates(statements):
    return [sql for sql in statements if sql.startswith("UPDATE")]


async def test_a_use_is_noted_when_everything_closes_at_the_latest(services, ada, clock, monkeypatch):
    monkeypatch.setattr("asgi_auth.services.activity.BATCH_DELAY", 3600)
    clock.advance(seconds=61)
    with services.engine.recorded() as statements:
        await services.sessions.get_session(ada.session.token)
    assert not updates(statements)
    assert await noted_at(services, ada.session) == ada.session.updated_at
    await services.close()
    assert await noted_at(services, ada.session) == clock()


async def test_a_use_is_noted_by_itself_within_seconds(services, ada, clock):
    clock.advance(seconds=61)
    await services.sessions.update_session_activity(ada.session.token)
    async with asyncio.timeout(PATIENCE):
        while await noted_at(services, ada.session) != clock():  # noqa: ASYNC110  (only the database tells)
            await asyncio.sleep(BATCH_DELAY / 10)


async def test_a_use_within_a_minute_is_not_noted(services, ada, clock):
    clock.advance(seconds=59)
    with services.engine.recorded() as statements:
        for _ in range(5):
            await services.sessions.get_session(ada.session.token)
        await services.sessions.close()
    assert not updates(statements)
    assert await noted_at(services, ada.session) == ada.session.updated_at


async def test_many_uses_of_many_sessions_are_written_together(services, ada, bob, clock):
    clock.advance(seconds=61)
    with services.engine.recorded() as statements:
        for _ in range(10):
            for person in (ada, bob):
                await services.sessions.get_session(person.session.token)
        await services.sessions.close()
    assert len(updates(statements)) == 2
    assert await noted_at(services, ada.session) == await noted_at(services, bob.session) == clock()


async def test_a_use_while_others_are_being_written_is_not_lost(services, ada, bob, clock):
    clock.advance(seconds=61)
    async with services.engine.transaction():
        await services.engine.sessions.change({"id": ada.session.id}, user_agent="held")
        await asyncio.create_task(services.sessions.get_session(ada.session.token))
        closing = asyncio.create_task(services.sessions.close())
        await asyncio.sleep(0.05)  # the note about Ada waits for this transaction now
        await asyncio.create_task(services.sessions.get_session(bob.session.token))
    await closing
    await services.sessions.close()
    assert await noted_at(services, bob.session) == clock()


async def test_uses_are_written_in_one_order_so_that_two_processes_never_wait_for_each_other(
    make_auth, postgres_url, clock
):
    services = make_auth(database=postgres_url, session=SessionOptions(tracks_activity=True)).services
    people = [
        (await services.passwords.sign_up(who["email"], who["password"], who["name"])).session for who in (ADA, BOB)
    ]
    first, second = sorted(people, key=lambda session: session.token)
    clock.advance(seconds=61)
    await services.sessions.get_session(second.token)
    await services.sessions.get_session(first.token)

    async def somebody_waits():
        return (await services.engine._executor.run_text("SELECT count(*) FROM pg_locks WHERE NOT granted"))[0][0]

    async with services.engine.transaction():
        await services.engine.sessions.change({"id": first.id}, user_agent="held")
        closing = asyncio.create_task(services.sessions.close())
        await eventually(somebody_waits)
        await services.engine.sessions.change({"id": second.id}, user_agent="held")
    await closing
    assert await noted_at(services, first) == await noted_at(services, second) == clock()


def test_uses_are_noted_in_the_next_event_loop_as_well(sqlite_url, clock):
    options = SessionOptions(tracks_activity=True)
    auth = Auth(AuthConfig.testing(secret=SECRET, database=sqlite_url, session=options), clock=clock)
    services = auth.services

    async def use(email):
        session = (await services.passwords.sign_up(email, ADA["password"], ADA["name"])).session
        clock.advance(seconds=61)
        await services.sessions.get_session(session.token)
        await asyncio.sleep(0)  # somebody waits for more of them now
        await services.sessions.close()
        noted = await noted_at(services, session)
        await services.close()
        return noted

    for email in (ADA["email"], BOB["email"]):
        assert asyncio.run(use(email)) == clock()


async def test_a_note_that_comes_late_does_not_set_the_time_back(services, ada, clock):
    clock.advance(seconds=61)
    await services.sessions.get_session(ada.session.token)
    clock.advance(days=2)
    refreshed = await services.sessions.get_session(ada.session.token)
    await services.sessions.close()
    assert refreshed.session.updated_at == clock()
    assert await noted_at(services, ada.session) == clock()


async def test_a_note_about_a_session_that_is_gone_is_dropped(services, ada, clock):
    clock.advance(seconds=61)
    await services.sessions.get_session(ada.session.token)
    await services.sessions.revoke_session(ada.session.id)
    await services.sessions.close()
    await services.sessions.update_session_activity("nobody")
    assert await services.engine.sessions.count() == 0


async def test_without_tracking_nothing_is_noted(make_auth, clock):
    services = make_auth().services
    ada = await services.passwords.sign_up(ADA["email"], ADA["password"], ADA["name"])
    clock.advance(seconds=61)
    with services.engine.recorded() as statements:
        await services.sessions.get_session(ada.session.token)
        await services.sessions.close()
    assert not updates(statements)
    assert clock() - await noted_at(services, ada.session) == timedelta(seconds=61)

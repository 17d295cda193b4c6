"""What is looked at now and then: sessions that hold, entries in memory."""

from __future__ import annotations

import asyncio

import pytest

from asgi_auth.errors import Unavailable
from asgi_auth.infrastructure.metrics import CACHE_ENTRIES, SESSION_ACTIVE
from asgi_auth.services import gauges
from tests.services.recorders import Figures
from tests.support import ADA, BOB, PASSWORD

PATIENCE = 60


@pytest.fixture
def at_once(monkeypatch):
    """It looks as often as it can."""
    monkeypatch.setattr(gauges, "LOOK_EVERY", 0.01)
    monkeypatch.setattr(gauges, "COUNT_EVERY", 0.0)
    monkeypatch.setattr(gauges, "COUNT_SHARE", 0)


async def until_told(figures: Figures, name: str, value: float, *, last: int = 1) -> None:
    """Wait until this is what a figure says at last, at least one of those that it said last."""
    async with asyncio.timeout(PATIENCE):
        while value not in [told for what, told in figures.gauges if what == name][-last:]:  # noqa: ASYNC110  (figures wake nobody)
            await asyncio.sleep(0.01)


async def test_the_sessions_that_hold_are_counted(make_auth, database_url, figures, clock, at_once):
    services = make_auth(metrics=figures, database=database_url).services
    for person in (ADA, BOB):
        await services.passwords.sign_up(person["email"], PASSWORD, person["name"])
    await until_told(figures, SESSION_ACTIVE, 2)
    signed_in = await services.passwords.sign_in(ADA["email"], PASSWORD)
    await until_told(figures, SESSION_ACTIVE, 3)
    await services.sessions.revoke_session(signed_in.session.id)
    await until_told(figures, SESSION_ACTIVE, 2)
    clock.advance(days=8)
    await until_told(figures, SESSION_ACTIVE, 0)


async def test_no_more_are_counted_than_it_is_told_to(make_auth, database_url, figures):
    services = make_auth(metrics=figures, database=database_url).services
    for _ in range(3):
        await services.passwords.sign_up(f"{_}@example.com", PASSWORD, "Ada")
    count = services.engine.session_storage.count_live
    assert [await count(services.clock(), most) for most in (2, 3, 4)] == [2, 3, 3]


async def test_entries_in_memory_are_told(make_auth, figures, at_once):
    services = make_auth(metrics=figures).services
    session = (await services.passwords.sign_up(ADA["email"], PASSWORD, "Ada")).session
    await services.sessions.get_session(session.token)
    await until_told(figures, CACHE_ENTRIES, 1, last=3)  # one for each kind of value


async def test_a_count_that_fails_is_made_again(make_auth, sqlite_url, figures, at_once):
    services = make_auth(metrics=figures, database=sqlite_url).services
    fails = [True, True]
    count = services.gauges._count

    async def failing(*given):
        if fails:
            fails.pop()
            raise Unavailable
        return await count(*given)

    services.gauges._count = failing
    await services.passwords.sign_up(ADA["email"], PASSWORD, "Ada")
    await until_told(figures, SESSION_ACTIVE, 1)
    assert fails == []


async def test_whoever_wants_no_figures_pays_for_none(make_auth, sqlite_url):
    services = make_auth(database=sqlite_url).services
    await services.start()
    assert "asgi_auth gauges" not in {task.get_name() for task in asyncio.all_tasks()}


async def test_it_looks_while_the_database_is_open_and_no_longer(make_auth, sqlite_url, figures):
    auth = make_auth(metrics=figures, database=sqlite_url)
    for _ in range(2):
        async with auth.lifespan():
            await auth.services.start()
            assert [task.get_name() for task in asyncio.all_tasks()].count("asgi_auth gauges") == 1
        assert "asgi_auth gauges" not in {task.get_name() for task in asyncio.all_tasks()}

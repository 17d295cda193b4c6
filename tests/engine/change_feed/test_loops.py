"""A feed is started and closed in one event loop after the other."""

from __future__ import annotations

import asyncio

import pytest

from asgi_auth import Auth, AuthConfig
from asgi_auth.engine.change_feed.feed import RecordFeed
from tests.engine.change_feed.listening import Listener
from tests.support import SECRET


@pytest.fixture
def auth_without_a_loop(database_url):
    auth = Auth(AuthConfig.testing(secret=SECRET, database=database_url))
    asyncio.run(auth.create_schema())
    return auth


@pytest.mark.parametrize("is_closed", [True, False])
def test_a_feed_works_in_one_event_loop_after_the_other(auth_without_a_loop, is_closed, patient_beats):
    feed = auth_without_a_loop.services.engine.change_feed

    async def use():
        listener = Listener()
        await feed.start(listener)
        await feed.start(listener)
        await listener.up()
        if is_closed:
            await feed.close()
        return listener.states

    assert [asyncio.run(use()) for _ in range(3)] == [["connected"]] * 3
    asyncio.run(feed.close())


async def test_a_feed_that_is_closed_before_it_was_up_leaves_nothing(auth_without_a_loop):
    feed = auth_without_a_loop.services.engine.change_feed
    for moment in (0, 0, 0.001, 0.003, 0.01, 0.03, 0.1):
        await feed.start(Listener())
        await asyncio.sleep(moment)
        await feed.close()
    assert not [task for task in asyncio.all_tasks() if "asgi_auth" in task.get_name()]


async def test_starting_and_closing_with_an_auth_is_all_it_takes(auth_without_a_loop):
    auth = auth_without_a_loop
    assert isinstance(auth.services.engine.change_feed, RecordFeed)
    await auth.services.start()
    async with asyncio.timeout(60):
        while not auth.services.remembering.hub.is_complete:  # noqa: ASYNC110  (hubs know no events)
            await asyncio.sleep(0.01)
    await auth.services.close()
    assert not auth.services.remembering.hub.is_complete

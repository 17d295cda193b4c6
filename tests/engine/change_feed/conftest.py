"""Feeds that are listened to."""

from __future__ import annotations

import pytest

from asgi_auth.engine.change_feed import postgres
from tests.engine.change_feed.listening import Listener


@pytest.fixture
def patient_beats(monkeypatch):
    """A server that is only slow is not taken for silent."""
    monkeypatch.setattr(postgres, "BEAT_TIMEOUT", 60)


@pytest.fixture
async def listen(make_auth):
    """A factory of listeners to the feed of an Auth with given options."""
    feeds = []

    async def start(**options):
        feed = make_auth(**options).services.engine.change_feed
        feeds.append(feed)
        listener = Listener()
        await feed.start(listener)
        return listener

    yield start
    for feed in feeds:
        await feed.close()


@pytest.fixture
async def listener(listen, make_auth, database_url, patient_beats):
    """A listener to a database whose schema is complete, on SQLite and on Postgres."""
    await make_auth(database=database_url).create_schema()
    listener = await listen(database=database_url)
    await listener.up()
    return listener

"""A PostgreSQL that freezes, and one that crashes and recovers."""

from __future__ import annotations

from time import monotonic

import pytest

from asgi_auth.infrastructure.change_feed.base import TRUSTED_FOR
from tests.contracts.rows import query
from tests.engine.change_feed.listening import users
from tests.servers.private_postgres import private_postgres


@pytest.fixture(scope="module")
def own_server():
    with private_postgres() as server:
        yield server


@pytest.fixture
async def on_own_server(listen, make_auth, own_server):
    with own_server.database() as url:
        await make_auth(database=url).create_schema()
        listener = await listen(database=url)
        await listener.up()
        yield listener, url


async def test_nothing_is_vouched_for_that_a_frozen_server_was_not_asked_about_before(on_own_server, own_server):
    listener, url = on_own_server
    own_server.freeze()
    frozen_at = monotonic()
    try:
        await listener.until(lambda: listener.states[-1] == "unreachable")
        assert listener.leases[-1] <= frozen_at + TRUSTED_FOR
    finally:
        own_server.thaw()
    await listener.up()
    await query(url, users("ada"))
    await listener.until(lambda: "ada" in listener.keys("user", is_new=True) or listener.states.count("connected") > 2)


async def test_after_a_crash_it_is_listened_to_as_before(on_own_server, own_server):
    listener, url = on_own_server
    own_server.crash()
    await listener.until(lambda: listener.states.count("connected") >= 2)
    await listener.up()
    await query(url, users("ada"))
    await listener.until(lambda: "ada" in listener.keys("user", is_new=True) or listener.states.count("connected") > 2)

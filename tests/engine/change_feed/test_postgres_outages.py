"""A PostgreSQL that is cut off, silent, or behind a pooler that loses notifications is not believed."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from time import monotonic
from urllib.parse import urlsplit

import pytest

from asgi_auth.infrastructure.change_feed.base import TRUSTED_FOR
from tests.contracts.rows import query
from tests.engine.change_feed.listening import PATIENCE, users
from tests.engine.change_feed.muffler import Muffler
from tests.engine.gate import Gate


def through(gate, url):
    """A database's URL through a gate."""
    return f"postgresql://postgres@127.0.0.1:{gate.port}{urlsplit(url).path}?sslmode=disable"


def address(url):
    server = urlsplit(url)
    return server.hostname, server.port or 5432


@pytest.fixture
async def gate(postgres_url):
    gate = Gate(address(postgres_url))
    await gate.open()
    yield gate
    await gate.shut()


@pytest.fixture
async def gated(listen, make_auth, gate, postgres_url):
    """A listener behind the gate."""
    await make_auth(database=postgres_url).create_schema()
    listener = await listen(database=through(gate, postgres_url))
    await listener.up()
    return listener


def gaps(states):
    """What was told between two connections."""
    return [(before, after) for before, after in pairwise(states) if "connected" in (before, after)]


async def test_while_it_works_it_vouches_again_and_again(gated):
    seen = len(gated.leases)
    await gated.until(lambda: len(gated.leases) > seen + 5)
    assert gated.leases == sorted(gated.leases)
    assert gated.leases[-1] < monotonic() + TRUSTED_FOR


async def test_a_connection_that_is_cut_is_lost_and_made_anew(gated, gate, postgres_url):
    await gate.shut()
    await gated.until(lambda: gated.states[-1] == "unreachable")
    await query(postgres_url, users("ada"))
    await gate.open()
    await gated.up()
    assert gated.states.count("connected") >= 2, "what was missed meanwhile nobody knows"
    await query(postgres_url, users("bob"))
    await gated.until(lambda: "bob" in gated.keys("user", is_new=True) or gated.states.count("connected") > 2)


async def test_only_a_server_that_does_not_answer_is_unreachable(gated, gate, postgres_url):
    # It refuses us, and may serve others.
    ends = (
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND query ~ 'pg_notify'"
    )
    await query(postgres_url, ends)
    await gated.until(lambda: gated.states.count("connected") >= 2)
    assert gated.states[:2] == ["connected", "lost"]


async def test_a_server_that_hangs_up_on_everybody_is_unreachable(gated, gate):
    await gate.shut()
    await gate.refuse()
    await gated.until(lambda: gated.states[-1] == "unreachable")
    await gate.shut()
    await gate.open()
    await gated.up()


async def test_a_server_that_says_nothing_is_given_up_and_knocked_at(gated, gate):
    await gate.silence()
    silent_from = monotonic()
    await gated.until(lambda: gated.states[-1] == "unreachable")
    assert gated.leases[-1] <= silent_from + TRUSTED_FOR, "nothing is vouched for that was not asked for before"
    await gate.shut()
    await gate.open()
    await gated.up()


async def test_of_a_feed_that_comes_back_the_next_word_is_that_all_is_forgotten(gated, gate):
    for _ in range(3):
        await gate.shut()
        await gated.until(lambda: gated.states[-1] == "unreachable")
        await gate.open()
        await gated.up()
    assert {"connected"} == {after for _, after in gaps(gated.states) if after == "connected"}


@pytest.mark.parametrize("is_cut", [False, True])
async def test_closing_leaves_nothing_open(make_auth, gate, postgres_url, is_cut):
    auth = make_auth(database=through(gate, postgres_url))
    await auth.services.start()
    if is_cut:
        await gate.silence()
    await auth.services.close()
    await gate.open()
    others = (
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() "
        "AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
    )
    async with asyncio.timeout(PATIENCE):
        while await query(postgres_url, others):  # noqa: ASYNC110  (they end in their own time)
            await asyncio.sleep(0.05)
    assert not [task for task in asyncio.all_tasks() if "asgi_auth" in task.get_name()]


@pytest.mark.parametrize("while_idle", [False, True])
async def test_a_pooler_that_loses_notifications_is_found_out(listen, make_auth, postgres_url, while_idle):
    await make_auth(database=postgres_url).create_schema()
    pooler = Muffler(address(postgres_url), while_idle=while_idle)
    await pooler.open()
    try:
        listener = await listen(database=through(pooler, postgres_url))
        await listener.until(lambda: listener.reasons)
        assert (listener.states[-1], listener.leases) == ("unusable", [])
        assert "a pooler in transaction mode" in listener.reasons[0]
    finally:
        await pooler.shut()

"""What is told of a transaction's writes, on every database: all of it at once, once it is true, and nothing else."""

from __future__ import annotations

import pytest

from asgi_auth.infrastructure.change_feed.base import Change
from tests.contracts.rows import user_row


@pytest.fixture
def engine(auth):
    return auth.services.engine


@pytest.fixture
def told(engine):
    """What has been told, together with what was told with it, and how many users there were for others by then."""
    told = []

    async def tell(changes):
        told.append((list(changes), await engine.users.count()))

    engine.announce_to(tell)
    return told


async def test_a_write_by_itself_is_told_once_it_is_true(engine, told, clock):
    ada = user_row(clock, "ada")
    await engine.users.add(ada)
    assert told == [([Change("user", (ada.id,), is_new=True)], 1)]


async def test_all_writes_of_a_transaction_are_told_at_once_before_anybody_is_told_of_their_meaning(
    engine, told, clock
):
    ada, bob = user_row(clock, "ada"), user_row(clock, "bob")
    told_before = []

    async def note():
        told_before.append(len(told))

    async with engine.transaction():
        await engine.users.add(ada)
        await engine.after_commit(note)
        await engine.users.add(bob)
        await engine.users.remove(id=bob.id)
        assert told == []
    new_ada, new_bob = (Change("user", (row.id,), is_new=True) for row in (ada, bob))
    assert told == [([new_ada, new_bob, Change("user", (bob.id,))], 1)]
    assert told_before == [1]


async def test_what_is_undone_is_not_told(engine, told, clock):
    ada, bob = user_row(clock, "ada"), user_row(clock, "bob")

    async def undone(row):
        async with engine.transaction():
            await engine.users.add(row)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await undone(ada)
    async with engine.transaction():
        await engine.users.add(ada)
        with pytest.raises(ZeroDivisionError):
            await undone(bob)
    async with engine.transaction():
        await engine.users.count()
    assert told == [([Change("user", (ada.id,), is_new=True)], 1)]

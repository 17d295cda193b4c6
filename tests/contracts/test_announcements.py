"""What is told of a transaction's writes, on every database: all of it at once, once it is true, and nothing else."""

from __future__ import annotations

import pytest

from asgi_auth.infrastructure.change_feed.base import Change
from tests.contracts.rows import user_row
from tests.contracts.tickets import Ticket, Tickets, ticket_row


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


# tables of which some columns are written with every use


@pytest.fixture
def ticketing(make_auth, database_url):
    """An engine with tickets, nobody of whose users is told how often they were used."""
    return make_auth(database=database_url, features=[Tickets()]).services.engine


@pytest.fixture
async def tickets(ticketing, clock):
    """Two tickets, one whose rides are counted."""
    store = ticketing.store("ticket", Ticket)
    await store.add(ticket_row(clock, "counted", left=20, line="blue"))
    await store.add(ticket_row(clock, "free", line="blue"))
    return store


@pytest.fixture
def heard(ticketing, tickets):
    """The rows that were told of."""
    heard = []

    async def tell(changes):
        heard.extend(key for change in changes for key in change.keys)

    ticketing.announce_to(tell)
    return heard


COUNTED, FREE = {"id": "counted"}, {"id": "free"}
TAKE = {"by": {"left": -1}, "above": {"left": 0}}


@pytest.mark.parametrize(
    "write",
    [
        lambda tickets: tickets.increment(COUNTED, by={"used": 1}),
        lambda tickets: tickets.increment(COUNTED, **TAKE),
        lambda tickets: tickets.increment(COUNTED | {"left": 20}, by={"left": -1}),
        lambda tickets: tickets.increment(COUNTED | {"line": "blue"}, by={"left": 1}, above={"left": 19}, used=2),
        lambda tickets: tickets.change(COUNTED, used=0, expires_at=None),
        lambda tickets: tickets.change(COUNTED | {"left": 20}, left=19),
    ],
)
async def test_a_write_of_what_nobody_is_told_of_is_not_told(tickets, heard, write):
    assert await write(tickets) is not None
    assert heard == []


@pytest.mark.parametrize(
    "write",
    [
        lambda tickets: tickets.increment(FREE, by={"used": 1}, line="red"),
        lambda tickets: tickets.increment(FREE, by={"left": 1}),
        lambda tickets: tickets.change(FREE, line="red"),
        lambda tickets: tickets.change(FREE, line="red", used=3),
        lambda tickets: tickets.change(FREE, left=10),
        lambda tickets: tickets.change(FREE | {"left": None}, left=10),
        lambda tickets: tickets.change(FREE | {"used": None}, left=None),
        lambda tickets: tickets.take(**FREE),
    ],
)
async def test_a_write_that_may_change_what_everybody_is_told_of_is_told(tickets, heard, write):
    assert await write(tickets) is not None
    assert heard == ["free"]


async def test_rows_that_are_no_longer_counted_are_told(tickets, heard):
    await tickets.increment(COUNTED, by={"used": 1}, above={"left": 0}, left=None)
    assert heard == ["counted"]


async def test_an_increment_that_found_no_row_tells_nothing(tickets, heard):
    assert await tickets.increment(FREE, by={"left": -1}, above={"left": 0}, line="red") is None
    assert heard == []


async def test_what_is_trimmed_is_told(tickets, heard, clock):
    assert await tickets.trim(before=clock(), most=9) == 0
    clock.advance(seconds=1)
    await tickets.add(ticket_row(clock, "new"))
    assert await tickets.trim(before=clock(), most=9) == 2
    assert heard == ["new", "counted", "free"]

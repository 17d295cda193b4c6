"""Numbers in a row are exact, however many count at once."""

from __future__ import annotations

import asyncio

import pytest

from tests.contracts.tickets import Ticket, Tickets, UnwatchedTickets, ticket_row


@pytest.fixture(params=[Tickets, UnwatchedTickets])
def tickets(make_auth, database_url, request):
    """The store of tickets, watched and not."""
    return make_auth(database=database_url, features=[request.param()]).services.engine.store("ticket", Ticket)


async def test_counters_are_added_to_and_the_row_is_returned_as_it_is_now(tickets, clock):
    await tickets.add(ticket_row(clock, left=5, used=7))
    now = await tickets.increment({"id": "t1"}, by={"left": -1, "used": 3}, line="blue")
    assert (now.left, now.used, now.line) == (4, 10, "blue")
    assert await tickets.find(id="t1") == now


async def test_what_has_no_number_yet_counts_from_nought(tickets, clock):
    await tickets.add(ticket_row(clock))
    assert (await tickets.increment({"id": "t1"}, by={"used": 2})).used == 2


async def test_nothing_is_counted_where_a_condition_does_not_hold(tickets, clock):
    row = ticket_row(clock, left=5, line="blue")
    await tickets.add(row)
    for where in ({"id": "nobody"}, {"id": "t1", "line": "red"}, {"id": "t1", "line": None}):
        assert await tickets.increment(where, by={"left": -1}) is None
    assert await tickets.find(id="t1") == row
    assert await tickets.increment({"id": "t1", "holder_id": None}, by={"left": -1}) is not None


@pytest.mark.parametrize(
    ("before", "bound", "is_above"), [(1, 0, True), (0, 0, False), (0, -1, True), (None, 0, False)]
)
async def test_nothing_is_counted_where_there_is_not_more_than_the_bound(tickets, clock, before, bound, is_above):
    await tickets.add(ticket_row(clock, left=before))
    counted = await tickets.increment({"id": "t1"}, by={"left": -1}, above={"left": bound}, line="blue")
    assert (counted is not None) is is_above
    assert (await tickets.find(id="t1")).left == (before - 1 if is_above else before)


async def test_of_50_who_take_at_once_from_20_exactly_20_get_one(tickets, clock):
    await tickets.add(ticket_row(clock, left=20, used=0))
    taking = (tickets.increment({"id": "t1"}, by={"left": -1, "used": 1}, above={"left": 0}) for _ in range(50))
    taken = [row.left for row in await asyncio.gather(*taking) if row is not None]
    assert sorted(taken) == list(range(20))
    row = await tickets.find(id="t1")
    assert (row.left, row.used) == (0, 20)


async def test_of_many_who_count_at_once_each_counts(tickets, clock):
    await tickets.add(ticket_row(clock))
    await asyncio.gather(*(tickets.increment({"id": "t1"}, by={"used": 2}) for _ in range(50)))
    assert (await tickets.find(id="t1")).used == 100


async def test_a_count_is_one_statement(tickets, clock):
    await tickets.add(ticket_row(clock, left=5))
    engine = tickets._executor
    with engine.recorded() as statements:
        await tickets.increment({"id": "t1"}, by={"left": -1}, above={"left": 0}, line="blue")
    assert len(statements) == 1


async def test_a_field_is_either_added_to_or_set(tickets):
    with pytest.raises(ValueError, match="either"):
        await tickets.increment({"id": "t1"}, by={"left": 1}, left=2)

"""Lists in any order and page by page, rows read together with others, and what is old trimmed away."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from tests.contracts.rows import query, user_row
from tests.contracts.tickets import Ticket, Tickets, UnwatchedTickets, ticket_row
from tests.support import PATIENCE


@pytest.fixture(params=[Tickets, UnwatchedTickets])
def engine(make_auth, database_url, request):
    return make_auth(database=database_url, features=[request.param()]).services.engine


@pytest.fixture
def tickets(engine):
    """The store of tickets, watched and not."""
    return engine.store("ticket", Ticket)


async def add_all(tickets, *rows):
    for row in rows:
        await tickets.add(row)


async def names(tickets, **asked):
    return [row.id for row in await tickets.list(**asked)]


# order and pages


async def test_a_list_is_ordered_by_any_field_either_way(tickets, clock):
    await add_all(
        tickets,
        ticket_row(clock, "a", used=3, number="x"),
        ticket_row(clock, "b", used=1, number="z"),
        ticket_row(clock, "c", used=2, number="y"),
    )
    assert await names(tickets, order_by="used") == ["b", "c", "a"]
    assert await names(tickets, order_by="used", is_descending=True) == ["a", "c", "b"]
    assert await names(tickets, order_by="number") == ["a", "c", "b"]
    assert await names(tickets, order_by="id", is_descending=True) == ["c", "b", "a"]


async def test_unless_asked_otherwise_the_oldest_are_first_and_of_one_moment_the_ids_decide(tickets, clock):
    later = clock() + timedelta(seconds=1)
    await add_all(tickets, ticket_row(clock, "a", created_at=later), ticket_row(clock, "c"), ticket_row(clock, "b"))
    assert await names(tickets) == ["b", "c", "a"]
    assert await names(tickets, is_descending=True) == ["a", "c", "b"]


@pytest.mark.parametrize("order_by", ["created_at", "line", "left", "used", None])
@pytest.mark.parametrize("is_descending", [False, True])
async def test_pages_follow_one_another_whatever_is_equal(tickets, clock, order_by, is_descending):
    for number in (5, 2, 7, 1, 6, 3, 4):  # some have no value to be ordered by
        left = number % 2 or None
        await tickets.add(ticket_row(clock, str(number), line="blue", left=left))
    order = {"order_by": order_by, "is_descending": is_descending}
    pages = [await names(tickets, limit=2, offset=offset, **order) for offset in (0, 2, 4, 6, 8)]
    assert [len(page) for page in pages] == [2, 2, 2, 1, 0]
    read = [name for page in pages for name in page]
    assert read == await names(tickets, **order)
    assert set(read) == set("1234567")


async def test_conditions_hold_on_every_page(tickets, clock):
    await add_all(tickets, *(ticket_row(clock, name, line=line) for name, line in zip("abcd", "xyxx", strict=True)))
    assert await names(tickets, line="x", limit=2, offset=1) == ["c", "d"]
    assert await names(tickets, holder_id=None, limit=0) == []


@pytest.mark.parametrize("field", ["nothing", "createdAt", "id-", "", 'id"; DROP TABLE ticket; --'])
async def test_there_is_no_order_by_what_is_no_field(tickets, field):
    with pytest.raises(ValueError, match="no such field"):
        await tickets.list(order_by=field)


# together with another


async def test_a_row_is_found_together_with_the_one_it_names(engine, tickets, clock):
    ada, bob = user_row(clock), user_row(clock, "bob@example.com")
    for user in (ada, bob):
        await engine.users.add(user)
    held, stray, free = (
        ticket_row(clock, name, holder_id=holder) for name, holder in (("a", ada.id), ("b", "gone"), ("c", None))
    )
    await add_all(tickets, held, stray, free)
    with engine.recorded() as statements:
        assert await tickets.find_with(engine.users, "holder_id", number=held.number) == (held, ada)
    assert len(statements) == 1
    assert await tickets.find_with(engine.users, "holder_id", number=stray.number) == (stray, None)
    assert await tickets.find_with(engine.users, "holder_id", id="c", line=None) == (free, None)
    assert await tickets.find_with(engine.users, "holder_id", id="a", line="blue") is None


async def test_the_same_row_can_be_found_with_rows_of_any_table_its_own_as_well(engine, tickets, clock):
    ada = user_row(clock)
    await engine.users.add(ada)
    first, second = ticket_row(clock, "a", line="b", holder_id=ada.id), ticket_row(clock, "b")
    await add_all(tickets, first, second)
    assert await tickets.find_with(engine.users, "holder_id", id="a") == (first, ada)
    assert await tickets.find_with(tickets, "line", id="a") == (first, second)
    assert await tickets.find_with(tickets, "holder_id", id="a") == (first, None)


async def test_what_two_rows_have_in_common_is_kept_once(engine, tickets, clock):
    ada = user_row(clock)
    await engine.users.add(ada)
    await tickets.add(ticket_row(clock, holder_id=ada.id))
    ticket, user = await tickets.find_with(engine.users, "holder_id", id="t1")
    assert ticket.holder_id is user.id
    assert ticket.created_at is user.created_at


# trim


async def test_the_oldest_go_first_by_any_moment(tickets, clock):
    for name, seconds in (("a", 3), ("b", 1), ("c", 2), ("d", 9), ("e", None)):
        expires_at = None if seconds is None else clock() + timedelta(seconds=seconds)
        await tickets.add(ticket_row(clock, name, expires_at=expires_at))
    before = clock() + timedelta(seconds=5)
    assert await tickets.trim(before=before, most=2, by="expires_at") == 2
    assert await names(tickets) == ["a", "d", "e"]
    assert await tickets.trim(before=before, most=2, by="expires_at") == 1
    assert await tickets.trim(before=before, most=2, by="expires_at") == 0
    assert await names(tickets) == ["d", "e"]
    assert await tickets.trim(before=before, most=5) == 2


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
async def test_what_is_given_another_moment_meanwhile_stays(engine, tickets, clock, database_url):
    past, future = clock(), clock() + timedelta(days=1)
    await add_all(tickets, ticket_row(clock, "a", expires_at=past), ticket_row(clock, "b", expires_at=past))
    async with engine.transaction():
        await tickets.change({"id": "a"}, expires_at=future)
        trimming = asyncio.create_task(tickets.trim(before=past + timedelta(seconds=1), most=9, by="expires_at"))
        await somebody_waits(database_url)
    assert await trimming == 1
    assert await names(tickets) == ["a"]


WAITING = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


async def somebody_waits(url):
    """Wait until somebody waits for a row of somebody else's."""
    async with asyncio.timeout(PATIENCE):
        while not await query(url, WAITING):  # noqa: ASYNC110  (the database tells nobody)
            await asyncio.sleep(0.01)

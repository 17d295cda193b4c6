"""A feature whose table has counters: tickets that somebody may hold, good for some rides or for any number."""

from __future__ import annotations

from typing import ClassVar

from sqlalchemy import Column, MetaData, Table

from asgi_auth import Feature, Timestamp
from asgi_auth.engine.columns import Integer, Moment, Text
from asgi_auth.infrastructure.change_feed.base import Watch
from asgi_auth.models import Record
from tests.support import FrozenClock


class Ticket(Record, frozen=True, kw_only=True):
    """``left`` rides, or any number; ``used`` so often."""

    number: str
    holder_id: str | None = None
    line: str | None = None
    left: int | None = None
    used: int | None = None
    expires_at: Timestamp | None = None
    created_at: Timestamp
    id: str


TICKET = Table(
    "ticket",
    MetaData(),
    Column("id", Text(), primary_key=True),
    Column("number", Text(), nullable=False, unique=True),
    Column("holderId", Text()),
    Column("line", Text()),
    Column("left", Integer()),
    Column("used", Integer()),
    Column("expiresAt", Moment()),
    Column("createdAt", Moment(), nullable=False),
)


class Tickets(Feature):
    """Nobody is told how often a ticket was used, nor how many rides are left; but whether they are counted."""

    name = "tickets"
    tables: ClassVar = (TICKET,)
    watches: ClassVar = (Watch("ticket", columns=("number", "holderId", "line"), null_columns=("left",)),)


class UnwatchedTickets(Feature):
    """Nobody rests on them."""

    name = "tickets"
    tables: ClassVar = (TICKET,)


def ticket_row(clock: FrozenClock, name: str = "t1", **values: object) -> Ticket:
    """A ticket that is stored nowhere yet."""
    return Ticket(**{"number": f"no. {name}", "created_at": clock(), "id": name, **values})

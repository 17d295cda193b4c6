"""Of tables with counters only those changes are heard, whoever makes them, that somebody may rest on."""

from __future__ import annotations

from typing import ClassVar

import pytest
from sqlalchemy import Column, MetaData, Table

from asgi_auth import ConfigurationError, Feature
from asgi_auth.engine.columns import Text
from asgi_auth.infrastructure.change_feed.base import Watch
from tests.contracts.rows import query
from tests.contracts.tickets import TICKET, Ticket, Tickets
from tests.engine.change_feed.listening import MOMENT


def rows(*names, left="NULL"):
    """SQL that adds tickets, by any program."""
    values = ", ".join(f"('{name}', 'no. {name}', 'blue', {left}, '{MOMENT}')" for name in names)
    return f'INSERT INTO "ticket" ("id", "number", "line", "left", "createdAt") VALUES {values}'


def update(assignments, where="\"id\" = 'a'"):
    """SQL that changes tickets, by any program."""
    return f'UPDATE "ticket" SET {assignments} WHERE {where}'


@pytest.fixture
async def riding(listen, make_auth, database_url, patient_beats):
    """A listener to a table of three tickets; the rides of c are counted."""
    await make_auth(database=database_url, features=[Tickets()]).create_schema()
    await query(database_url, rows("a", "b"), rows("c", left=20))
    listener = await listen(database=database_url, features=[Tickets()])
    await listener.up()
    return listener


async def heard(listener, url, *statements):
    """The tickets that are named as changed when the statements have run."""
    listener.changes.clear()
    await query(url, *statements)
    await listener.caught_up()
    assert listener.whole() == listener.whole(is_new=True) == set()
    return listener.keys("ticket")


async def test_new_and_deleted_rows_are_named_as_ever(riding, database_url):
    assert await heard(riding, database_url, rows("d")) == set()
    assert riding.keys("ticket", is_new=True) == {"d"}
    assert await heard(riding, database_url, "DELETE FROM \"ticket\" WHERE \"id\" IN ('c', 'd')") == {"c", "d"}


@pytest.mark.parametrize(
    "write",
    [
        update('"used" = 5'),
        update('"used" = 5', "1 = 1"),
        update(f'"expiresAt" = \'{MOMENT}\', "used" = 5'),
        update('"line" = \'blue\', "holderId" = NULL, "number" = \'no. a\', "used" = 5'),
        update('"id" = "id", "number" = "number", "line" = "line", "left" = "left", "used" = 5', "1 = 1"),
        update('"left" = "left" - 1', "\"id\" = 'c'"),
        update("\"line\" = 'red'", "\"id\" = 'nobody'"),
    ],
)
async def test_a_write_of_what_nobody_rests_on_is_not_heard(riding, database_url, write):
    assert await heard(riding, database_url, write) == set()
    assert riding.changes == []


@pytest.mark.parametrize(
    ("write", "named"),
    [
        (update("\"line\" = 'red'"), {"a"}),
        (update("\"line\" = 'BLUE'"), {"a"}),
        (update('"line" = NULL'), {"a"}),
        (update('"holderId" = \'ada\', "used" = 5'), {"a"}),
        (update('"line" = \'red\', "used" = 5', "1 = 1"), {"a", "b", "c"}),
        (update("\"line\" = CASE WHEN \"id\" = 'b' THEN 'red' ELSE 'blue' END, \"used\" = 5", "1 = 1"), {"b"}),
        (update("\"id\" = 'z'"), {"a", "z"}),
        (update('"left" = 10'), {"a"}),
        (update('"left" = NULL', "\"id\" = 'c'"), {"c"}),
        (update('"left" = 10', "1 = 1"), {"a", "b"}),
    ],
)
async def test_a_row_that_became_another_is_named(riding, database_url, write, named):
    assert await heard(riding, database_url, write) == named


async def test_rows_that_change_places_are_both_named(riding, database_url):
    swapped = update("\"line\" = CASE \"id\" WHEN 'a' THEN 'red' ELSE 'blue' END", "\"id\" IN ('a', 'b')")
    assert await heard(riding, database_url, swapped) == {"a"}
    swapped = update("\"line\" = CASE \"id\" WHEN 'a' THEN 'blue' ELSE 'red' END", "\"id\" IN ('a', 'b')")
    assert await heard(riding, database_url, swapped) == {"a", "b"}


async def test_however_many_rows_are_counted_nothing_is_heard_and_of_more_than_100_that_changed_the_whole_table(
    riding, database_url
):
    many = [f"many-{number}" for number in range(120)]
    await query(database_url, rows(*many))
    await riding.caught_up()
    assert await heard(riding, database_url, update('"used" = 1', "1 = 1")) == set()
    listed = ", ".join(f"'{name}'" for name in many[:100])
    hundred = update('"line" = \'red\', "used" = 2', f'"id" IN ({listed})')
    assert await heard(riding, database_url, hundred) == set(many[:100])
    await query(database_url, update('"line" = \'green\', "used" = 3', "1 = 1"))
    await riding.caught_up()
    assert riding.whole() == {"ticket"}


async def test_what_our_own_stores_write_is_heard_by_others_in_the_same_way(riding, make_auth, database_url):
    tickets = make_auth(database=database_url, features=[Tickets()]).services.engine.store("ticket", Ticket)
    riding.changes.clear()
    await tickets.increment({"id": "c"}, by={"left": -1, "used": 1}, above={"left": 0})
    await tickets.change({"id": "a"}, used=3)
    await riding.caught_up()
    assert riding.changes == []
    await tickets.change({"id": "a"}, line="red")
    await tickets.increment({"id": "b"}, by={"left": 5})
    await riding.caught_up()
    assert riding.keys("ticket") == {"a", "b"}


# what a schema may be


class Passes(Feature):
    """Passes whose key is not unique, and nothing of which matters but whether they have a name."""

    name = "passes"
    tables: ClassVar = (
        Table(
            "pass",
            MetaData(),
            Column("id", Text(), primary_key=True),
            Column("zone", Text()),
            Column("it's", Text()),
            Column("text", Text()),
        ),
    )
    watches: ClassVar = (Watch("pass", ("zone",), columns=(), null_columns=("it's",)),)


@pytest.fixture
async def passing(listen, make_auth, database_url, patient_beats):
    """A listener to a table of three passes, two of them of one zone."""
    await make_auth(database=database_url, features=[Passes()]).create_schema()
    await query(
        database_url,
        'INSERT INTO "pass" ("id", "zone", "it\'s", "text") VALUES (\'1\', \'x\', \'mine\', NULL)',
        'INSERT INTO "pass" ("id", "zone", "it\'s", "text") VALUES (\'2\', \'x\', NULL, NULL)',
        'INSERT INTO "pass" ("id", "zone", "it\'s", "text") VALUES (\'3\', \'y\', NULL, NULL)',
    )
    listener = await listen(database=database_url, features=[Passes()])
    await listener.up()
    return listener


@pytest.mark.parametrize(
    ("assignments", "where", "named"),
    [
        ("\"text\" = 'new'", "1 = 1", set()),
        ("\"it's\" = 'yours', \"text\" = 'new'", "\"id\" = '1'", set()),
        ("\"it's\" = 'mine'", "\"id\" = '2'", {"x"}),
        ("\"it's\" = 'mine'", "1 = 1", {"x", "y"}),
        ("\"zone\" = 'z'", "\"id\" = '2'", {"x", "z"}),
    ],
)
async def test_the_columns_that_name_rows_need_not_be_unique(passing, database_url, assignments, where, named):
    await query(database_url, f'UPDATE "pass" SET {assignments} WHERE {where}')
    await passing.caught_up()
    assert (passing.keys("pass"), passing.whole()) == (named, set())


async def test_a_row_that_cannot_be_named_any_more_is_any_row(passing, database_url):
    await query(database_url, 'UPDATE "pass" SET "zone" = NULL WHERE "id" = \'3\'')
    await passing.caught_up()
    assert passing.whole() == {"pass"}


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
async def test_where_a_column_has_gone_anything_may_have_changed_and_nothing_is_undone(riding, database_url):
    await query(database_url, 'ALTER TABLE "ticket" DROP COLUMN "holderId"', update('"used" = 5'))
    await riding.caught_up()
    assert riding.whole() == {"ticket"}
    assert await query(database_url, 'SELECT "used" FROM "ticket" WHERE "id" = \'a\'') == [(5,)]


async def test_another_text_is_another_value_whatever_a_column_compares_by(listen, make_auth, sqlite_url):
    await query(
        sqlite_url,
        'CREATE TABLE "ticket" ("id" text primary key, "number" text, "holderId" text, "line" text COLLATE NOCASE, '
        '"left" integer, "used" integer, "expiresAt" date, "createdAt" date)',
        rows("a"),
    )
    await make_auth(database=sqlite_url, features=[Tickets()]).create_schema()
    listener = await listen(database=sqlite_url, features=[Tickets()])
    await listener.up()
    assert await heard(listener, sqlite_url, update("\"line\" = 'BLUE'")) == {"a"}


class OtherTickets(Tickets):
    """Those of another release, which rests on more."""

    watches: ClassVar = (Watch("ticket", columns=("number", "used")),)


async def test_triggers_that_were_told_of_other_columns_are_replaced(make_auth, listen, database_url, patient_beats):
    await make_auth(database=database_url, features=[Tickets()]).create_schema()
    stale = await listen(database=database_url, features=[OtherTickets()])
    await stale.until(lambda: stale.reasons)
    assert "run Auth.create_schema()" in stale.reasons[0]
    other = make_auth(database=database_url, features=[OtherTickets()])
    replaced = await other.create_schema()
    assert {sql.split()[0] for sql in replaced} == {"DROP", "CREATE"}
    assert all("TRIGGER" in sql for sql in replaced)
    assert await other.create_schema() == []


@pytest.mark.parametrize(
    "watch",
    [
        Watch("ticket", columns=("nothing",)),
        Watch("ticket", columns=(), null_columns=("nothing",)),
        Watch("ticket", ("nothing",)),
    ],
)
def test_a_column_that_is_not_there_cannot_be_watched(make_auth, watch):
    class Mistaken(Feature):
        name = "mistaken"
        tables: ClassVar = (TICKET,)
        watches: ClassVar = (watch,)

    with pytest.raises(ConfigurationError, match="nothing is watched, and is no column of ticket"):
        make_auth(features=[Mistaken()])


@pytest.mark.parametrize("columns", [None, ("left",), ("line", "left")])
def test_of_what_is_told_of_anyway_it_cannot_matter_only_whether_it_is_there(columns):
    with pytest.raises(ValueError, match="null_columns"):
        Watch("ticket", columns=columns, null_columns=("left",))

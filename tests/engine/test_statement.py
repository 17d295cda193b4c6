"""Statements compiled once: their values translated on the way in, their rows on the way out, and shown nowhere."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import Column, MetaData, Table, Text, bindparam, delete, insert, select, update

from asgi_auth import Timestamp
from asgi_auth.engine.columns import Flag, Json, Moment, Real
from asgi_auth.engine.statement import Arguments, compile_statement, dialect_for

NOW = Timestamp.of(datetime(2026, 11, 22, 12, 0, 0, 123000, UTC))
THINGS = Table(
    "thing",
    MetaData(),
    Column("id", Text(), primary_key=True),
    Column("madeAt", Moment()),
    Column("isOld", Flag()),
    Column("size", Real()),
    Column("tags", Json(list[str])),
)
STORED = {
    "sqlite": ["1", "2026-11-22T12:00:00.123Z", 1, 0.1, '["a"]'],
    "postgresql": ["1", NOW, True, 0.1, '["a"]'],
}
VALUES = {"id": "1", "madeAt": NOW, "isOld": True, "size": 0.1, "tags": ["a"]}


@pytest.fixture(params=STORED)
def scheme(request):
    return request.param


def compiled(clause, scheme):
    return compile_statement(clause, dialect_for(scheme))


def test_values_go_in_as_the_database_stores_them(scheme):
    names = {column.name: bindparam(column.name, type_=column.type) for column in THINGS.columns}
    bound = compiled(insert(THINGS).values(names), scheme).bind(VALUES)
    assert list(bound.arguments) == STORED[scheme]


def test_rows_come_out_as_python_has_them(scheme):
    statement = compiled(select(THINGS), scheme)
    assert statement.read(STORED[scheme]) == list(VALUES.values())
    assert statement.read(["1", None, None, None, None]) == ["1", None, None, None, None]


@pytest.mark.parametrize(("scheme", "mark"), [("sqlite", "?"), ("postgresql", "$1")])
def test_places_are_marked_as_the_driver_wants_them(scheme, mark):
    statement = compiled(select(THINGS.c.id).where(THINGS.c.id == bindparam("id")), scheme)
    assert f"= {mark}" in statement.sql


def test_a_name_used_twice_is_filled_twice(scheme):
    name = bindparam("id")
    statement = compiled(select(THINGS.c.id).where((THINGS.c.id == name) | (THINGS.c.id > name)), scheme)
    arguments = list(statement.bind({"id": "1"}).arguments)
    assert arguments == (["1", "1"] if scheme == "sqlite" else ["1"])


def test_fixed_values_need_not_be_given(scheme):
    assert 7 in compiled(select(THINGS).limit(7), scheme).bind({}).arguments


def test_a_statement_knows_whether_it_writes(scheme):
    writing = [insert(THINGS), update(THINGS).values(size=1.0), delete(THINGS), delete(THINGS).returning(THINGS.c.id)]
    assert all(compiled(clause, scheme).writes for clause in writing)
    assert not compiled(select(THINGS), scheme).writes


def test_a_row_of_another_width_is_refused(scheme):
    with pytest.raises(ValueError, match="zip"):
        compiled(select(THINGS), scheme).read(["1"])


def test_values_on_their_way_show_nothing():
    arguments = Arguments(["do-not-tell"])
    assert "do-not-tell" not in repr(arguments) + str(arguments) + f"{arguments}"

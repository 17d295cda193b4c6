"""What clients may say about the fields that features and the application add."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
import pytest

from asgi_auth import FieldRules, Timestamp, User
from asgi_auth.errors import FieldNotAllowed, MissingField, ValidationFailed
from asgi_auth.services.input_fields import InputFields

CLOSED = FieldRules(input=False)


class Member(User, frozen=True, kw_only=True):
    company: str
    shoe_size: int | None = None
    born_at: Timestamp | None = None
    seen_at: datetime | None = None
    tags: list[str] = msgspec.field(default_factory=list)
    role: Annotated[str, CLOSED] = "member"
    is_banned: Annotated[bool | None, CLOSED] = None


class Worded(User, frozen=True, kw_only=True):
    company: str | None = None
    seats: Annotated[int, msgspec.Meta(ge=1)] = 1
    joined: datetime | None = None


FIELDS = InputFields(Member, User)
NEEDED = {"company": "ACME"}


def test_declared_fields_are_taken_by_wire_name_and_by_python_name():
    assert FIELDS.for_create({**NEEDED, "shoeSize": 37}) == {"company": "ACME", "shoe_size": 37}
    assert FIELDS.for_create({**NEEDED, "shoe_size": 37}) == {"company": "ACME", "shoe_size": 37}


def test_what_nobody_declared_is_ignored_core_fields_too():
    given = {**NEEDED, "emailVerified": True, "id": "x", "email": "y", "isAdmin": True, "name": 5}
    assert FIELDS.for_create(given) == {"company": "ACME"}
    assert FIELDS.for_update(given) == {"company": "ACME"}


def test_values_become_what_the_field_holds():
    values = FIELDS.for_create({**NEEDED, "bornAt": "1990-05-01T00:00:00+02:00", "tags": ["a"], "shoeSize": None})
    assert values["born_at"].iso() == "1990-04-30T22:00:00.000Z"
    assert (values["tags"], values["shoe_size"]) == (["a"], None)
    assert (
        FIELDS.for_update({"seenAt": "1990-05-01T00:00:00.1239+02:00"})["seen_at"].iso() == "1990-04-30T22:00:00.123Z"
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"company": None},
        {"company": 5},
        {"shoeSize": "37"},
        {"shoeSize": 37.5},
        {"shoeSize": True},
        {"shoeSize": 2**31},
        {"shoeSize": -(2**31) - 1},
        {"shoeSize": 10**40},
        {"bornAt": "yesterday"},
        {"bornAt": "1990-05-01"},
        {"bornAt": 641520000},
        {"bornAt": ["1990-05-01T00:00:00Z"]},
        {"bornAt": "0001-01-01T00:00:00+14:00"},
        {"seenAt": "1990-05-01T00:00:00"},
        {"seenAt": "0001-01-01T00:00:00+14:00"},
        {"tags": "a"},
        {"tags": [1]},
        {"tags": None},
    ],
)
def test_a_value_that_does_not_fit_is_refused_by_name(wrong):
    (name,) = wrong
    for read in (FIELDS.for_create, FIELDS.for_update):
        with pytest.raises(ValidationFailed, match=name):
            read({**NEEDED, **wrong})


def test_a_required_field_has_to_be_given_when_a_row_is_made():
    with pytest.raises(MissingField, match="company is required"):
        FIELDS.for_create({"shoeSize": 37})
    assert FIELDS.for_update({"shoeSize": 37}) == {"shoe_size": 37}


def test_a_closed_field_with_a_default_keeps_it_silently_when_a_row_is_made():
    assert FIELDS.for_create({**NEEDED, "role": "admin"}) == NEEDED


@pytest.mark.parametrize("value", ["admin", 1, True, ["x"]])
def test_a_closed_field_is_refused_otherwise(value):
    with pytest.raises(FieldNotAllowed, match="role is not allowed to be set"):
        FIELDS.for_update({"role": value})
    for read in (FIELDS.for_create, FIELDS.for_update):
        with pytest.raises(FieldNotAllowed, match="isBanned"):
            read({**NEEDED, "isBanned": value})


@pytest.mark.parametrize("value", [None, False, 0, ""])
def test_a_closed_field_given_nothing_is_ignored(value):
    assert FIELDS.for_update({"role": value, "isBanned": value}) == {}
    assert FIELDS.for_create({**NEEDED, "role": value, "isBanned": value}) == NEEDED


def test_a_closed_field_is_closed_under_its_python_name_too():
    with pytest.raises(FieldNotAllowed):
        FIELDS.for_update({"is_banned": True})


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"company": 5}, "[body.company] Invalid input: expected string, received number"),
        ({"company": ["x"]}, "[body.company] Invalid input: expected string, received array"),
        ({"seats": "many"}, "[body.seats] Invalid input: expected number, received string"),
        ({"seats": 0}, "[body.seats] Invalid input"),
        ({"joined": 1}, "[body.joined] Invalid input: expected date, received number"),
    ],
)
def test_what_does_not_fit_is_told_in_the_words_of_the_rest_of_a_body(given, complaint):
    fields = InputFields(Worded, User)
    with pytest.raises(ValidationFailed) as refused:
        fields.for_update(given)
    assert refused.value.message == complaint

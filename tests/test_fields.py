"""Records are one type for Python, JSON and the database, composed of the core, the features and the application."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asgi_auth import Account, ConfigurationError, FieldRules, Record, Session, Timestamp, User, Verification
from asgi_auth.clock import utc_now
from asgi_auth.fields import compose, fields_of, own_fields, view, wire
from asgi_auth.models import from_json, to_json

NOW = utc_now()
WEEK = timedelta(days=7)
CORE = {"name": "Ada", "email": "ada@example.com", "created_at": NOW, "updated_at": NOW, "id": "1"}
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
MOMENTS = st.timedeltas(-400 * WEEK, 400 * WEEK).map(lambda since: Timestamp.of(NOW + since))


class Points(User, frozen=True, kw_only=True):
    """A feature's fields."""

    points: int = 0
    referrer_id: str | None = None


class Ban(User, frozen=True, kw_only=True):
    """Another feature's."""

    is_banned: Annotated[bool | None, FieldRules(input=False)] = None
    notes: Annotated[list[str], FieldRules(returned=False)] = msgspec.field(default_factory=list)


class Member(User, frozen=True, kw_only=True):
    """The application's."""

    company: str
    email_opt_in: bool = True


# records


def test_records_are_given_by_name_and_cannot_be_changed():
    user = User(**CORE)
    with pytest.raises(TypeError):
        User("Ada", "ada@example.com")
    with pytest.raises(AttributeError):
        user.name = "Grace"
    assert isinstance(user, Record)


def test_records_show_no_secret_in_their_repr():
    secret = "do-not-tell"
    moments = {"created_at": NOW, "updated_at": NOW}
    shown = [
        Session(expires_at=NOW, token=secret, user_id="1", id="2", **moments),
        Account(
            account_id="1",
            provider_id="github",
            user_id="1",
            access_token=secret,
            refresh_token=secret,
            id_token=secret,
            password=secret,
            id="3",
            **moments,
        ),
        Verification(identifier=secret, value=secret, expires_at=NOW, id="4", **moments),
    ]
    for record in shown:
        assert secret not in repr(record) + str(record) + f"{record}" + repr([record])
        assert record.id in repr(record)


@given(TEXT, TEXT, st.booleans(), st.none() | TEXT, MOMENTS, MOMENTS)
def test_a_record_survives_json(name, email, email_verified, image, created_at, updated_at):
    user = User(
        name=name,
        email=email,
        email_verified=email_verified,
        image=image,
        created_at=created_at,
        updated_at=updated_at,
        id="1",
    )
    assert from_json(to_json(user), User) == user


@pytest.mark.parametrize("data", [b"{}", b"[]", b"null", b"x", b'{"name": 5}'])
def test_what_is_no_record_is_refused(data):
    with pytest.raises(msgspec.DecodeError):
        from_json(data, User)


def test_the_wire_form_is_camel_case_with_the_id_last_and_dates_as_javascripts():
    session = Session(expires_at=NOW, token="t", created_at=NOW, updated_at=NOW, user_id="1", id="2")
    data = wire(session)
    assert list(data) == ["expiresAt", "token", "createdAt", "updatedAt", "ipAddress", "userAgent", "userId", "id"]
    assert data["expiresAt"] == NOW.iso()
    assert msgspec.json.decode(to_json(data)) == data


# composing


def test_without_anything_added_the_type_is_the_applications():
    assert compose(User, [], User) is User
    assert compose(User, [], Member) is Member


def test_the_composed_type_has_everybodys_fields_and_is_the_applications():
    composed = compose(User, [Points, Ban], Member)
    assert issubclass(composed, Member)
    assert [field.name for field in own_fields(composed, User)] == [
        "company",
        "email_opt_in",
        "points",
        "referrer_id",
        "is_banned",
        "notes",
    ]
    user = composed(**CORE, company="ACME")
    assert (user.points, user.referrer_id, user.is_banned, user.notes) == (0, None, None, [])
    other = composed(**CORE, company="ACME")
    assert other.notes is not user.notes
    with pytest.raises(AttributeError):
        user.points = 1


def test_the_composed_wire_form_has_what_may_be_returned_and_the_id_last():
    user = compose(User, [Points, Ban], Member)(**CORE, company="ACME", notes=["private"], referrer_id="2")
    data = wire(user)
    assert list(data)[-1] == "id"
    assert "notes" not in data
    assert "private" not in str(data)
    assert (data["company"], data["emailOptIn"], data["referrerId"], data["isBanned"]) == ("ACME", True, "2", None)


def test_each_reads_its_own_fields_through_a_typed_view():
    user = compose(User, [Points, Ban], Member)(**CORE, company="ACME", points=7)
    assert view(user, Points) == Points(**CORE, points=7)
    assert view(user, Ban) == Ban(**CORE)
    assert view(user, User) == User(**CORE)
    assert view(user, Member).company == "ACME"


def test_fields_know_their_names_kinds_and_rules():
    fields = {field.name: field for field in fields_of(compose(User, [Points, Ban], Member))}
    assert {name: fields[name].kind for name in ("name", "points", "is_banned", "notes", "created_at")} == {
        "name": "text",
        "points": "integer",
        "is_banned": "flag",
        "notes": "json",
        "created_at": "moment",
    }
    assert fields["referrer_id"].wire_name == "referrerId"
    assert fields["is_banned"].rules == FieldRules(input=False)
    assert fields["points"].rules == FieldRules()
    assert [name for name, field in fields.items() if field.is_optional] == ["image", "referrer_id", "is_banned"]
    assert fields["company"].is_required
    assert (fields["points"].default(), fields["notes"].default()) == (0, [])


# conflicts


def refused(extensions, application=User, *, naming):
    with pytest.raises(ConfigurationError, match=naming):
        compose(User, extensions, application)


def test_two_features_cannot_claim_one_field():
    class Loyalty(User, frozen=True, kw_only=True):
        points: int = 1

    refused([Points, Loyalty], naming="points is claimed by Points and by Loyalty")


def test_a_feature_and_the_application_cannot_claim_one_field():
    class Player(User, frozen=True, kw_only=True):
        points: int = 1

    refused([Points], Player, naming="points is claimed by Player and by Points")


def test_a_features_field_needs_a_default_for_there_are_rows_already():
    class Shoes(User, frozen=True, kw_only=True):
        shoe_size: int

    refused([Shoes], naming=r"Shoes\.shoe_size needs a default")


def test_a_field_has_a_form_in_json():
    class Wave(User, frozen=True, kw_only=True):
        phase: complex | None = None

    refused([], Wave, naming=r"Wave\.phase: a type that JSON has no form for")
    refused([Wave], naming=r"Wave\.phase: a type that JSON has no form for")


def test_a_feature_extends_what_it_says_it_extends():
    refused([Session], naming="Session must be a subclass of User")

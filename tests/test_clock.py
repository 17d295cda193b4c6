"""Moments are written, read and kept as JavaScript and the stored rows know them."""

from __future__ import annotations

import copy
import pickle
import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from asgi_auth import Timestamp
from asgi_auth.clock import utc_now
from asgi_auth.models import to_json

JAVASCRIPT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
ZONES = st.timedeltas(timedelta(hours=-14), timedelta(hours=14)).map(timezone)
MOMENTS = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.one_of(st.just(UTC), ZONES))  # noqa: DTZ001


@given(MOMENTS)
@example(datetime(1, 1, 2, tzinfo=UTC))
@example(datetime(999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC))
@example(datetime(2026, 11, 22, 12, 0, tzinfo=UTC))
def test_every_moment_survives_being_written_and_read(moment):
    timestamp = Timestamp.of(moment)
    text = timestamp.iso()
    assert JAVASCRIPT.fullmatch(text)
    assert Timestamp.parse(text) == timestamp
    assert timestamp.tzinfo is UTC
    assert moment - timestamp < timedelta(milliseconds=1)
    assert timestamp <= moment


@given(MOMENTS, MOMENTS)
def test_texts_are_in_the_order_of_their_moments(one, other):
    first, second = Timestamp.of(one), Timestamp.of(other)
    assert (first < second) is (first.iso() < second.iso())


@given(MOMENTS)
def test_a_moment_in_json_is_its_text(moment):
    timestamp = Timestamp.of(moment)
    assert to_json([timestamp]).decode() == f'["{timestamp.iso()}"]'


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("2026-11-22T17:01:22.822Z", "2026-11-22T17:01:22.822Z"),
        ("2026-11-22T17:01:22Z", "2026-11-22T17:01:22.000Z"),
        ("2026-11-22T17:01:22.8229999Z", "2026-11-22T17:01:22.822Z"),
        ("2026-11-22 17:01:22.822+00:00", "2026-11-22T17:01:22.822Z"),
        ("2026-11-22T17:01:22.822+05:30", "2026-11-22T11:31:22.822Z"),
        ("2024-02-29T23:59:59.999-12:00", "2024-03-01T11:59:59.999Z"),
    ],
)
def test_iso_8601_is_read_in_its_usual_forms(text, iso):
    assert Timestamp.parse(text).iso() == iso


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026-11-22",
        "2026-11-22T17:01:22.822",
        "2026-02-29T00:00:00Z",
        "2026-11-22T24:00:01Z",
        "10000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "1763830882822",
        "infinity",
    ],
)
def test_what_is_no_moment_is_refused(text):
    with pytest.raises(ValueError, match=r".+"):
        Timestamp.parse(text)


def test_a_moment_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="time zone"):
        Timestamp.of(datetime(2026, 11, 22, 12, 0))  # noqa: DTZ001


def test_reckoning_with_moments_gives_moments():
    timestamp = Timestamp.parse("2026-11-22T17:01:22.822Z")
    later = timestamp + timedelta(days=1, milliseconds=1)
    assert type(later) is type(later - timedelta(hours=1)) is Timestamp
    assert later.iso() == "2026-11-23T17:01:22.823Z"
    assert later - timestamp == timedelta(days=1, milliseconds=1)


def test_a_moment_can_be_copied_and_kept():
    timestamp = Timestamp.parse("2026-11-22T17:01:22.822Z")
    for same in (copy.deepcopy(timestamp), pickle.loads(pickle.dumps(timestamp))):
        assert same == timestamp
        assert type(same) is Timestamp


def test_the_clock_tells_the_present_in_whole_milliseconds():
    before, now, after = datetime.now(UTC), utc_now(), datetime.now(UTC)
    assert before - timedelta(milliseconds=1) <= now <= after
    assert now.microsecond % 1000 == 0
    assert now.tzinfo is UTC

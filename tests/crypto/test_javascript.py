"""Numbers are written as JavaScript writes them."""

from __future__ import annotations

import json
import subprocess

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asgi_auth.crypto.javascript import number, with_numbers
from tests.servers.node import find_node

WRITTEN = {
    5.0: "5",
    -5.0: "-5",
    0.0: "0",
    0.5: "0.5",
    123.456: "123.456",
    1200.0: "1200",
    1e20: "100000000000000000000",
    1e21: "1e+21",
    1.5e300: "1.5e+300",
    2.0**60: "1152921504606847000",
    1e-6: "0.000001",
    1e-7: "1e-7",
    -1.25e-9: "-1.25e-9",
    float("inf"): "null",
    float("-inf"): "null",
}


@pytest.mark.parametrize(("value", "text"), WRITTEN.items())
def test_a_float_is_written_as_javascript_writes_it(value, text):
    assert number(value) == text


def test_zero_has_no_sign():
    assert number(-0.0) == "0"


def test_what_is_no_number_is_null():
    assert number(float("nan")) == "null"


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_what_is_written_is_the_same_number(value):
    assert float(number(value)) == value


def test_javascript_itself_agrees():
    values = [mantissa * 10.0**power for mantissa in (1.0, -1.0, 1.5, 9.007199254740993) for power in range(-30, 30)]
    script = "console.log(JSON.stringify(JSON.parse(process.argv[1]).map(Number).map(String)))"
    command = [str(find_node().program), "-e", script, json.dumps([repr(value) for value in values])]
    spoken = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert [number(value) for value in values] == spoken


def test_floats_are_found_wherever_they_are_and_all_else_stays():
    given = {"a": 1.0, "b": [2.0, {"c": (0.1, None, True, 7)}], "d": "3.0"}
    assert msgspec.json.encode(with_numbers(given)) == b'{"a":1,"b":[2,{"c":[0.1,null,true,7]}],"d":"3.0"}'

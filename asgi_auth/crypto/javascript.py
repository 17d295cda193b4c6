"""Numbers as JavaScript writes them, and texts as it counts them: both sides have to come to the same."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import msgspec

_PLAIN_DIGITS = 21
"""Integers of more digits are written with an exponent (ECMA-262, Number::toString)."""

_PLAIN_ZEROS = 6
"""Fractions that begin with more zeros are written with an exponent."""


def with_numbers(value: object) -> object:
    """Plain data whose floats ``msgspec.json`` writes as ``JSON.stringify`` does: 5 and not 5.0."""
    if isinstance(value, float):
        return msgspec.Raw(number(value).encode())
    if isinstance(value, Mapping):
        return {key: with_numbers(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [with_numbers(each) for each in value]
    return value


def number(value: float) -> str:
    """A float as JavaScript's ``String(value)``; one that JSON cannot hold is ``null``, as in ``JSON.stringify``."""
    exact = Decimal(repr(value))
    if not exact.is_finite():
        return "null"
    if not exact:
        return "0"
    sign = "-" if exact.is_signed() else ""
    digits = "".join(map(str, exact.as_tuple().digits)).rstrip("0")
    return sign + _positional(digits, exact.adjusted() + 1)


def length(text: str) -> int:
    """Of a text, in UTF-16 code units, as JavaScript counts."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _positional(digits: str, point: int) -> str:
    """The value 0.DIGITS times ten to the power ``point``."""
    if len(digits) <= point <= _PLAIN_DIGITS:
        return digits.ljust(point, "0")
    if 0 < point <= _PLAIN_DIGITS:
        return f"{digits[:point]}.{digits[point:]}"
    if -_PLAIN_ZEROS < point <= 0:
        return f"0.{'0' * -point}{digits}"
    fraction = f".{digits[1:]}" if digits[1:] else ""
    return f"{digits[0]}{fraction}e{point - 1:+d}"

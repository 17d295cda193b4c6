"""Rules about numbers in bodies and queries."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from asgi_auth.endpoints.schema import Coercion, Rule

MAX_SAFE: Final = 2**53 - 1
"""The largest integer that JavaScript counts to."""


@dataclass(frozen=True, slots=True)
class AtLeast(Rule):
    """A number that is not smaller: ``Annotated[float, AtLeast(1)]``."""

    least: int

    @property
    def schema(self) -> Mapping[str, object]:  # type: ignore[override]
        """What JSON Schema says of it."""
        return {"minimum": self.least}

    def complaint(self, value: float) -> str | None:
        """What is wrong with a number, or None."""
        return None if value >= self.least else f"Too small: expected number to be >={self.least}"


@dataclass(frozen=True, slots=True)
class Whole(Coercion):
    """A query's whole number, not negative, as JavaScript reads it: ``Annotated[int, Whole()]``; "" is 0."""

    schema: ClassVar[Mapping[str, object]] = {"minimum": 0}

    def read(self, value: object) -> int:
        """The number; raises ValueError with what is wrong."""
        number = _number(value)
        if not math.isfinite(number):
            raise ValueError(f"Invalid input: expected number, received {'NaN' if math.isnan(number) else 'Infinity'}")
        if not number.is_integer():
            raise ValueError("Invalid input: expected int, received number")
        if number < 0:
            raise ValueError("Too small: expected number to be >=0")
        if number > MAX_SAFE:
            raise ValueError(f"Too big: expected int to be <={MAX_SAFE}")
        return int(number)


def _number(value: object) -> float:
    """As JavaScript's ``Number`` does in base ten; of a repeated name, and of what is no number, it is none."""
    text = value.strip() if isinstance(value, str) else "NaN"
    try:
        return float(text or 0) if "_" not in text else math.nan
    except ValueError:
        return math.nan

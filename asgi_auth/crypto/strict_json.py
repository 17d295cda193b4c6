"""JSON objects that mean the same to everybody who reads them (RFC 8259, 4; RFC 7515, 4; RFC 7519, 4)."""

from __future__ import annotations

import json
from collections.abc import Mapping

import msgspec

MOST_LEVELS = 16
"""How deep arrays and objects may lie in one another."""


def parse_object(data: bytes) -> Mapping[str, object]:
    """The object; ValueError for whatever is none, and for what different readers read differently.

    Names are unique at every level (else the first or the last would count), numbers are finite, texts are Unicode
    without halves of surrogate pairs, nothing lies deeper than MOST_LEVELS.
    """
    try:
        value = msgspec.json.decode(data)
        # msgspec takes the last of equal names; the other decoder takes much that is no JSON, but sees the names.
        _NAMES.decode(data.decode())
    except RecursionError:
        raise ValueError("JSON that lies too deep") from None
    if not isinstance(value, dict):
        raise ValueError("JSON that is no object")  # noqa: TRY004  (a wrong value)
    _check_depth(value, MOST_LEVELS)
    return value


def _check_names(pairs: list[tuple[str, object]]) -> None:
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("JSON with a name twice")


_NAMES = json.JSONDecoder(object_pairs_hook=_check_names)


def _check_depth(value: dict[str, object] | list[object], levels: int) -> None:
    if not levels:
        raise ValueError("JSON that lies too deep")
    for each in value.values() if isinstance(value, dict) else value:
        if isinstance(each, dict | list):
            _check_depth(each, levels - 1)

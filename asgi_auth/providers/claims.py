"""Reading what a provider says of a person: the type that is documented, nothing, or a ValueError; never a guess."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Claims = Mapping[str, Any]
"""What a provider says of a person: an ID token's claims or the answer of its user-info endpoint."""


def read_id(claims: Claims, name: str) -> str:
    """Who it is: a text that is not empty, or a whole number as some providers send; raises ValueError otherwise."""
    value = claims.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    text = read_text(claims, name)
    if text is None:
        raise ValueError(f"{name} is missing")
    return text


def read_text(claims: Claims, name: str) -> str | None:
    """A text; None where it is missing, null or empty; raises ValueError for anything else.

    A text that no database takes (NUL, half a surrogate pair) is refused as well.
    """
    value = claims.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise ValueError(f"{name} is no text")  # noqa: TRY004 # one exception for all that a provider says wrongly
    if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise ValueError(f"{name} is no text that can be stored")
    return value


def read_link(claims: Claims, name: str) -> str | None:
    """A picture's URL; None for what no page should show (``javascript:``, ``data:``)."""
    value = read_text(claims, name)
    return value if value is not None and value.lower().startswith(("https://", "http://")) else None


def read_flag(claims: Claims, name: str) -> bool:
    """Yes only where the provider says true, or "true" as some do."""
    value = claims.get(name)
    return value is True or value == "true"


def read_part(claims: Claims, name: str) -> Claims:
    """An object inside; empty where it is missing or null; raises ValueError for anything else."""
    value = claims.get(name)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ValueError(f"{name} is no object")  # noqa: TRY004 # as above
    return value


def read_list(claims: Claims, name: str) -> list[Any]:
    """A list inside; empty where it is missing or null; raises ValueError for anything else."""
    value = claims.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise ValueError(f"{name} is no list")  # noqa: TRY004 # as above
    return value

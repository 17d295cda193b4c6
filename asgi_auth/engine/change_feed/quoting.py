"""Names and texts as both databases want them in their SQL."""

from __future__ import annotations


def quoted(name: str) -> str:
    """An identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as SQL says it."""
    return "'" + text.replace("'", "''") + "'"

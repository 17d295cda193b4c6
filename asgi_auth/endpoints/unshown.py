"""What may hold secrets is printed as its name alone."""

from __future__ import annotations

import msgspec


class Unshown(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The base of all bodies and answers: passwords and tokens stay out of logs."""

    def __repr__(self) -> str:
        """Its name alone."""
        return f"{type(self).__name__}(...)"

    def __rich_repr__(self) -> list[tuple[str, object]]:
        """As ``repr``: rich asks for this one, and prints local variables in tracebacks."""
        return []

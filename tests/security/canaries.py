"""Secrets that are planted, and the search for them in whatever was written down."""

from __future__ import annotations

import base64
import logging
from collections.abc import Iterator
from urllib.parse import quote, quote_plus


def disguises(secret: str) -> set[str]:
    """The secret as it is, and as encodings would hide it."""
    raw = secret.encode()
    found = {secret, quote(secret, safe=""), quote_plus(secret), raw.hex(), repr(secret)[1:-1], secret[::-1]}
    for offset in range(3):
        padded = b"\0" * offset + raw
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            # Without the ends, which depend on what stands beside it.
            found.add(encode(padded).decode()[4 if offset else 0 : -4])
    return found


def leaks(written: str, secrets: dict[str, str]) -> list[str]:
    """The names of the secrets that can be found in a text."""
    return [name for name, secret in secrets.items() if any(form in written for form in disguises(secret))]


class Listening(logging.Handler):
    """Keeps all that is logged, with everything a formatter could get out of it."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.written: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.written.append(f"{self.format(record)} {record.__dict__!r}")


def all_loggers() -> Iterator[logging.Logger]:
    """Every logger there is, the root first."""
    yield logging.getLogger()
    for name in list(logging.root.manager.loggerDict):
        yield logging.getLogger(name)

"""Limits on what the endpoints read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from asgi_auth.config.options.checks import check_types, require


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestOptions:
    """Limits on what the endpoints read.

    Attributes:
        max_body: bytes (default 1 MiB); more is 413.
        max_depth: nesting of a JSON body (default 32); more is 400.
        body_timeout: until the whole body has arrived (default 10 seconds); longer is 408.
        disabled_paths: endpoints that answer 404, without the base path ("/sign-up/email").
    """

    max_body: int = 1024 * 1024
    max_depth: int = 32
    body_timeout: timedelta = timedelta(seconds=10)
    disabled_paths: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        check_types(self, "request")
        require(self.max_body > 0, "request.max_body: positive")
        require(0 < self.max_depth <= 200, "request.max_depth: 1 to 200")
        require(self.body_timeout > timedelta(), "request.body_timeout: positive")
        require(all(path.startswith("/") for path in self.disabled_paths), "request.disabled_paths start with /")

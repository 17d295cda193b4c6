"""How the database is used."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from asgi_auth.config.options.checks import check_types, require


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseOptions:
    """How the database is used.

    Attributes:
        pool_size: connections; for SQLite the readers beside the one writer (default 10, SQLite 4).
        timeout: for a connection, and on Postgres for a statement (default 5 seconds); longer is 503.
        read_timeout: for a read of what one key leads to, a session with its user above all: from waiting for a
            connection to the answer, a second try included (default 0.8 seconds); longer is 503.
        creates_schema: missing tables, columns and triggers are created at start-up; False refuses to start without the
            tables and columns, and keeps nothing in memory without the triggers (default None: False in production,
            where a migration makes them, else True).
    """

    pool_size: int | None = None
    timeout: timedelta = timedelta(seconds=5)
    read_timeout: timedelta = timedelta(milliseconds=800)
    creates_schema: bool | None = None

    def __post_init__(self) -> None:
        check_types(self, "database_options")
        require(self.pool_size is None or self.pool_size > 0, "database_options.pool_size: None or at least 1")
        require(self.timeout > timedelta(), "database_options.timeout: positive")
        require(self.read_timeout > timedelta(), "database_options.read_timeout: positive")

"""What drivers raise, translated: a broken rule of the schema, or a fault that is not the user's."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import AbstractContextManager

import structlog

from asgi_auth.errors import AuthError, Unavailable

_logger = structlog.get_logger("asgi_auth.engine")

UNIQUE_VIOLATION = "23505"
INTEGRITY_CLASS = "23"
ACCESS_RULE_CLASS = "42"
"""Tables, columns and functions that are not there, or not for this role (PostgreSQL's documentation, appendix A)."""


class IntegrityViolation(Exception):
    """A write broke a rule of the schema: a reference to a row that is gone, a missing value."""


class UniqueViolation(IntegrityViolation):
    """A write repeated a value that has to be unique."""


class _Translated:
    """A block without state, entered for each statement: a generator would cost seven times as much."""

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        """Raise our own error instead of the driver's."""
        if isinstance(error, Exception) and not isinstance(error, AuthError | IntegrityViolation):
            translation = _translate(error)
            if translation is not None:
                raise translation from None


_TRANSLATED = _Translated()


def translated() -> AbstractContextManager[None]:
    """Raise our own errors within the block instead of a driver's.

    A driver's message may quote stored values, so its type and SQLSTATE are logged, the text where it can only name
    parts of the schema, and nothing of it is chained to what is raised.
    """
    return _TRANSLATED


def _translate(error: Exception) -> Exception | None:
    state = getattr(error, "sqlstate", None)
    if isinstance(error, sqlite3.IntegrityError):
        return _integrity(is_unique="UNIQUE" in str(error))
    if isinstance(state, str) and state.startswith(INTEGRITY_CLASS):
        return _integrity(is_unique=state == UNIQUE_VIOLATION)
    if isinstance(error, sqlite3.Error | OSError | asyncio.TimeoutError) or _is_from_asyncpg(error):
        known = {"sqlstate": state} if isinstance(state, str) else {}
        _logger.error("database.unavailable", error=type(error).__name__, **known, **_reason(error, state))
        return Unavailable()
    return None


def _reason(error: Exception, state: object) -> dict[str, str]:
    """What the driver says where that names parts of the schema and never values: rights and what is not there."""
    names_schema = isinstance(state, str) and state.startswith(ACCESS_RULE_CLASS)
    if names_schema or isinstance(error, sqlite3.OperationalError):
        return {"reason": str(error)}
    return {}


def _integrity(*, is_unique: bool) -> IntegrityViolation:
    return UniqueViolation() if is_unique else IntegrityViolation()


def _is_from_asyncpg(error: Exception) -> bool:
    return any(base.__module__.partition(".")[0] == "asyncpg" for base in type(error).__mro__)

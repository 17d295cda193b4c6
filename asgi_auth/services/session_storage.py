"""Where sessions live: what every storage of them can do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from asgi_auth.clock import Timestamp
from asgi_auth.models import Session, SessionWithUser, User


class SessionStorage(Protocol):
    """One store of record of sessions. Moments decide nothing here but what is asked: callers judge expiry.

    Every method raises Unavailable where the storage cannot answer. Deleting returns what was deleted, to one of many
    callers at once.
    """

    async def add(self, session: Session, user: User) -> None:
        """Write a new session of a user; raises IntegrityViolation where the user is gone."""

    async def find(self, session_id: str) -> Session | None:
        """A session by its id, whether or not it has expired."""

    async def find_with_user(self, token: str) -> SessionWithUser | None:
        """A session and its user in one read, whether or not it has expired."""

    async def find_with_user_by_id(self, session_id: str, *, user_id: str) -> SessionWithUser | None:
        """A user's session by its id, with the user, whether or not it has expired."""

    async def list_live(self, user_id: str, now: Timestamp) -> Sequence[Session]:
        """A user's sessions that have not expired, oldest first, 100 at most."""

    async def is_signed_in_from(self, email: str, ip_address: str, now: Timestamp) -> bool:
        """Whether the user of an e-mail address has a live session that began at this IP address."""

    async def extend(self, token: str, *, before: Timestamp, expires_at: Timestamp, now: Timestamp) -> Session | None:
        """Move a session's expiry if it lies at or before ``before``; of many callers at once, one gets the row."""

    async def change(self, session_id: str, values: Mapping[str, object]) -> Session | None:
        """Set fields of a session, by Python name; None where it is gone. Raises IntegrityViolation."""

    async def touch(self, token: str, *, used_at: Timestamp, before: Timestamp) -> None:
        """Set ``updatedAt`` unless it is as new as ``before`` already."""

    async def remove(self, session_id: str) -> Session | None:
        """Delete a session."""

    async def remove_token(self, token: str, *, user_id: str | None = None) -> Session | None:
        """Delete the session of a token, if it is that user's."""

    async def remove_all(self, user_id: str) -> Sequence[Session]:
        """Delete a user's sessions."""

    async def remove_others(self, user_id: str, token: str) -> Sequence[Session]:
        """Delete a user's sessions except one."""

    async def remove_oldest(self, user_id: str, *, keep: int, now: Timestamp) -> Sequence[Session]:
        """Delete a user's sessions except the newest ``keep`` live ones."""

"""What happened, as typed facts, and the bus that tells whoever asked to know."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeVar, cast

import structlog

from asgi_auth.models import Session, User

EndReason = Literal["revoked", "sign_out", "limit"]
"""Why a session ended: somebody ended it, its own browser did, or it made room for another."""


@dataclass(frozen=True, slots=True)
class UserCreated:
    """A user signed up.

    Where a taken address is answered as a free one, a slow listener tells them apart by its time: let it hand its
    work on.
    """

    user: User


@dataclass(frozen=True, slots=True)
class UserChanged:
    """A user's row was written."""

    user_id: str


@dataclass(frozen=True, slots=True)
class UserDeleted:
    """A user is gone, with everything of it in the database."""

    user: User


@dataclass(frozen=True, slots=True)
class EmailVerified:
    """A user has proved that the address is its own."""

    user: User


@dataclass(frozen=True, slots=True)
class EmailChanged:
    """A user has another address; ``old_email`` is the one before."""

    user: User
    old_email: str


@dataclass(frozen=True, slots=True)
class PasswordChanged:
    """A user has another password: by giving the old one, by a link in a letter, or as the first one it has."""

    user_id: str
    how: Literal["change", "reset", "set"] = "change"


@dataclass(frozen=True, slots=True)
class PasswordRefused:
    """Somebody who is signed in was asked for the password again and did not know it."""

    user_id: str


@dataclass(frozen=True, slots=True)
class PasswordResetRequested:
    """Somebody asked for a link to choose a new password; ``user_id`` is None where nobody has the address.

    Told beside the request, so that its time tells nobody which of the two it was.
    """

    user_id: str | None


@dataclass(frozen=True, slots=True)
class AccountLinked:
    """A user can sign in with another service from now on; ``account_id`` is the row's."""

    user_id: str
    provider_id: str
    account_id: str


@dataclass(frozen=True, slots=True)
class AccountUnlinked:
    """A user can no longer sign in that way."""

    user_id: str
    provider_id: str
    account_id: str


@dataclass(frozen=True, slots=True)
class SignedInByProvider:
    """A user signed in with the account of another service; told after SessionCreated.

    ``added`` is what the client sent along as ``additionalData``: nobody has checked it.
    """

    session: Session
    provider_id: str
    is_new: bool
    added: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class SignInFailed:
    """Somebody was not let in.

    ``reason`` is the code that was answered; ``user_id`` is None where nobody has the address. A listener that takes
    longer for known users than for unknown ones tells them apart by its time: let it hand its work on.
    """

    method: str
    reason: str
    user_id: str | None = None


@dataclass(frozen=True, slots=True)
class SignUpFailed:
    """Nobody was created; ``reason`` is the code of why, which the client may not have been told."""

    reason: str


@dataclass(frozen=True, slots=True)
class RateLimitExceeded:
    """A request was refused because there were too many; ``rule`` names what was broken."""

    rule: str


@dataclass(frozen=True, slots=True)
class OriginRefused:
    """A request was refused because another site may be behind it, or because it would lead to one.

    ``reason`` is the code that was answered.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class SessionCreated:
    """A user signed in; ``method`` names the way in."""

    session: Session
    method: str


@dataclass(frozen=True, slots=True)
class SessionRevoked:
    """A session ended before its time; why is no part of which end it was."""

    session_id: str
    user_id: str
    reason: EndReason = field(default="revoked", compare=False)


E = TypeVar("E")
Listener = Callable[[E], Awaitable[None]]

_logger = structlog.get_logger("asgi_auth.events")


class EventBus:
    """Tells listeners, in the order in which they subscribed, within the task that made the fact true.

    A listener that fails is logged and does not stop the others: the fact is already true.
    """

    def __init__(self) -> None:
        self._listeners: dict[type, list[Listener[object]]] = {}

    def subscribe(self, event: type[E], listener: Listener[E]) -> None:
        """Have ``listener`` awaited for each event of this type."""
        self._listeners.setdefault(event, []).append(cast("Listener[object]", listener))

    async def publish(self, event: object) -> None:
        """Tell everybody who subscribed to this type of event."""
        for listener in self._listeners.get(type(event), ()):
            try:
                await listener(event)
            except Exception:
                _logger.exception("event.listener_failed", event_type=type(event).__name__)

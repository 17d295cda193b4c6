"""The audit log: what matters to security, each fact once, in words that are safe to keep."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any, Final, Literal, TypeVar

import structlog
from cachetools import TTLCache

from asgi_auth.clock import Clock, Timestamp, seconds_of
from asgi_auth.events import (
    AccountLinked,
    AccountUnlinked,
    EmailChanged,
    EmailVerified,
    EventBus,
    OriginRefused,
    PasswordChanged,
    PasswordRefused,
    PasswordResetRequested,
    RateLimitExceeded,
    SessionCreated,
    SessionRevoked,
    SignInFailed,
    SignUpFailed,
    UserCreated,
    UserDeleted,
)
from asgi_auth.infrastructure.log_redaction import redact, redacted_text
from asgi_auth.services.session import Device

MAX_TEXT: Final = 256
"""Characters of what a client says of itself that are kept."""

REPEATED_AFTER: Final = 60
"""Seconds after which the same refusal of the same client is told again: it cannot fill the log with them."""

MOST_REFUSED: Final = 10_000
"""Clients that this is remembered of."""

E = TypeVar("E")
Outcome = Literal["success", "failure"]
FindDevice = Callable[[], Device]
Said = Mapping[str, str | None]

LOG = "asgi_auth.audit"
"""Named in each entry as well: without the standard library behind it structlog shows no logger's name."""

_logger = structlog.get_logger(LOG)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One fact. There is no password, token or e-mail address in it.

    Attributes:
        event: what happened ("sign_in.failed"); API.md lists them all.
        outcome: "success" of whoever asked, or "failure".
        at: when.
        user_id: whom it is about; None where nobody knows.
        session_id: the row's id, which opens nothing.
        target_id: the row's id of what else it is about, such as an API key; it opens nothing either.
        ip_address: where the request came from; "" where nobody knows.
        user_agent: what the client calls itself, cut to 256 printable characters.
        method: the way ("password", "oauth", a provider, how a password was changed).
        reason: a code of ours that says why it failed, or which rule was broken.
    """

    event: str
    outcome: Outcome
    at: Timestamp
    user_id: str | None = None
    session_id: str | None = None
    target_id: str | None = None
    ip_address: str = ""
    user_agent: str = ""
    method: str | None = None
    reason: str | None = None


AuditListener = Callable[[AuditEntry], None]


@dataclass(frozen=True, slots=True)
class _Fact:
    """How an event is told."""

    name: str
    said: Callable[[Any], Said]
    outcome: Outcome = "success"
    is_repeated: bool = False


def _of_user(event: UserCreated | UserDeleted | EmailVerified | EmailChanged) -> Said:
    return {"user_id": event.user.id}


def _of_account(event: AccountLinked | AccountUnlinked) -> Said:
    return {"user_id": event.user_id, "method": event.provider_id}


def _of_new_session(event: SessionCreated) -> Said:
    session = event.session
    return {
        "user_id": session.user_id,
        "session_id": session.id,
        "method": event.method,
        "ip_address": session.ip_address,
        "user_agent": session.user_agent,
    }


def _of_ended_session(event: SessionRevoked) -> Said:
    return {"user_id": event.user_id, "session_id": event.session_id, "reason": event.reason}


def _of_failed_sign_in(event: SignInFailed) -> Said:
    return {"user_id": event.user_id, "method": event.method, "reason": event.reason}


_FACTS: Mapping[type, _Fact] = MappingProxyType(
    {
        UserCreated: _Fact("user.created", _of_user),
        UserDeleted: _Fact("user.deleted", _of_user),
        EmailVerified: _Fact("email.verified", _of_user),
        EmailChanged: _Fact("email.changed", _of_user),
        SessionCreated: _Fact("sign_in.succeeded", _of_new_session),
        SignInFailed: _Fact("sign_in.failed", _of_failed_sign_in, "failure"),
        SessionRevoked: _Fact("session.revoked", _of_ended_session),
        PasswordChanged: _Fact("password.changed", lambda event: {"user_id": event.user_id, "method": event.how}),
        PasswordRefused: _Fact("password.refused", lambda event: {"user_id": event.user_id}, "failure"),
        PasswordResetRequested: _Fact("password.reset_requested", lambda event: {"user_id": event.user_id}),
        AccountLinked: _Fact("account.linked", _of_account),
        AccountUnlinked: _Fact("account.unlinked", _of_account),
        SignUpFailed: _Fact("sign_up.failed", lambda event: {"reason": event.reason}, "failure"),
        RateLimitExceeded: _Fact("rate_limit.exceeded", lambda event: {"reason": event.rule}, "failure", True),
        OriginRefused: _Fact("origin.refused", lambda event: {"reason": event.reason}, "failure", True),
    }
)


class AuditLog:
    """Hears of everything that matters to security, logs it, and tells those who keep it.

    Args:
        events: where facts are told.
        clock: when they happen.
        is_logged: whether they go to the logger ``asgi_auth.audit``.
    """

    def __init__(self, events: EventBus, *, clock: Clock, is_logged: bool) -> None:
        self._clock = clock
        self._is_logged = is_logged
        self._listeners: list[AuditListener] = []
        self._device: ContextVar[FindDevice] = ContextVar("asgi_auth.audit", default=Device)
        self._refused: TTLCache[tuple[str | None, ...], bool] = TTLCache(
            MOST_REFUSED, REPEATED_AFTER, timer=seconds_of(clock)
        )
        self._events = events
        for kind, fact in _FACTS.items():
            events.subscribe(kind, partial(self._hear, fact))

    def tell_of(
        self,
        event: type[E],
        name: str,
        said: Callable[[E], Said],
        *,
        outcome: Outcome = "success",
        is_repeated: bool = False,
    ) -> None:
        """Have a feature's own events in the log as well.

        Args:
            event: the type of event.
            name: what such a fact is called ("api_key.created").
            said: what is known of one, by the names of AuditEntry's fields; nothing of it is a secret.
            outcome: see AuditEntry.
            is_repeated: whoever causes it may do so over and over: it is told once a minute of each client and reason.
        """
        self._events.subscribe(event, partial(self._hear, _Fact(name, said, outcome, is_repeated)))

    def add_listener(self, listener: AuditListener) -> None:
        """Have ``listener`` called with each entry; it returns at once: somebody's request waits for it.

        What it raises is logged.
        """
        self._listeners.append(listener)

    @contextmanager
    def asked_from(self, find_device: FindDevice) -> Iterator[None]:
        """A block that serves one request: what happens in it, and in tasks begun there, comes from that device."""
        token = self._device.set(find_device)
        try:
            yield
        finally:
            self._device.reset(token)

    async def _hear(self, fact: _Fact, event: object) -> None:
        entry = self._entry(fact, fact.said(event))
        if fact.is_repeated and self._was_told(entry):
            return
        if self._is_logged:
            _write(entry)
        for listener in self._listeners:
            try:
                listener(entry)
            except Exception:
                _logger.exception("audit.listener_failed", told=entry.event)

    def _entry(self, fact: _Fact, said: Said) -> AuditEntry:
        device = self._device.get()()
        known = {"ip_address": device.ip_address, "user_agent": device.user_agent}
        known.update((name, value) for name, value in said.items() if value)
        return AuditEntry(
            event=fact.name,
            outcome=fact.outcome,
            at=self._clock(),
            **{name: _safe(text, keeps_ids=name.endswith("_id")) for name, text in known.items()},
        )

    def _was_told(self, entry: AuditEntry) -> bool:
        key = (entry.event, entry.reason, entry.ip_address)
        was_told = key in self._refused
        if not was_told:
            self._refused[key] = True
        return was_told


def _safe(text: str, *, keeps_ids: bool) -> str:
    """What may be a client's own words: one line, nothing that a terminal obeys, nothing that looks like a secret."""
    printable = text if text.isprintable() else "".join(filter(str.isprintable, text))
    return redacted_text(printable[: 2 * MAX_TEXT], keeps_ids=keeps_ids)[:MAX_TEXT]


def _write(entry: AuditEntry) -> None:
    fields = {name: getattr(entry, name) for name in AuditEntry.__slots__}
    told = {name: value for name, value in fields.items() if value}
    event = told.pop("event")
    told["at"] = entry.at.iso()
    log = _logger.info if entry.outcome == "success" else _logger.warning
    log(event, logger=LOG, **redact(None, "", told))

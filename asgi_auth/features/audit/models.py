"""What is kept of a fact, and a page of it."""

from __future__ import annotations

from dataclasses import dataclass

from asgi_auth.clock import Timestamp
from asgi_auth.models import Record


class AuditRecord(Record, frozen=True, kw_only=True):
    """One fact, as AuditEntry describes it; "" and None are both NULL."""

    event: str
    outcome: str
    user_id: str | None = None
    session_id: str | None = None
    target_id: str | None = None
    ip_address: str | None = None
    user_agent: str | None = None
    method: str | None = None
    reason: str | None = None
    created_at: Timestamp
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditPage:
    """Some facts, newest first.

    Attributes:
        records: the facts.
        next: what to give as ``after`` for those that are older; None where there are none.
    """

    records: tuple[AuditRecord, ...]
    next: str | None

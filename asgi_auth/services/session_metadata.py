"""What may be shown of a session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from asgi_auth.clock import Timestamp
from asgi_auth.models import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionMetadata:
    """What may be shown of a session: everything but its token."""

    id: str
    user_id: str
    created_at: Timestamp
    updated_at: Timestamp
    expires_at: Timestamp
    ip_address: str
    user_agent: str

    @classmethod
    def of(cls, session: Session) -> Self:
        """What may be shown of this one."""
        return cls(
            id=session.id,
            user_id=session.user_id,
            created_at=session.created_at,
            updated_at=session.updated_at,
            expires_at=session.expires_at,
            ip_address=session.ip_address or "",
            user_agent=session.user_agent or "",
        )

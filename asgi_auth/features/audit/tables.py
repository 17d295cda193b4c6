"""The table of the audit log; it refers to no other, because what happened stays true of users who are gone."""

from __future__ import annotations

from sqlalchemy import Column, Index, MetaData, Table

from asgi_auth.engine.columns import Moment, Text

AUDIT_LOG = Table(
    "auditLog",
    MetaData(),
    Column("id", Text(), primary_key=True),
    Column("event", Text(), nullable=False),
    Column("outcome", Text(), nullable=False),
    Column("userId", Text()),
    Column("sessionId", Text()),
    Column("targetId", Text()),
    Column("ipAddress", Text()),
    Column("userAgent", Text()),
    Column("method", Text()),
    Column("reason", Text()),
    Column("createdAt", Moment(), nullable=False),
    Index("auditLog_userId_createdAt_idx", "userId", "createdAt", "id"),
    Index("auditLog_event_createdAt_idx", "event", "createdAt", "id"),
    Index("auditLog_createdAt_idx", "createdAt", "id"),
    quote=True,
)

"""The tables of keys, name for name Better Auth's, and of refresh tokens, which are ours."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, MetaData, Table

from asgi_auth.engine.columns import Moment, Text

JWKS = Table(
    "jwks",
    MetaData(),
    Column("id", Text(), primary_key=True),
    Column("publicKey", Text(), nullable=False),
    Column("privateKey", Text(), nullable=False),
    Column("createdAt", Moment(), nullable=False),
    Column("expiresAt", Moment()),
    Column("alg", Text()),
    Column("crv", Text()),
    quote=True,
)

JWT_REFRESH_TOKEN = Table(
    "jwtRefreshToken",
    MetaData(),
    Column("id", Text(), primary_key=True),
    Column("tokenHash", Text(), nullable=False),
    # no foreign key: sessions may live elsewhere
    Column("sessionId", Text(), nullable=False),
    Column("userId", Text(), ForeignKey("user.id", ondelete="CASCADE"), nullable=False),
    Column("createdAt", Moment(), nullable=False),
    Column("expiresAt", Moment(), nullable=False),
    Index("jwtRefreshToken_sessionId_idx", "sessionId"),
    Index("jwtRefreshToken_userId_idx", "userId"),
    Index("jwtRefreshToken_expiresAt_idx", "expiresAt", "id"),
    quote=True,
)

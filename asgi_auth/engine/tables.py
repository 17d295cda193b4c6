"""The core tables, name for name Better Auth's, with the columns that features and the application add."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Column, ForeignKey, Index, MetaData, Table, text
from sqlalchemy.sql.elements import TextClause
from sqlalchemy.sql.schema import SchemaItem

from asgi_auth.engine.columns import Flag, Moment, Text, added_column
from asgi_auth.errors import ConfigurationError
from asgi_auth.fields import own_fields
from asgi_auth.models import Session, User

Default = TextClause | None


def build_tables(
    *, has_defaults: bool, user: type[User], session: type[Session], extra: Iterable[Table] = ()
) -> MetaData:
    """All tables of one deployment.

    ``has_defaults`` is for Postgres, where Better Auth's migrator gives creation times a default; on SQLite it does
    not. ``extra`` are the tables of features. Raises ConfigurationError where two have one name.
    """
    metadata = MetaData()
    default = text("CURRENT_TIMESTAMP") if has_defaults else None
    tables = {
        "user": _user(default, user),
        "session": _session(default, session),
        "account": _account(default),
        "verification": _verification(default),
    }
    for name, items in tables.items():
        Table(name, metadata, Column("id", Text(), primary_key=True), *items, quote=True)
    for feature_table in extra:
        if feature_table.name in metadata.tables:
            raise ConfigurationError(f"table {feature_table.name} is there already")
        feature_table.to_metadata(metadata)
    return metadata


def _user(default: Default, user: type[User]) -> list[SchemaItem]:
    return [
        _text("name"),
        Column("email", Text(), nullable=False, unique=True),
        Column("emailVerified", Flag(), nullable=False),
        Column("image", Text()),
        _moment("createdAt", default),
        _moment("updatedAt", default),
        *(added_column(field) for field in own_fields(user, User)),
    ]


def _session(default: Default, session: type[Session]) -> list[SchemaItem]:
    return [
        _moment("expiresAt"),
        Column("token", Text(), nullable=False, unique=True),
        _moment("createdAt", default),
        _moment("updatedAt"),
        Column("ipAddress", Text()),
        Column("userAgent", Text()),
        _owner(),
        *(added_column(field) for field in own_fields(session, Session)),
        Index("session_userId_idx", "userId"),
    ]


def _account(default: Default) -> list[SchemaItem]:
    return [
        _text("accountId"),
        _text("providerId"),
        _owner(),
        Column("accessToken", Text()),
        Column("refreshToken", Text()),
        Column("idToken", Text()),
        Column("accessTokenExpiresAt", Moment()),
        Column("refreshTokenExpiresAt", Moment()),
        Column("scope", Text()),
        Column("password", Text()),
        _moment("createdAt", default),
        _moment("updatedAt"),
        Index("account_userId_idx", "userId"),
    ]


def _verification(default: Default) -> list[SchemaItem]:
    return [
        _text("identifier"),
        _text("value"),
        _moment("expiresAt"),
        _moment("createdAt", default),
        _moment("updatedAt", default),
        Index("verification_identifier_idx", "identifier"),
    ]


def _text(name: str) -> Column[str]:
    return Column(name, Text(), nullable=False)


def _moment(name: str, default: Default = None) -> Column[object]:
    return Column(name, Moment(), nullable=False, server_default=default)


def _owner() -> Column[str]:
    return Column("userId", Text(), ForeignKey("user.id", ondelete="CASCADE"), nullable=False)

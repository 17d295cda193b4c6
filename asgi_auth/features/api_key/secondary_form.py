"""A key's row as Better Auth holds it in its secondary storage (its contract)."""

from __future__ import annotations

from typing import Any

import msgspec
import structlog

from asgi_auth.clock import Clock
from asgi_auth.errors import Unavailable
from asgi_auth.features.api_key.models import KeyName, StoredApiKey
from asgi_auth.fields import fields_of
from asgi_auth.models import decode_hook, frozen, to_json

_logger = structlog.get_logger("asgi_auth.secondary_storage")


def names_of(key: StoredApiKey | KeyName) -> list[str]:
    """Where a key is held: twice the row, and among the ids of its owner's."""
    return [f"api-key:{key.key}", f"api-key:by-id:{key.id}", f"api-key:by-ref:{key.reference_id}"]


def milliseconds_left(key: StoredApiKey, clock: Clock) -> int:
    """For how long a key is held; 0: for ever."""
    return 0 if key.expires_at is None else max(key.expires_at.milliseconds - clock().milliseconds, 1)


def write_key(key: StoredApiKey) -> bytes:
    """The JSON of a row: permissions are text in it, metadata is not."""
    row: dict[str, Any] = {field.wire_name: getattr(key, field.name) for field in fields_of(StoredApiKey)}
    if row["permissions"] is not None:
        row["permissions"] = to_json(row["permissions"]).decode()
    return to_json(row)


def read_key(data: bytes) -> StoredApiKey:
    """The row; what is not there has its default. Raises Unavailable for what is none."""
    try:
        row = msgspec.json.decode(data, type=dict[str, Any])
        for name in ("permissions", "metadata"):
            value = row.get(name)
            row[name] = frozen(msgspec.json.decode(value) if isinstance(value, str) else value)
        given = {field.wire_name: row[field.wire_name] for field in fields_of(StoredApiKey) if field.wire_name in row}
        given |= {"permissions": None, "metadata": None}
        key = msgspec.convert(given, StoredApiKey, dec_hook=decode_hook)
        permissions = msgspec.convert(_thawed(row["permissions"]), dict[str, tuple[str, ...]] | None)
    except (msgspec.MsgspecError, ValueError, TypeError, RecursionError):
        _logger.error("secondary_storage.unreadable", kind="api_key")  # noqa: TRY400  (it would quote the row)
        raise Unavailable from None
    return msgspec.structs.replace(key, permissions=frozen(permissions), metadata=row["metadata"])


def _thawed(value: Any) -> Any:
    return None if value is None else dict(value)

"""The table of keys as anybody sees it, and tokens as they look."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Any

from asgi_auth import Auth, Timestamp
from asgi_auth.crypto.key_pairs import generate_pair
from asgi_auth.features.jwt.models import StoredKey


def part(token: str, number: int) -> dict[str, Any]:
    """The header (0) or the payload (1) of a token, in the order in which they are written."""
    text = token.split(".")[number]
    return dict(json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))))


def kid_of(token: str) -> str:
    return str(part(token, 0)["kid"])


async def rows(auth: Auth) -> Sequence[StoredKey]:
    """All keys, oldest first."""
    return await auth.services.engine.store("jwks", StoredKey).list()


async def add_key(auth: Auth, **fields: Any) -> StoredKey:
    """A key that somebody else has made: for EdDSA, stored as it is, made at the beginning of the year."""
    pair = generate_pair(fields.pop("pair_of", "EdDSA"))
    row = StoredKey(
        **{
            "public_key": json.dumps(dict(pair.public)),
            "private_key": json.dumps(dict(pair.private)),
            "created_at": Timestamp.parse("2026-01-01T00:00:00Z"),
            "alg": pair.algorithm,
            "crv": pair.curve,
            "id": "made-elsewhere",
            **fields,
        }
    )
    await auth.services.engine.store("jwks", StoredKey).add(row)
    return row

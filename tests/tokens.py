"""Tokens that nobody has sent: made with the secret, or forged."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping

from tests.support import SECRET, FrozenClock

HS256: Mapping[str, object] = {"alg": "HS256"}


def jwt(claims: object, *, header: Mapping[str, object] = HS256, secret: str = SECRET) -> str:
    """A JSON Web Token over any claims, with any header, under any secret."""
    signing_input = f"{_part(header)}.{_part(claims)}"
    digest = hmac.new(secret.encode(), signing_input.encode(), hashlib.sha256).digest()
    return f"{signing_input}.{_encoded(digest)}"


def claims(clock: FrozenClock, email: str, user_id: str, **more: object) -> dict[str, object]:
    """What a token to verify an address says, or to change it."""
    now = int(clock().timestamp())
    return {"email": email, "userId": user_id, "iat": now, "exp": now + 3600, **more}


def read(token: str) -> dict[str, object]:
    """The claims of a token, unchecked."""
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def _part(value: object) -> str:
    return _encoded(json.dumps(value, separators=(",", ":")).encode())


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

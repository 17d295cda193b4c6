"""What is stored of keys and of refresh tokens, and what a client is given."""

from __future__ import annotations

from dataclasses import dataclass, field

from asgi_auth.clock import Timestamp
from asgi_auth.models import Record


class StoredKey(Record, frozen=True, kw_only=True):
    """One of our keys, as Better Auth stores it.

    Attributes:
        public_key: a JWK without its secret part, as JSON.
        private_key: the whole JWK as JSON, or a JSON string of its encrypted form.
        created_at: when it was made.
        expires_at: when nothing is signed with it any more; None: never.
        alg: what it signs with; None where nobody wrote it, which stands for the configured algorithm.
        crv: its curve, where it has one.
        id: ``kid`` of what it signs.
    """

    secret_fields = frozenset({"private_key"})

    public_key: str
    private_key: str
    created_at: Timestamp
    expires_at: Timestamp | None = None
    alg: str | None = None
    crv: str | None = None
    id: str


class StoredRefreshToken(Record, frozen=True, kw_only=True):
    """A refresh token and all those that it came from: a family, of which the last one counts.

    Attributes:
        token_hash: of the one that counts.
        session_id: the session it rests on.
        user_id: whose.
        created_at: when the one that counts was given.
        expires_at: when it ends.
        id: the family's.
    """

    secret_fields = frozenset({"token_hash"})

    token_hash: str
    session_id: str
    user_id: str
    created_at: Timestamp
    expires_at: Timestamp
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenPair:
    """What a client goes on with.

    Attributes:
        token: a new JWT.
        refresh_token: what to refresh with the next time; None where the session's token is, as before.
    """

    token: str = field(repr=False)
    refresh_token: str | None = field(default=None, repr=False)

"""What a provider's token endpoint gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from asgi_auth.clock import Timestamp


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """A provider's tokens for one person.

    Attributes:
        access_token: for requests to the provider in that person's name.
        refresh_token: for new access tokens.
        id_token: who it is, signed (OpenID Connect Core, 2); not verified yet.
        access_token_expires_at: None where the provider tells no lifetime.
        refresh_token_expires_at: likewise.
        scopes: what was granted; empty where the provider does not say.
        answer: all that the provider sent.
    """

    access_token: str | None = field(default=None, repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    id_token: str | None = field(default=None, repr=False)
    access_token_expires_at: Timestamp | None = None
    refresh_token_expires_at: Timestamp | None = None
    scopes: tuple[str, ...] = ()
    answer: Mapping[str, object] = field(default_factory=dict, repr=False)

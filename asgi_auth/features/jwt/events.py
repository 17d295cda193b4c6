"""What happens with keys and refresh tokens, as typed facts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SigningKeyCreated:
    """There is a new key; ``kid`` is its id. ``has_ended_others`` where all before it stopped signing at once."""

    kid: str
    algorithm: str
    has_ended_others: bool = False


@dataclass(frozen=True, slots=True)
class RefreshTokenReused:
    """A refresh token came a second time, so that somebody has a copy: its family and its session have ended."""

    user_id: str
    session_id: str

"""How long sessions live."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from asgi_auth.config.options.checks import check_types, require

MAX_COOKIE_LIFETIME = timedelta(days=400)
"""Browsers keep no cookie for longer (RFC 6265bis, 5.5)."""

FreshFor = Literal["email", "password"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOptions:
    """How long sessions live.

    Attributes:
        lifetime: of a session and its cookie (default 7 days, 400 days at most).
        short_lifetime: of a session whose user did not want to be remembered (default 1 day).
        refresh_after: a session used this long after its last refresh is extended to its full lifetime (default
            1 day; zero extends it at each use).
        fresh_for: how long after signing in the routes that ask for a fresh session let it pass (default 1 day;
            zero asks for nothing).
        is_refreshed: whether sessions slide at all (default True).
        defers_refresh: GET /get-session writes nothing and tells the client to POST instead (default False).
        max_per_user: the oldest sessions end when a user has more than this many (default None: no limit).
        require_fresh_for: what asks for a fresh session beside the routes that always do: "password" for changing it,
            "email" for beginning to change the address (default None: both in production, else nothing).
        tracks_activity: ``updatedAt`` follows a session's use, written at most once a minute and never while a
            request waits (default False).
    """

    lifetime: timedelta = timedelta(days=7)
    short_lifetime: timedelta = timedelta(days=1)
    refresh_after: timedelta = timedelta(days=1)
    fresh_for: timedelta = timedelta(days=1)
    is_refreshed: bool = True
    defers_refresh: bool = False
    max_per_user: int | None = None
    require_fresh_for: frozenset[FreshFor] | None = None
    tracks_activity: bool = False

    def __post_init__(self) -> None:
        check_types(self, "session")
        require(
            timedelta(seconds=1) <= self.lifetime <= MAX_COOKIE_LIFETIME,
            "session.lifetime: 1 second to 400 days",
        )
        require(self.short_lifetime >= timedelta(seconds=1), "session.short_lifetime: at least 1 second")
        require(self.refresh_after >= timedelta(), "session.refresh_after: not negative")
        require(self.fresh_for >= timedelta(), "session.fresh_for: not negative")
        require(self.max_per_user is None or self.max_per_user > 0, "session.max_per_user: None or at least 1")

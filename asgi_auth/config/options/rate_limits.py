"""How often clients may ask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from asgi_auth.config.options.checks import check_types, require

LONGEST_WINDOW = timedelta(days=7)
"""Counters older than this are of no use to anybody, and are deleted."""


@dataclass(frozen=True, slots=True)
class RateLimit:
    """So many requests in so much time.

    Attributes:
        most: requests that are let through.
        window: the time they are counted over, 1 second to 7 days.
    """

    most: int
    window: timedelta

    def __post_init__(self) -> None:
        check_types(self, "RateLimit")
        require(self.most > 0, "a rate limit lets at least 1 request through")
        require(timedelta(seconds=1) <= self.window <= LONGEST_WINDOW, "a rate limit's window: 1 second to 7 days")


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimitOptions:
    """How often clients may ask. ``AuthConfig(rate_limits="compatible")`` keeps Better Auth's rules alone.

    Attributes:
        is_enabled: whether anything is limited (default None: everywhere but in testing).
        general: for each address and path that no other rule names (default 100 in 10 seconds).
        rules: for paths below the base path, before all built-in ones; the first that matches counts, None lifts the
            limit (default none). ``*`` stands for any part of a segment, ``?`` for one character of it, ``**`` for
            anything: "/sign-in/*".
        storage: "memory" counts in each process, "database" in the table ``rateLimit`` and "redis" in Redis, for all
            of them (default None: "redis" where there is one, else "memory"). Each process counts what it lets through
            beside a shared storage, and the stricter of both decides: one that goes away, or comes back empty, lifts
            nothing. With ``secondary_storage``, requests are counted in Redis as a Better Auth server counts them.
        failed_sign_ins: wrong passwords and codes from one address; a success neither counts nor clears (default 5
            in 15 minutes; None: unlimited).
        failed_sign_ins_per_account: wrong passwords for one account, whether or not it exists, from all addresses
            together but those that it is signed in from, or was let in or chose a new password from in the last 7
            days: each of these has as many of its own, so that strangers lock nobody out at home, and elsewhere not
            for good (default 20 in an hour; None: unlimited).
        mails_per_address: letters to one address; more are dropped, and whoever asked is not told (default 5 in an
            hour; None: unlimited). A place that the account is known at, as above, has as many more of its own, once
            the address is verified: strangers who ask for letters keep nobody's own away.

    A path's window begins anew with every request that is let through (Better Auth's contract); the windows of the
    last three run from the first one counted. Clients whose address cannot be told share one.
    """

    is_enabled: bool | None = None
    general: RateLimit = RateLimit(100, timedelta(seconds=10))
    rules: Mapping[str, RateLimit | None] = field(default_factory=dict)
    storage: Literal["memory", "database", "redis"] | None = None
    failed_sign_ins: RateLimit | None = RateLimit(5, timedelta(minutes=15))
    failed_sign_ins_per_account: RateLimit | None = RateLimit(20, timedelta(hours=1))
    mails_per_address: RateLimit | None = RateLimit(5, timedelta(hours=1))

    def __post_init__(self) -> None:
        check_types(self, "rate_limits")
        require(all(path.startswith(("/", "*")) for path in self.rules), "rate_limits.rules: paths start with /")

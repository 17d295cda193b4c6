"""What is kept in memory and in Redis so that it need not be read again."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from asgi_auth.config.options.checks import check_types, require

LONGEST_GRACE = timedelta(seconds=30)
"""For how long what is known may count while the database cannot be asked, at most."""


@dataclass(frozen=True, slots=True)
class CacheLifetimes:
    """How long one kind of entry is kept.

    Attributes:
        memory: in this process.
        shared: in Redis, where there is one.
    """

    memory: timedelta
    shared: timedelta

    def __post_init__(self) -> None:
        check_types(self, "CacheLifetimes")
        require(min(self.memory, self.shared) >= timedelta(seconds=1), "CacheLifetimes: at least 1 second each")


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheOptions:
    """What is kept in memory and in Redis so that it need not be read again.

    What is kept is dropped everywhere as soon as it changes, whoever changes it (see ChangeFeed); the lifetimes bound
    memory, not truth. Routes that change credentials or give some away read the database in any case.

    Attributes:
        is_enabled: whether anything is kept (default True).
        max_entries: sessions kept in this process, and as many users; beyond it those go that have not been used for
            long (default 50,000; one session takes less than 2 KB).
        sessions: default 5 minutes in memory, 30 minutes in Redis; never longer than the session itself.
        users: by id and by e-mail address, never with a password (default 5 and 30 minutes).
        unknown_lifetime: how long it is remembered that a token is nobody's (default 10 seconds).
        database_grace: for how long, from the moment at which the database stopped answering, sessions known in memory
            go on, while Redis still tells of revocations (default 30 seconds, which is the most; zero: not at all).
    """

    is_enabled: bool = True
    max_entries: int = 50_000
    sessions: CacheLifetimes = field(
        default_factory=lambda: CacheLifetimes(timedelta(minutes=5), timedelta(minutes=30))
    )
    users: CacheLifetimes = field(default_factory=lambda: CacheLifetimes(timedelta(minutes=5), timedelta(minutes=30)))
    unknown_lifetime: timedelta = timedelta(seconds=10)
    database_grace: timedelta = LONGEST_GRACE

    def __post_init__(self) -> None:
        check_types(self, "cache")
        require(self.max_entries > 0, "cache.max_entries: at least 1")
        require(timedelta() <= self.unknown_lifetime <= timedelta(minutes=5), "cache.unknown_lifetime: 0 to 5 minutes")
        require(timedelta() <= self.database_grace <= LONGEST_GRACE, "cache.database_grace: 0 to 30 seconds")

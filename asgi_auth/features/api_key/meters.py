"""One key's use as this process knows it: the window its requests are counted in, and what is not written yet."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from msgspec import structs

from asgi_auth.clock import Timestamp
from asgi_auth.models import ApiKey, Record

CLOCKS_DIFFER: Final = 60_000
"""Milliseconds by which the clocks of processes may differ; what lies further ahead is of a clock that was wrong."""

_MILLISECOND: Final = timedelta(milliseconds=1)


class KeyUse(Record, frozen=True, kw_only=True):
    """What a key's row says of its use."""

    request_count: int = 0
    last_request: Timestamp | None = None
    updated_at: Timestamp
    id: str


class Uncounted(NamedTuple):
    """What came after the row was written last.

    Attributes:
        requests: those that were counted in the window that is open.
        opens: that window began after the row was written: what the row says is of another one.
    """

    requests: int
    opens: bool


class Limit(NamedTuple):
    """How many requests of a key are let through in how many milliseconds."""

    most: int
    window: int

    @classmethod
    def of(cls, key: ApiKey) -> Limit | None:
        """The limit that a key's own columns say; None where they say none."""
        if not key.rate_limit_enabled or key.rate_limit_max is None or not key.rate_limit_time_window:
            return None
        return cls(key.rate_limit_max, key.rate_limit_time_window)

    @property
    def lease(self) -> int:
        """Requests that one process may hold in advance of those that all processes share: a hundredth, at least 1."""
        return max(self.most // 100, 1)


class Share:
    """What this process has taken in advance of the requests that all processes share.

    Attributes:
        units: what is left of it.
        began: the shared window's moment.
        ends: when it is over; nothing of it counts afterwards.
        drawn: everything that was taken of that window: never more than the limit, whatever is forgotten there.
        is_used_up: there is no more to be taken of it.
        owed: requests of the window that were let through while nobody could be asked, all of them: who is told so
            twice knows that it is the same.
        is_growing: more of it is being asked for.
    """

    __slots__ = ("began", "drawn", "ends", "is_growing", "is_used_up", "owed", "units")

    def __init__(self, *, owed: int = 0) -> None:
        self.units = self.began = self.ends = self.drawn = 0
        self.owed = owed
        self.is_used_up = self.is_growing = False

    def is_open(self, now: int) -> bool:
        """Whether its window is the present one."""
        return self.began - CLOCKS_DIFFER <= now < self.ends

    def use(self, now: int) -> bool:
        """Use one up, if there is one."""
        if not self.began - CLOCKS_DIFFER <= now < self.ends:
            self.units, self.is_used_up = 0, False
        if not self.units:
            return False
        self.units -= 1
        return True

    def add(self, units: int, *, began: int, ends: int) -> None:
        """Take over what was taken of a window."""
        if began >= self.ends:
            self.drawn = 0
        self.units = units + (self.units if self.ends == ends else 0)
        self.began, self.ends = began, ends
        self.drawn += units
        self.is_used_up = not units


class Meter:
    """The use of one key. Moments are milliseconds since 1970.

    Args:
        key: as its row was when it was read.
        limit: how often it may be used; None where it is not limited.
        restarts: the window begins anew with each request (Better Auth's contract), else with its first. A row says
            when the key was used last and nothing of when the window began: of a window found there it is taken to
            have begun with that use, so that no more is ever let through than the limit.

    Attributes:
        count: the requests in the window, of other processes those among them that the row told of.
        own: those that this process has let through in it.
        began: the window's own moment.
        opened: when it was opened; as ``began``, unless windows begin anew with each request.
        ends: when it is over.
        last: when the key was used last; None: never.
        row: what the row said last; a later write rests on it.
        has_counted: this process has let something through.
        share: what it has taken of the window that all processes share.
    """

    __slots__ = (
        "_restarts",
        "_uncounted",
        "began",
        "count",
        "ends",
        "has_counted",
        "id",
        "last",
        "limit",
        "opened",
        "opens",
        "own",
        "row",
        "share",
    )

    def __init__(self, key: ApiKey, *, limit: Limit | None, restarts: bool) -> None:
        self.id = key.id
        self.limit = limit
        self._restarts = restarts
        self.row = use_of(key)
        self.last = None if key.last_request is None else key.last_request.milliseconds
        self.count = key.request_count
        self.own = 0
        self.opened = self.began = self.last or 0
        self.ends = 0 if limit is None else self.began + limit.window
        self.opens = False
        self.has_counted = False
        self.share = Share()
        self._uncounted = 0

    def follow(self, limit: Limit | None) -> None:
        """Go by another limit from now on."""
        if limit == self.limit:
            return
        self.limit = limit
        self.ends = 0 if limit is None else self.began + limit.window
        self.share = Share(owed=self.share.owed)

    def left(self, now: int) -> int:
        """How many more requests are within the limit, as far as this process knows."""
        if self.limit is None:
            return 1
        if self.began - now > CLOCKS_DIFFER:  # the clock was ahead, and has been set right
            self.opened = self.began = now
            self.ends = now + self.limit.window
        return self.limit.most - (self.count if now < self.ends else 0)

    def note(self, now: int) -> None:
        """Count a request that was let through; one without a limit leaves only its moment (contract)."""
        self.last = now
        self.has_counted = True
        if self.limit is None:
            return
        if self.share.is_open(now):
            goes_on = self.share.owed and self.share.began < self.ends  # what was counted alone is part of it
            if self.share.began > self.began and not goes_on:
                self._open(self.share.began)
            self.opened = self.began = self.share.began
        elif now >= self.ends:
            self._open(now)
        if self._restarts:
            self.began = now
        self.ends = self.began + self.limit.window
        self.count += 1
        self.own += 1
        self._uncounted += 1

    def _open(self, moment: int) -> None:
        """Begin a new window."""
        self.count = self.own = self._uncounted = self.share.owed = 0
        self.opened = self.began = moment
        self.opens = True

    def taken(self) -> Uncounted:
        """What is to be written now; ``untaken`` gives it back where that failed."""
        taken = Uncounted(self._uncounted, self.opens)
        self._uncounted, self.opens = 0, False
        return taken

    def untaken(self, taken: Uncounted) -> None:
        """Have it written another time; what belonged to a window that is over meanwhile, is over."""
        if not self.opens:
            self._uncounted += taken.requests
            self.opens = taken.opens

    def learn(self, row: KeyUse) -> None:
        """Take over what the row says after a write of ours: what others have counted is in it."""
        self.row = row
        if not self.opens:
            self.count = max(self.own, row.request_count + self._uncounted)

    def after(self, row: KeyUse, taken: Uncounted) -> KeyUse:
        """What the row has to say once this has been counted there."""
        last, told = self.last or 0, _last_of(row)
        # what lies far ahead, somebody has written whose clock was wrong
        moment = moment_of(max(last, told if told - last <= CLOCKS_DIFFER else 0))
        count = taken.requests + (self._counted_by(row) if taken.opens else row.request_count)
        return KeyUse(id=self.id, request_count=count, last_request=moment, updated_at=moment)

    def _counted_by(self, row: KeyUse) -> int:
        """What others have counted in the row of a window that has just begun here."""
        last = _last_of(row)
        if self._restarts:  # they may have used the key when we knew of no use
            is_same = self.limit is not None and last + self.limit.window > self.opened
            return row.request_count if is_same else 0
        if last < self.opened:
            return 0
        seen = self.row.request_count
        # Without anything shared their windows are others, which may have begun anew as well or not yet.
        is_other = not self.share.ends and row.request_count >= seen
        return row.request_count - seen if is_other else row.request_count

    def shown(self, key: ApiKey) -> KeyUse:
        """What the row would say if everything had been written at once; ``key`` may have been read long ago."""
        row = max(use_of(key), self.row, key=lambda each: (_last_of(each), each.request_count))
        if not self.has_counted:
            return row
        use = self.after(row, Uncounted(self._uncounted, self.opens))
        count = use.request_count
        if not self.opens and _last_of(row) < self.ends:  # what is being written now is in neither
            count = self.count if _last_of(row) < self.opened else max(self.count, count)
        return structs.replace(use, request_count=count, updated_at=max(use.updated_at, row.updated_at))


def use_of(key: ApiKey) -> KeyUse:
    """What a key's row says of its use."""
    return KeyUse(id=key.id, request_count=key.request_count, last_request=key.last_request, updated_at=key.updated_at)


def _last_of(row: KeyUse) -> int:
    return 0 if row.last_request is None else row.last_request.milliseconds


def moment_of(milliseconds: int) -> Timestamp:
    """A moment that was counted with, as rows have it."""
    return Timestamp.of(datetime.fromtimestamp(0, UTC) + milliseconds * _MILLISECOND)

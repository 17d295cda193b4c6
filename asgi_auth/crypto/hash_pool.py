"""Password hashing off the event loop: a bounded pool of its own, so that only sign-ins queue."""

from __future__ import annotations

import asyncio
import functools
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter
from typing import Generic, Literal

from passlib.context import CryptContext

from asgi_auth.crypto.passwords import password_context
from asgi_auth.crypto.workers import BoundedWorkers, Result
from asgi_auth.errors import Overloaded

Operation = Literal["hash", "verify"]


@dataclass(frozen=True, slots=True)
class PasswordCheck:
    """Whether the password is right; ``replacement`` is the hash to store instead of an outdated one."""

    is_valid: bool
    replacement: str | None = field(default=None, repr=False)


class PasswordHasher:
    """Hashes and verifies passwords in threads of its own, from any event loop.

    ``workers`` is how many hashes are computed at a time, by default one per usable CPU; each holds 32 MiB at
    the default cost. While all are busy ``max_queue`` more calls wait, and further ones are refused at once:
    with hashes of a tenth of a second, 64 waiting for two workers are three seconds. ``context`` is
    ``password_context()`` if not given.

    The rest is for metrics, and called on the event loop: ``on_queue`` with the number of waiting calls whenever that
    may have changed; ``on_done`` with "hash" or "verify", the seconds that a call waited for a worker and the seconds
    that it then took; ``on_refused`` when a call is refused.
    """

    def __init__(
        self,
        *,
        workers: int | None = None,
        max_queue: int = 64,
        context: CryptContext | None = None,
        on_queue: Callable[[int], None] | None = None,
        on_done: Callable[[Operation, float, float], None] | None = None,
        on_refused: Callable[[], None] | None = None,
    ) -> None:
        self._workers = BoundedWorkers(
            workers=_usable_cpus() if workers is None else workers, max_queue=max_queue, name="asgi_auth-hash"
        )
        self._context = password_context() if context is None else context
        self._on_queue = on_queue
        self._on_done = on_done
        self._on_refused = on_refused

    async def hash(self, password: str) -> str:
        """A new hash of the password.

        Raises Overloaded if too many calls wait, and what ``PasswordContext.hash`` raises.
        """
        return await self._run("hash", functools.partial(_hash, self._context, password))

    async def verify(self, password: str, stored: str | None) -> PasswordCheck:
        """Whether ``stored`` is a hash of the password; None, for an account that is not there, is invalid.

        So is a hash that cannot be read; both take the time of a real verification. A hash of another scheme or
        cost takes its own time until its first successful use replaces it. Raises Overloaded if too many calls
        wait.
        """
        return await self._run("verify", functools.partial(_verify, self._context, password, stored))

    async def close(self) -> None:
        """Wait for the work accepted so far and end the threads; they start again with the next call."""
        await asyncio.to_thread(self.close_blocking)

    def close_blocking(self) -> None:
        """As ``close``, for where no event loop runs."""
        self._workers.close()

    async def _run(self, operation: Operation, work: Callable[[], Result]) -> Result:
        timed = _Timed(work)
        try:
            future = self._workers.submit(timed)
        except Overloaded:
            if self._on_refused is not None:
                self._on_refused()
            raise
        self._tell_queue()
        try:
            # cancelling the task cancels waiting work; running work keeps its slot until it is done
            return await asyncio.wrap_future(future)
        finally:
            self._tell_queue()
            if self._on_done is not None and timed.ended is not None:
                self._on_done(operation, timed.began - timed.submitted, timed.ended - timed.began)

    def _tell_queue(self) -> None:
        if self._on_queue is not None:
            self._on_queue(self._workers.waiting)


@dataclass(slots=True)
class _Timed(Generic[Result]):
    """Work that notes when it was handed over, began and ended."""

    work: Callable[[], Result] = field(repr=False)
    submitted: float = field(default_factory=perf_counter)
    began: float = 0.0
    ended: float | None = None

    def __call__(self) -> Result:
        self.began = perf_counter()
        try:
            return self.work()
        finally:
            self.ended = perf_counter()


def _hash(context: CryptContext, password: str) -> str:
    return str(context.hash(password))  # type: ignore[no-untyped-call]


def _verify(context: CryptContext, password: str, stored: str | None) -> PasswordCheck:
    try:
        return PasswordCheck(*context.verify_and_update(password, stored))  # type: ignore[no-untyped-call]
    except ValueError:  # how a context other than ours answers a hash it cannot read
        context.dummy_verify()  # type: ignore[no-untyped-call]
        return PasswordCheck(is_valid=False)


def _usable_cpus() -> int:
    """The CPUs this process may run on, where the system tells; otherwise those of the machine."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity is not None else os.cpu_count() or 1

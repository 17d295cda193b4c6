"""A few threads with a bounded queue: what would block the event loop runs here, or is refused."""

from __future__ import annotations

import contextlib
import math
import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import TypeVar

from asgi_auth.errors import Overloaded

Result = TypeVar("Result")

_NICENESS = 10


class BoundedWorkers:
    """Runs at most ``workers`` calls at a time while at most ``max_queue`` more wait.

    Threads start with the first call, and again after ``close``. They are daemons, so that none keeps the
    interpreter from exiting, and on Linux they give way to the event loop by a niceness of 10.
    """

    def __init__(self, *, workers: int, max_queue: int, name: str) -> None:
        if workers < 1 or max_queue < 0:
            raise ValueError("at least one worker, and a queue of zero or more")
        self._workers = workers
        self._capacity = workers + max_queue
        self._name = name
        self._lock = threading.Lock()
        self._mean_seconds = 0.1
        self._crew: _Crew | None = None

    @property
    def waiting(self) -> int:
        """How many calls wait for a free worker."""
        crew = self._crew
        return 0 if crew is None else max(0, crew.unfinished - self._workers)

    def submit(self, work: Callable[[], Result]) -> Future[Result]:
        """Have a worker run ``work``; it never runs if cancelled before it began.

        Raises Overloaded while nobody has room for it, or if no threads can be started.
        """
        future: Future[Result] = Future()
        with self._lock:
            crew = self._find_or_start_crew()
            if crew.unfinished >= self._capacity:
                raise Overloaded(retry_after=self._seconds_of_work(crew))
            crew.unfinished += 1
            crew.jobs.put(lambda: self._run(work, future))
        future.add_done_callback(lambda _: self._finish(crew))
        return future

    def close(self) -> None:
        """Wait until all work accepted so far is done, and end the threads."""
        with self._lock:
            crew, self._crew = self._crew, None
        if crew is not None:
            crew.dismiss()
            for thread in crew.threads:
                thread.join()

    def _find_or_start_crew(self) -> _Crew:
        # threads do not survive a fork: the crew of the parent is of no use to the child
        if self._crew is None or self._crew.pid != os.getpid():
            self._crew = self._start_crew()
        return self._crew

    def _start_crew(self) -> _Crew:
        crew = _Crew()
        try:
            for number in range(self._workers):
                name = f"{self._name}-{number}"
                thread = threading.Thread(target=_serve, args=(crew.jobs,), name=name, daemon=True)
                thread.start()
                crew.threads.append(thread)
        except RuntimeError as error:  # the system has no more threads to give
            crew.dismiss()
            raise Overloaded from error
        return crew

    def _run(self, work: Callable[[], Result], future: Future[Result]) -> None:
        began = time.perf_counter()
        _run(work, future)
        # A moving average; threads may overwrite one another's share of it, which does no harm.
        self._mean_seconds += (time.perf_counter() - began - self._mean_seconds) / 8

    def _seconds_of_work(self, crew: _Crew) -> int:
        """How long what is waiting will take, in whole seconds."""
        return max(1, math.ceil(crew.unfinished * self._mean_seconds / self._workers))

    def _finish(self, crew: _Crew) -> None:
        with self._lock:
            crew.unfinished -= 1


@dataclass(slots=True)
class _Crew:
    """The threads of one run, and what they have not finished yet."""

    jobs: SimpleQueue[Callable[[], None] | None] = field(default_factory=SimpleQueue)
    threads: list[threading.Thread] = field(default_factory=list)
    unfinished: int = 0
    pid: int = field(default_factory=os.getpid)

    def dismiss(self) -> None:
        """Have each thread end once the jobs before are done."""
        for _ in self.threads:
            self.jobs.put(None)


def _serve(jobs: SimpleQueue[Callable[[], None] | None]) -> None:
    _give_way()
    while (job := jobs.get()) is not None:
        job()
        del job  # it holds a password, and the next may be long in coming


def _run(work: Callable[[], Result], future: Future[Result]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = work()
    except BaseException as error:  # noqa: BLE001 - it belongs to whoever waits; the thread lives on
        future.set_exception(error)
    else:
        future.set_result(result)


def _give_way() -> None:
    """Lower this thread's own priority; Linux alone knows priorities of threads."""
    if sys.platform == "linux":
        thread = threading.get_native_id()
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + _NICENESS)

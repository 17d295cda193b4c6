"""What changes in PostgreSQL, as its triggers tell of it by notifications."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from functools import partial
from time import monotonic
from typing import Any, Final

import msgspec

from asgi_auth.engine.change_feed.feed import CannotTell, Lost, RecordFeed
from asgi_auth.engine.change_feed.postgres_line import Line
from asgi_auth.engine.change_feed.postgres_triggers import Fetch, State, complaint, read_state
from asgi_auth.infrastructure.change_feed.base import TRUSTED_FOR, Change, FeedObserver, Watch

CONNECT_TIMEOUT: Final = 5.0
"""Seconds for which one try to get in may take."""

LAST_MOMENT: Final = 0.5
"""Seconds for which whoever closes the feed waits for a try that is under way."""

BEAT_EVERY: Final = 0.25
"""Seconds between two proofs that everything has been heard."""

BEAT_TIMEOUT: Final = 0.7
"""Seconds after which a server that has not answered one is taken for silent."""

UNREACHABLE_AFTER: Final = 0.5
"""Seconds after which a server that lets nobody in yet is told to be unreachable, while we go on knocking."""

VERIFY_EVERY: Final = 10.0
"""Seconds between two looks at whether the triggers are still there."""

_CONNECTION_CLASS: Final = "08"

Connect = Callable[[], Awaitable[Any]]


class Message(msgspec.Struct, frozen=True):
    """What a trigger says."""

    schema: str
    table: str
    keys: tuple[str, ...]
    new: bool


class PostgresFeed(RecordFeed):
    """A connection of its own that listens; every process of every program that writes is heard.

    Args:
        connect: opens a connection outside of the pool.
        watches: the tables that are told of.
    """

    name = "postgres"

    def __init__(self, connect: Connect, watches: Collection[Watch]) -> None:
        super().__init__()
        self._connect = connect
        self._watches = tuple(watches)
        self._decoder = msgspec.json.Decoder(Message)
        self._schemas: dict[str, str] = {}

    async def _listen(self, observer: FeedObserver) -> None:
        async with self._opened(observer) as connection:
            line = Line(connection, partial(self._hear, observer))
            before = await self._verify(line.fetch)
            await line.listen()
            async with self._opened(observer) as other:
                await line.prove(other)
            self._connected(observer)
            await self._keep_vouching(line, observer, before)

    async def _keep_vouching(self, line: Line, observer: FeedObserver, before: State) -> None:
        verified = monotonic()
        while True:
            sent = await line.beat(within=BEAT_TIMEOUT)
            observer.vouch(self.name, until=sent + TRUSTED_FOR)
            if sent - verified > VERIFY_EVERY:
                now = await self._verify(partial(line.fetch, within=BEAT_TIMEOUT))
                if now.versions != before.versions:
                    raise Lost("triggers were put aside for a while")
                verified = monotonic()
            await line.pause(BEAT_EVERY)

    async def _verify(self, fetch: Fetch) -> State:
        state = await read_state(fetch, self._watches)
        wrong = complaint(state, self._watches)
        if wrong is not None:
            raise CannotTell(wrong)
        self._schemas = state.schemas
        return state

    def _hear(self, observer: FeedObserver, payload: str) -> None:
        try:
            message = self._decoder.decode(payload)
        except (msgspec.MsgspecError, RecursionError):
            # Anybody may speak on the channel. Whoever speaks it badly may have meant anything.
            observer.deliver(self.name, [Change(watch.table) for watch in self._watches])
            return
        if self._schemas.get(message.table) == message.schema:
            observer.deliver(self.name, [Change(message.table, message.keys, is_new=message.new)])

    @asynccontextmanager
    async def _opened(self, observer: FeedObserver) -> AsyncIterator[Any]:
        connection = await self._open(observer)
        try:
            yield connection
        finally:
            connection.terminate()
            await asyncio.sleep(0)  # its socket is closed in the next turn of the loop

    async def _open(self, observer: FeedObserver) -> Any:
        loop = asyncio.get_running_loop()
        verdict = loop.call_later(UNREACHABLE_AFTER, partial(observer.lost, self.name, is_unreachable=True))
        try:
            return await _connected_in_time(self._connect)
        except Exception as error:  # noqa: BLE001  (asyncpg's messages may quote the URL)
            raise Lost(type(error).__name__, is_unreachable=_is_out_of_reach(error)) from None
        finally:
            verdict.cancel()


async def _connected_in_time(connect: Connect) -> Any:
    """What ``connect`` opens; asyncpg loses its socket if interrupted just then, so it is given a moment."""
    task = asyncio.ensure_future(connect())
    try:
        await asyncio.wait({task}, timeout=CONNECT_TIMEOUT)
    except asyncio.CancelledError:
        await asyncio.wait({task}, timeout=LAST_MOMENT)
        if task.done() and not task.cancelled() and task.exception() is None:
            task.result().terminate()
        raise
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task})
    if task.cancelled():
        raise TimeoutError
    return task.result()


def _is_out_of_reach(error: Exception) -> bool:
    """Whether nothing answered at all; a server that only refuses us may still serve whoever writes."""
    state = getattr(error, "sqlstate", None)
    return isinstance(error, OSError | TimeoutError) or (isinstance(state, str) and state.startswith(_CONNECTION_CLASS))

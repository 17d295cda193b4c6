"""The feed over Redis: every process that writes by our rules publishes, every process listens."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from time import monotonic
from typing import Any, Final

import structlog

from asgi_auth.errors import Unavailable
from asgi_auth.infrastructure.change_feed.base import TRUSTED_FOR, Change, FeedObserver
from asgi_auth.infrastructure.change_feed.message import Envelope, changes_of
from asgi_auth.infrastructure.redis_client import RedisClient

HEARTBEAT: Final = 0.25
"""Seconds between two signs of life that are asked for."""

UNANSWERED: Final = 4
"""Heartbeats without an echo after which the connection is given up."""

LONGEST_PAUSE: Final = 2.0
"""Seconds between two tries to connect, at most."""

COMPLAINS_EVERY: Final = 60.0
"""Seconds between two lines in the log about messages that are not ours."""

Deliver = Callable[[FeedObserver, bytes], None]

_logger = structlog.get_logger("asgi_auth.change_feed")


class RedisFeed:
    """Changes over one channel of Redis; see ChangeFeed.

    A PING on the subscribed connection is answered after everything that was published before it has been sent there:
    its answer proves that nothing is missing up to the moment at which it was asked. Messages without the code of one
    of our secrets are ignored: who else can write to Redis can tell us nothing.

    Args:
        client: the Redis.
        keys: made of each configured secret, newest first, 32 bytes each.
    """

    name = "redis"

    def __init__(self, client: RedisClient, *, keys: Sequence[bytes]) -> None:
        self._client = client
        self._channel = f"{client.prefix}:changes:{client.database}"
        self._envelope = Envelope(keys, channel=self._channel)
        self._sender = secrets.token_bytes(8)
        self._listening: asyncio.Task[None] | None = None
        self._complained_at = float("-inf")
        self._trouble: str | None = None

    async def start(self, observer: FeedObserver) -> None:
        """See ChangeFeed."""
        task, loop = self._listening, asyncio.get_running_loop()
        if task is None or task.done() or task.get_loop() is not loop:
            self._listening = loop.create_task(self._listen(observer), name="asgi_auth feed of redis")

    async def publish(self, changes: Sequence[Change]) -> None:
        """See ChangeFeed."""
        with suppress(Unavailable):  # the client has said so
            await self._client.command("PUBLISH", self._channel, self._envelope.seal(changes, sender=self._sender))

    async def close(self) -> None:
        """See ChangeFeed."""
        task, self._listening = self._listening, None
        if task is not None and not task.done() and task.get_loop() is asyncio.get_running_loop():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _listen(self, observer: FeedObserver) -> None:
        pause = HEARTBEAT
        while True:
            ear = _Ear(self._client.connection(), self._channel, observer, self._deliver)
            try:
                await ear.hear()
            except Exception as error:  # noqa: BLE001  (whatever is wrong, nothing is heard)
                self._report(error, ear, observer)
            finally:
                await ear.close()
            pause = HEARTBEAT if ear.has_heard else min(2 * pause, LONGEST_PAUSE)
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311  (spreads load, hides nothing)

    def _report(self, error: Exception, ear: _Ear, observer: FeedObserver) -> None:
        name = type(error).__name__
        if ear.has_heard or name != self._trouble:
            self._trouble = name
            _logger.warning("change_feed.retrying", feed=self.name, reason=name, was_connected=ear.has_heard)
        if name == "NoPermissionError":
            observer.unusable(self.name, "Redis does not let this user SUBSCRIBE and PING on our channel")
        else:
            observer.lost(self.name, is_unreachable=isinstance(error, OSError | TimeoutError))

    def _deliver(self, observer: FeedObserver, message: bytes) -> None:
        letter = self._envelope.open(message)
        if letter is None:
            self._complain()
        elif letter.sender != self._sender:
            observer.deliver(self.name, changes_of(letter))

    def _complain(self) -> None:
        if monotonic() > self._complained_at + COMPLAINS_EVERY:
            self._complained_at = monotonic()
            _logger.warning(
                "change_feed.unreadable_message",
                feed=self.name,
                consequence="it is ignored; do all processes on this Redis and prefix have the same secrets?",
            )


class _Ear:
    """One connection that listens, from its opening to its end."""

    def __init__(self, connection: Any, channel: str, observer: FeedObserver, deliver: Deliver) -> None:
        self._connection = connection
        self._channel = channel
        self._observer = observer
        self._deliver = deliver
        self._sent: dict[int, float] = {}
        self._beats = 0
        self.has_heard = False

    async def hear(self) -> None:
        """Listen until it fails; always raises."""
        async with asyncio.timeout(TRUSTED_FOR):
            await self._connection.connect()
            await self._connection.send_command("SUBSCRIBE", self._channel)
            await self._connection.read_response()
        reading = asyncio.get_running_loop().create_task(self._read())
        try:
            while not reading.done():
                await self._beat()
                await asyncio.wait({reading}, timeout=HEARTBEAT)
            await reading
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def close(self) -> None:
        """Hang up."""
        await self._connection.disconnect(nowait=True)

    async def _beat(self) -> None:
        # Counted in beats and not in seconds: between two of them the event loop has read what had arrived.
        if len(self._sent) >= UNANSWERED:
            raise TimeoutError
        self._beats += 1
        self._sent[self._beats] = monotonic()
        await self._connection.send_command("PING", str(self._beats), check_health=False)

    async def _read(self) -> None:
        while True:
            kind, *rest = await self._connection.read_response()
            if kind == b"message":
                self._deliver(self._observer, rest[-1])
            elif kind == b"pong":
                self._echoed(int(rest[0]))

    def _echoed(self, beat: int) -> None:
        sent = self._sent[beat]
        self._sent = {later: moment for later, moment in self._sent.items() if later > beat}
        if not self.has_heard:
            self.has_heard = True
            self._observer.connected(RedisFeed.name)
        self._observer.vouch(RedisFeed.name, until=sent + TRUSTED_FOR)

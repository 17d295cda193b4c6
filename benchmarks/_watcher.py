"""A process that knows sessions and notes when each of them is refused: ``python -m benchmarks._watcher``."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from asgi_auth import Auth, RedisOptions, auth_context
from asgi_auth.asgi.types import ASGIApp, Message, Receive, Scope, Send
from benchmarks import _apps

LOOKS_EVERY = 0.0005
PATIENCE = 60.0
"""Seconds after which a session that is not known, or not refused, ends the benchmark."""
_LONGEST_LINE = 1 << 24


@dataclass(frozen=True, slots=True)
class Refusals:
    """What one process has seen.

    Attributes:
        at: when it first refused each session, by the clock that all processes of a machine share.
        statements: SQL run for each session meanwhile.
    """

    at: list[float]
    statements: float


def build(place: dict[str, str]) -> Auth:
    """An Auth on the database of a place, and on its Redis where it has one."""
    if "redis" not in place:
        return _apps.build_auth(place["url"])
    return _apps.build_auth(place["url"], redis=place["redis"], redis_options=RedisOptions(prefix=place["prefix"]))


class Watcher:
    """The other end: a process that is told what to know, and tells what it saw."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def know(self, place: dict[str, str], cookies: Sequence[str]) -> None:
        """Begin; returns at once."""
        line = json.dumps({"place": place, "cookies": list(cookies)}).encode()
        self._write(line + b"\n")

    async def is_ready(self) -> None:
        """Returns when it knows all of them without asking anybody."""
        await self._read()

    async def refusals(self) -> Refusals:
        """Returns when it has refused all of them."""
        return Refusals(**await self._read())

    def _write(self, line: bytes) -> None:
        if self._process.stdin is not None:
            self._process.stdin.write(line)

    async def _read(self) -> Any:
        line = b"" if self._process.stdout is None else await self._process.stdout.readline()
        if not line:
            raise RuntimeError("a watching process has ended")
        return json.loads(line)


@asynccontextmanager
async def watchers(count: int) -> AsyncIterator[list[Watcher]]:
    """So many of them, gone after the block."""
    command = [sys.executable, "-m", "benchmarks._watcher"]
    pipe = asyncio.subprocess.PIPE
    async with AsyncExitStack() as stack:
        started = []
        for _ in range(count):
            process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, limit=_LONGEST_LINE)
            stack.push_async_callback(_end, process)
            started.append(Watcher(process))
        yield started


async def _end(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.terminate()
    await process.wait()


async def _tell(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001  (an ASGI application)
    await send({"type": "told", "is_known": auth_context(scope).is_authenticated})


async def _receive() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _is_known(app: ASGIApp, scope: Scope) -> bool:
    """Whether the wrapped application is told that somebody is there."""
    told: list[Message] = []

    async def send(message: Message) -> None:
        told.append(message)

    await app({**scope}, _receive, send)
    return bool(told[0].get("is_known"))


async def _know(auth: Auth, app: ASGIApp, scopes: Sequence[Scope]) -> None:
    """Ask for each until none of them costs a statement: now they are known in memory."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        with auth.services.engine.recorded() as recorded:
            known = [await _is_known(app, scope) for scope in scopes]
        if all(known) and not recorded:
            return
        await asyncio.sleep(0.05)
    raise RuntimeError("sessions are not kept in memory here")


async def _refused_at(app: ASGIApp, scope: Scope) -> float:
    until = time.monotonic() + PATIENCE
    while await _is_known(app, scope):
        if time.monotonic() > until:
            raise RuntimeError("a revoked session is still known")
        await asyncio.sleep(LOOKS_EVERY)
    return time.monotonic()


async def _watch() -> None:
    told = json.loads(sys.stdin.readline())
    auth = build(told["place"])
    app = auth.wrap(_tell)
    scopes = [_apps.Request(headers=((b"cookie", cookie.encode()),)).scope for cookie in told["cookies"]]
    async with auth.lifespan():
        await _know(auth, app, scopes)
        print("{}", flush=True)
        with auth.services.engine.recorded() as recorded:
            at = [await _refused_at(app, scope) for scope in scopes]
        print(json.dumps({"at": at, "statements": len(recorded) / len(scopes)}), flush=True)


if __name__ == "__main__":
    _apps.quieten()
    asyncio.run(_watch())

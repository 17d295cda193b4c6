"""A gate in front of a server: a TCP port that can be opened, shut and silenced while somebody talks through it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from tests.servers.machine import free_port

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Gate:
    """Port ``port`` of 127.0.0.1, leading to the server at ``target``; shut at first.

    ``knocks`` counts the connections that were accepted.
    """

    def __init__(self, target: tuple[str, int]) -> None:
        self.port = free_port()
        self.knocks = 0
        self._target = target
        self._server: asyncio.Server | None = None
        self._streams: set[asyncio.StreamWriter] = set()
        self._manner = "open"

    async def open(self) -> None:
        """Let connections through."""
        await self._listen("open")

    async def refuse(self) -> None:
        """Accept connections and hang up at once."""
        await self._listen("refusing")

    async def silence(self) -> None:
        """Accept connections, old and new ones, and let nothing through."""
        await self._listen("silent")

    async def shut(self) -> None:
        """End all connections and accept none."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in tuple(self._streams):
            writer.transport.abort()
        while self._streams:  # noqa: ASYNC110  (each leaves in its own time)
            await asyncio.sleep(0.001)

    async def _listen(self, manner: str) -> None:
        self._manner = manner
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.knocks += 1
        self._streams.add(writer)
        try:
            if self._manner != "refusing":
                await self._pass_on(reader, writer)
        finally:
            writer.transport.abort()
            self._streams.discard(writer)

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection(*self._target)
        directions = [
            asyncio.create_task(direction)
            for direction in self._directions((reader, writer), (there_reader, there_writer))
        ]
        try:
            await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for direction in directions:
                direction.cancel()
            await asyncio.gather(*directions, return_exceptions=True)
            there_writer.transport.abort()

    def _directions(self, here: Streams, there: Streams) -> tuple[Coroutine[Any, Any, None], ...]:
        return self._pump(here[0], there[1]), self._pump(there[0], here[1])

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                if self._manner != "silent":
                    writer.write(data)
                    await writer.drain()

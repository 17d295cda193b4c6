"""Poolers in front of PostgreSQL, as far as notifications see them: lost always, or while nothing is asked."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from tests.engine.gate import Gate

NOTIFICATION = b"A"
READY = b"Z"


class Muffler(Gate):
    """A gate that lets no notification through; with ``while_idle`` none outside of an answer.

    The latter is what a pooler in transaction mode does with a client that happens to get the same server each time.
    Connections through it must not be encrypted.
    """

    def __init__(self, target: tuple[str, int], *, while_idle: bool) -> None:
        super().__init__(target)
        self._while_idle = while_idle

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection(*self._target)
        asked = [0]
        directions = [
            asyncio.create_task(self._questions(reader, there_writer, asked)),
            asyncio.create_task(self._answers(there_reader, writer, asked)),
        ]
        try:
            await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for direction in directions:
                direction.cancel()
            await asyncio.gather(*directions, return_exceptions=True)
            there_writer.transport.abort()

    async def _questions(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asked: list[int]) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            length = await reader.readexactly(4)
            writer.write(length + await reader.readexactly(int.from_bytes(length) - 4))
            asked[0] += 1
            while True:
                kind, message = await _message(reader)
                asked[0] += kind in (b"Q", b"S")
                writer.write(message)

    async def _answers(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asked: list[int]) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            while True:
                kind, message = await _message(reader)
                asked[0] -= kind == READY
                is_lost = kind == NOTIFICATION and (asked[0] == 0 or not self._while_idle)
                if not is_lost:
                    writer.write(message)


async def _message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await reader.readexactly(5)
    return head[:1], head + await reader.readexactly(int.from_bytes(head[1:]) - 4)

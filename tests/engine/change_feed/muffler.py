"""Poolers in front of PostgreSQL, as far as notifications see them: lost always, or while nothing is asked."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from tests.engine.gate import Gate, Streams

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

    def _directions(self, here: Streams, there: Streams) -> tuple[Coroutine[Any, Any, None], ...]:
        asked = [0]
        return self._questions(here[0], there[1], asked), self._answers(there[0], here[1], asked)

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

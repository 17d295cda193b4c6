"""The DevTools protocol over one WebSocket: commands are answered by number, events wait to be asked for."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed


class DevToolsError(Exception):
    """The browser refused a command, a script threw, or the browser is gone."""


class DevTools:
    """One connection to a browser; `send` may be called from several tasks at a time."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._waiting: dict[tuple[str, str], list[asyncio.Future[dict[str, Any]]]] = {}

    async def send(self, method: str, *, session: str | None = None, **params: Any) -> dict[str, Any]:
        """The result of a command to one page (its session) or to the browser; DevToolsError if refused."""
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        message = {"id": number, "method": method, "params": params}
        await self._socket.send(json.dumps(message | ({"sessionId": session} if session else {})))
        try:
            return await asyncio.wait_for(answer, timeout=30)
        finally:
            del self._answers[number]

    def expect(self, event: str, *, session: str) -> asyncio.Future[dict[str, Any]]:
        """A future of the parameters of the next such event."""
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault((event, session), []).append(future)
        return future

    async def read(self) -> None:
        """Hand out what the browser says until the connection ends."""
        with suppress(ConnectionClosed):
            async for message in self._socket:
                self._hand_out(json.loads(message))
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(DevToolsError("the browser closed the connection"))

    def _hand_out(self, message: dict[str, Any]) -> None:
        if "id" not in message:
            for future in self._waiting.pop((message["method"], message.get("sessionId", "")), []):
                if not future.done():
                    future.set_result(message["params"])
            return
        answer = self._answers.get(message["id"])
        if answer is None or answer.done():
            return
        if "error" in message:
            answer.set_exception(DevToolsError(message["error"]["message"]))
        else:
            answer.set_result(message["result"])


@asynccontextmanager
async def devtools(url: str) -> AsyncIterator[DevTools]:
    """A connection to the browser that listens at this `ws:` URL."""
    async with connect(url, max_size=None, proxy=None, compression=None, ping_interval=None) as socket:
        tools = DevTools(socket)
        reading = asyncio.create_task(tools.read())
        try:
            yield tools
        finally:
            reading.cancel()
            with suppress(asyncio.CancelledError):
                await reading

"""One exchange with an ASGI application, event by event: for what no HTTP client would send."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from dataclasses import dataclass, field

from asgi_auth.asgi.types import ASGIApp, Message, Scope

Pairs = Iterable[tuple[str, str]]

CONNECT: Message = {"type": "websocket.connect"}
DENIAL_EXTENSION = {"websocket.http.response": {}}


@dataclass
class Exchange:
    """What an application sent."""

    sent: list[Message] = field(default_factory=list)

    @property
    def types(self) -> list[str]:
        return [message["type"] for message in self.sent]

    @property
    def start(self) -> Message:
        return next(message for message in self.sent if message["type"].endswith((".start", ".accept")))

    @property
    def status(self) -> int:
        return self.start["status"]

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent)

    def json(self) -> object:
        return json.loads(self.body)

    def header(self, name: str) -> list[str]:
        """Every value of a header."""
        return [value.decode("latin-1") for key, value in self.start["headers"] if key == name.encode()]


def http(method: str = "GET", path: str = "/", headers: Pairs = (), **more: object) -> Scope:
    """A scope as a server makes it, with a Host unless one is given."""
    return _scope("http", path, headers) | {"method": method} | more


def websocket(path: str = "/", headers: Pairs = (), **more: object) -> Scope:
    """The scope of a handshake; it has no method."""
    return _scope("websocket", path, headers) | {"scheme": "ws", "subprotocols": [], "extensions": {}} | more


def _scope(kind: str, path: str, headers: Pairs) -> Scope:
    given = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    if not any(name == b"host" for name, _ in given):
        given.append((b"host", b"app.test"))
    return {
        "type": kind,
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": given,
        "client": ("203.0.113.7", 40000),
        "server": ("app.test", 80),
    }


def request(body: bytes = b"", *, more: bool = False) -> Message:
    """One piece of a body."""
    return {"type": "http.request", "body": body, "more_body": more}


async def exchange(app: ASGIApp, scope: Scope, *events: Message) -> Exchange:
    """Run an application on a scope; after the given events nothing more arrives, as on an open connection."""
    left = list(events) or [request() if scope["type"] == "http" else dict(CONNECT)]
    exchanged = Exchange()

    async def receive() -> Message:
        if left:
            return left.pop(0)
        return await asyncio.Future()

    async def send(message: Message) -> None:
        exchanged.sent.append(dict(message))

    async with asyncio.timeout(10):
        await app(scope, receive, send)
    return exchanged

"""What tests share: a clock that stands still, an application that tells who asks, clients like browsers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import httpx

from asgi_auth import Auth, Timestamp, auth_context
from asgi_auth.asgi.types import ASGIApp, Receive, Scope, Send
from asgi_auth.models import to_json

PATIENCE = 60
BASE_URL = "http://app.test"
SECRET = "a-secret-that-is-long-enough-for-tests-0123456789"
PASSWORD = "correct horse battery"
ADA = {"name": "Ada", "email": "ada@example.com", "password": PASSWORD}
BOB = {"name": "Bob", "email": "bob@example.com", "password": PASSWORD}
SESSION_COOKIE = "better-auth.session_token"


class FrozenClock:
    """A Clock that only moves when told to."""

    def __init__(self) -> None:
        self.now = Timestamp.of(datetime(2026, 11, 22, 12, 0, 0, 123000, UTC))

    def __call__(self) -> Timestamp:
        return self.now

    def advance(self, **duration: float) -> None:
        self.now += timedelta(**duration)


async def whoami(scope: Scope, receive: Receive, send: Send) -> None:
    """A bare application: answers every request with what ``scope["auth"]`` says; greets on a WebSocket."""
    context = auth_context(scope)
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": context.user.email if context.user else "anonymous"})
        await send({"type": "websocket.close"})
        return
    body = to_json(
        {
            "subject": context.subject,
            "email": context.user.email if context.user else None,
            "credential": context.credential,
            "credentials": sorted(context.credentials),
            "error": context.error.code if context.error else None,
        }
    )
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def browser(
    app: ASGIApp, *, base_url: str = BASE_URL, origin: str | None = BASE_URL, **options: object
) -> AsyncIterator[httpx.AsyncClient]:
    """A client with a cookie jar that sends an Origin, as a page of that origin does; None sends none."""
    headers = {} if origin is None else {"origin": origin}
    transport = httpx.ASGITransport(app=app, client=("203.0.113.7", 40000))
    async with httpx.AsyncClient(transport=transport, base_url=base_url, headers=headers, **options) as client:  # type: ignore[arg-type]
        yield client


async def sign_up(client: httpx.AsyncClient, person: dict[str, str] = ADA) -> httpx.Response:
    """Sign somebody up, who has to be let in."""
    response = await client.post("/api/auth/sign-up/email", json=person)
    assert response.status_code == 200, response.text
    return response


async def session_user(client: httpx.AsyncClient) -> dict[str, Any] | None:
    """The user of the browser's session, as the client is told of it."""
    answer = (await client.get("/api/auth/get-session")).json()
    return None if answer is None else answer["user"]


async def user_id(client: httpx.AsyncClient) -> str:
    """The id of the user who is signed in."""
    user = await session_user(client)
    assert user is not None
    return str(user["id"])


async def me(client: httpx.AsyncClient, path: str = "/", **options: object) -> dict[str, object]:
    """What the application says of who asks."""
    response = await client.get(path, **options)  # type: ignore[arg-type]
    return response.json()


async def eventually(holds: Callable[[], Awaitable[object]]) -> None:
    """Wait until something holds, for as long as the slowest machine may need."""
    async with asyncio.timeout(PATIENCE):
        while not await holds():  # noqa: ASYNC110  (only asking tells)
            await asyncio.sleep(0.01)


async def until(is_so: Callable[[], object]) -> None:
    """Wait until something is so that can be seen without asking anybody, for as long as ``eventually``."""

    async def holds() -> object:
        return is_so()

    await eventually(holds)


def cookie_header(auth: Auth, token: str, *, name: str = SESSION_COOKIE) -> str:
    """A Cookie header with a signed session cookie."""
    return f"{name}={quote(auth.services.signer.sign(token), safe='')}"

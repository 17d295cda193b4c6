"""Answers sent straight to the server: refusals on HTTP and on WebSocket handshakes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from asgi_auth.asgi.chunked_cookies import base_name
from asgi_auth.asgi.types import Message, Receive, Scope, Send
from asgi_auth.errors import AuthError, InvalidToken, NotAuthenticated, RateLimited, Unavailable
from asgi_auth.models import to_json

Headers = list[tuple[bytes, bytes]]

POLICY_VIOLATION = 1008
TRY_AGAIN_LATER = 1013
"""WebSocket close codes (RFC 6455, 7.4.1 and its registry)."""


def error_headers(error: AuthError, *, realm: str) -> Headers:
    """The headers that belong to a refusal beside its body.

    401 carries WWW-Authenticate; ``error="invalid_token"`` only where a credential was offered (RFC 6750, 3).
    """
    # No cache stores 429 anyway (RFC 6585, 4), and the contract says nothing of caches there.
    headers: Headers = [] if isinstance(error, RateLimited) else [(b"cache-control", b"no-store")]
    if isinstance(error, NotAuthenticated):
        challenge = f'Bearer realm="{_quoted(realm)}"'
        if isinstance(error, InvalidToken):
            challenge += ', error="invalid_token"'
        headers.append((b"www-authenticate", challenge.encode("latin-1", "replace")))
    if error.retry_after is not None:
        headers.append((b"retry-after", str(error.retry_after).encode()))
    if isinstance(error, RateLimited):
        headers.append((b"x-retry-after", str(error.retry_after).encode()))
        policy = RateLimitPolicy(error.rule, most=error.most, window=error.window)
        headers.extend(policy.headers(remaining=0, left=error.retry_after))
    return headers


class RateLimitPolicy:
    """What a rate limit says of itself in every answer (draft-ietf-httpapi-ratelimit-headers)."""

    def __init__(self, rule: str, *, most: int, window: timedelta) -> None:
        name = _quoted(rule).encode("ascii", "replace").decode()
        self._state = f'"{name}"'
        self._policy = (b"ratelimit-policy", f'"{name}";q={most};w={-(-window // timedelta(seconds=1))}'.encode())

    def headers(self, *, remaining: int, left: int) -> Headers:
        """The limit itself, and what remains of it for ``left`` seconds."""
        return [self._policy, (b"ratelimit", f"{self._state};r={remaining};t={left}".encode())]


def _quoted(text: str) -> str:
    return "".join(char for char in text if char.isprintable()).replace("\\", "\\\\").replace('"', '\\"')


async def refuse(scope: Scope, receive: Receive, send: Send, error: AuthError, *, realm: str) -> None:
    """Answer a request or a handshake with a refusal, as ``{"message", "code"}``.

    A handshake is answered by an HTTP response where the server can (ASGI's websocket.http.response extension),
    else closed before it is accepted, which servers turn into 403.
    """
    body = to_json(error.body)
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        *error_headers(error, realm=realm),
    ]
    if scope["type"] == "http":
        await _respond(send, "http.response", error.status, headers, body)
        return
    # Servers take no answer before they have delivered websocket.connect, and none after websocket.disconnect.
    if (await receive())["type"] != "websocket.connect":
        return
    if "websocket.http.response" in (scope.get("extensions") or {}):
        await _respond(send, "websocket.http.response", error.status, headers, body)
        return
    code = TRY_AGAIN_LATER if isinstance(error, Unavailable) else POLICY_VIOLATION
    await send({"type": "websocket.close", "code": code, "reason": error.code or ""})


async def _respond(send: Send, prefix: str, status: int, headers: Headers, body: bytes) -> None:
    await send({"type": f"{prefix}.start", "status": status, "headers": headers})
    await send({"type": f"{prefix}.body", "body": body})


def with_cookies(send: Send, cookies: tuple[bytes, ...]) -> Send:
    """A ``send`` that adds Set-Cookie to the start of the response, or to the acceptance of a WebSocket.

    Cookies that the application sets itself on this response are left to it. A response with a credential in it
    must not be stored by caches (RFC 9111, 3), whatever the application said.
    """

    async def sending(message: Message) -> None:
        if message["type"] in ("http.response.start", "websocket.accept"):
            # A copy: the application may keep its message, and send it to somebody else next.
            message = {**message, "headers": _with_cookies(message.get("headers") or (), cookies)}
        await send(message)

    return sending


def _with_cookies(given: Iterable[tuple[bytes, bytes]], cookies: tuple[bytes, ...]) -> Headers:
    headers: Headers = [(bytes(name).lower(), bytes(value)) for name, value in given]
    own = {base_name(value) for name, value in headers if name == b"set-cookie"}
    added = [(b"set-cookie", cookie) for cookie in cookies if base_name(cookie) not in own]
    if not added:
        return headers
    kept = [header for header in headers if header[0] != b"cache-control"]
    return [*kept, (b"cache-control", b"no-store"), *added]

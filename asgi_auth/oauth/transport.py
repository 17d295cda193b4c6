"""The one way out: every request to a provider goes through here, and only where it may."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import timedelta
from socket import IPPROTO_TCP, SOCK_STREAM
from typing import Any

import httpcore2
import httpx2

from asgi_auth.oauth.addresses import is_public
from asgi_auth.oauth.errors import ProviderFailed, ProviderUnreachable

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a host, for a port; raises OSError where there are none."""

MAX_BODY = 1024 * 1024
"""Bytes of an answer; a longer one is a refusal."""

_NOT_NOW = frozenset({408, 429})
"""What says nothing of the request but that it came too late, or after too many (RFC 9110, 15.5.9; RFC 6585, 4)."""

PORTS = range(1, 65536)

CONNECT_TIMEOUT = 5.0
"""Seconds for a connection, within the time of the whole request."""


async def resolve(host: str, port: int) -> Sequence[str]:
    """The addresses of a host by the system's resolver."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=SOCK_STREAM, proto=IPPROTO_TCP)
    return tuple(dict.fromkeys(str(address[0]) for *_, address in found))


class Transport(httpx2.AsyncBaseTransport):
    """Sends a request and reads its answer whole, on a connection of its own; follows no redirect and no proxy.

    A kept connection may be closed by the other side just when a code is sent on it, and a code can be sent only once.

    Args:
        timeout: for a request from the look-up of the name to the last byte.
        allows_private_addresses: also http, and any address at all.
        resolve: how a name becomes addresses.
        ssl_context: which certificates are trusted (default: the system's, or those of SSL_CERT_FILE, SSL_CERT_DIR).

    Its requests raise ProviderUnreachable where no answer came, ProviderFailed where it is none to be taken.
    """

    def __init__(
        self,
        *,
        timeout: timedelta,
        allows_private_addresses: bool = False,
        resolve: Resolve = resolve,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self._timeout = timeout / timedelta(seconds=1)
        self._is_open = allows_private_addresses
        self._backend = CheckedBackend(resolve, is_allowed=_anything if allows_private_addresses else is_public)
        self._ssl_context = ssl_context

    def check_scheme(self, scheme: str) -> None:
        """Raises ProviderUnreachable for whatever is not https (nor http, where private addresses are allowed)."""
        if scheme != "https" and not (self._is_open and scheme == "http"):
            raise ProviderUnreachable("only https goes out")

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request."""
        self.check_scheme(request.url.scheme)
        try:
            async with asyncio.timeout(self._timeout):
                return await self._send(request)
        except (TimeoutError, httpcore2.TimeoutException):
            raise ProviderUnreachable("no answer in time") from None
        except (httpcore2.NetworkError, OSError) as error:
            raise ProviderUnreachable(f"no connection: {type(error).__name__}") from None
        except (httpcore2.ProtocolError, httpcore2.UnsupportedProtocol, UnicodeError) as error:
            raise ProviderFailed(f"no proper HTTP: {type(error).__name__}") from None

    async def _send(self, request: httpx2.Request) -> httpx2.Response:
        if self._ssl_context is None and request.url.scheme == "https":
            # reading the system's certificates takes a while
            self._ssl_context = await asyncio.to_thread(httpx2.create_ssl_context)
        # without compression, one byte received is one byte of memory
        request.headers["accept-encoding"] = "identity"
        async with (
            httpcore2.AsyncConnectionPool(
                ssl_context=self._ssl_context, network_backend=self._backend, max_keepalive_connections=0
            ) as pool,
            pool.stream(
                request.method,
                httpcore2.URL(
                    scheme=request.url.raw_scheme,
                    host=request.url.raw_host,
                    port=request.url.port,
                    target=request.url.raw_path,
                ),
                headers=request.headers.raw,
                content=await request.aread(),
                extensions={"timeout": {"connect": min(CONNECT_TIMEOUT, self._timeout)}},
            ) as response,
        ):
            headers = httpx2.Headers(response.headers)
            _check(response.status, headers)
            return httpx2.Response(response.status, headers=headers, content=await _body(response))


def _anything(address: str) -> bool:  # noqa: ARG001  (one kind of a test)
    return True


def _check(status: int, headers: httpx2.Headers) -> None:
    if 300 <= status < 400:
        raise ProviderFailed(f"a redirect ({status}), which is not followed")
    if status >= 500 or status in _NOT_NOW:
        raise ProviderUnreachable(f"an error of the provider's own ({status})")
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise ProviderFailed("an answer with an encoding that nobody asked for")


async def _body(response: httpcore2.Response) -> bytes:
    body = bytearray()
    async for part in response.aiter_stream():
        body += part
        if len(body) > MAX_BODY:
            raise ProviderFailed("an answer that is too long")
    return bytes(body)


class CheckedBackend(httpcore2.AsyncNetworkBackend):
    """Looks a name up once and connects to what was found and checked, so that a second look-up decides nothing.

    The name stays in the Host header and in the TLS handshake, whose certificate must be the name's.
    """

    def __init__(self, resolve: Resolve, *, is_allowed: Callable[[str], bool]) -> None:
        self._resolve = resolve
        self._is_allowed = is_allowed
        self._inner = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  (the signature is httpcore's)
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect to the first address of a host that answers; refuses where one of them is not allowed."""
        addresses = await self._addresses(host, port)
        for address in addresses[:-1]:
            try:
                return await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                continue
        return await self._inner.connect_tcp(addresses[-1], port, timeout, local_address, socket_options)

    async def _addresses(self, host: str, port: int) -> Sequence[str]:
        if port not in PORTS:
            raise ProviderFailed("a URL with a port that is none")
        addresses = await self._resolve(host, port)
        if not addresses:
            raise ProviderUnreachable("a name without an address")
        if not all(self._is_allowed(address) for address in addresses):
            raise ProviderUnreachable("an address that is not of the public Internet")
        return addresses

    async def connect_unix_socket(
        self,
        path: str,  # noqa: ARG002
        timeout: float | None = None,  # noqa: ARG002, ASYNC109
        socket_options: Iterable[Any] | None = None,  # noqa: ARG002
    ) -> httpcore2.AsyncNetworkStream:
        """Nothing goes there."""
        raise ProviderUnreachable("a local socket")

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await self._inner.sleep(seconds)

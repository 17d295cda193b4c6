"""The way out: where requests go, how long, how much; and where they never go."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta

import httpcore2
import httpx2
import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from asgi_auth.oauth.errors import ProviderFailed, ProviderUnreachable
from asgi_auth.oauth.transport import MAX_BODY, CheckedBackend, Transport, resolve
from tests.oauth.certificates import Authority
from tests.servers.live import serve


def answering(*addresses):
    """A resolver that gives these addresses, and remembers what it was asked."""

    async def answer(host, port):
        answer.asked.append(host)
        return addresses

    answer.asked = []
    return answer


async def get(url, *, transport=None, seconds=5.0, **options):
    transport = transport or Transport(timeout=timedelta(seconds=seconds), **options)
    async with httpx2.AsyncClient(transport=transport, trust_env=False) as client:
        return await client.get(url)


@asynccontextmanager
async def listening(host="127.0.0.1", port=0):
    """A socket that notes who connects, and never answers."""
    connections = []
    server = await asyncio.start_server(lambda _, writer: connections.append(writer), host, port)
    try:
        yield server.sockets[0].getsockname()[1], connections
    finally:
        server.close()
        for writer in connections:
            writer.close()
        await server.wait_closed()


async def drip():
    while True:
        yield b" "
        await asyncio.sleep(0.01)


async def hello(request):
    return JSONResponse({"host": request.headers["host"], "asks": dict(request.headers)})


@pytest.fixture
async def server():
    app = Starlette(
        routes=[
            Route("/hello", hello),
            Route("/redirect", lambda _: RedirectResponse("/hello", 302)),
            Route("/elsewhere", lambda _: RedirectResponse("http://127.0.0.1:1/", 307)),
            Route("/full", lambda _: PlainTextResponse("x" * MAX_BODY)),
            Route("/too-long", lambda _: PlainTextResponse("x" * (MAX_BODY + 1))),
            Route("/endless", lambda _: StreamingResponse(drip())),
            Route("/broken", lambda _: PlainTextResponse("a secret of the server", 500)),
            Route("/squeezed", lambda _: Response(b"\x1f\x8b", headers={"content-encoding": "gzip"})),
        ]
    )
    async with serve(app, lifespan="off", waits=False) as url:
        yield url


async def test_an_answer_is_read_whole(server):
    response = await get(f"{server}/hello", allows_private_addresses=True)
    assert response.json()["host"] == server.removeprefix("http://")


@pytest.mark.parametrize("path", ["/redirect", "/elsewhere"])
async def test_no_redirect_is_followed(server, path):
    with pytest.raises(ProviderFailed, match="redirect"):
        await get(server + path, allows_private_addresses=True)


async def test_an_answer_has_a_longest_length(server):
    assert len((await get(f"{server}/full", allows_private_addresses=True)).content) == MAX_BODY
    with pytest.raises(ProviderFailed, match="too long"):
        await get(f"{server}/too-long", allows_private_addresses=True)


async def test_an_answer_that_never_ends_is_given_up(server):
    with pytest.raises(ProviderUnreachable, match="in time"):
        await get(f"{server}/endless", allows_private_addresses=True, seconds=0.2)


async def test_a_server_that_never_answers_is_given_up():
    async with listening() as (port, connections):
        with pytest.raises(ProviderUnreachable, match="in time"):
            await get(f"http://127.0.0.1:{port}/", allows_private_addresses=True, seconds=2)
        assert len(connections) == 1


async def test_a_name_that_nobody_resolves_is_given_up():
    async def never(host, port):
        await asyncio.Event().wait()

    with pytest.raises(ProviderUnreachable, match="in time"):
        await get("https://idp.test/", resolve=never, seconds=0.05)


async def test_nobody_listening_is_no_answer():
    with pytest.raises(ProviderUnreachable, match="ConnectError"):
        await get("http://127.0.0.1:1/", allows_private_addresses=True)


async def test_a_name_without_an_address_is_no_answer():
    with pytest.raises(ProviderUnreachable, match="without an address"):
        await get("https://idp.test/", resolve=answering())


async def test_a_server_error_is_no_verdict_and_its_words_are_nobodys(server):
    with pytest.raises(ProviderUnreachable) as caught:
        await get(f"{server}/broken", allows_private_addresses=True)
    assert "secret" not in str(caught.value)


async def test_nothing_compressed_is_taken(server):
    asked = (await get(f"{server}/hello", allows_private_addresses=True)).json()["asks"]
    assert asked["accept-encoding"] == "identity"
    with pytest.raises(ProviderFailed, match="encoding"):
        await get(f"{server}/squeezed", allows_private_addresses=True)


async def test_what_is_no_http_is_refused():
    async def babble(_, writer):
        writer.write(b"+OK redis\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(babble, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(ProviderFailed, match="HTTP"):
            await get(f"http://127.0.0.1:{port}/", allows_private_addresses=True)


@pytest.mark.parametrize(
    "url", ["http://idp.test/", "ftp://idp.test/", "file:///etc/passwd", "ws://idp.test/", "http://8.8.8.8/"]
)
async def test_only_https_goes_out(url):
    with pytest.raises(ProviderUnreachable, match="only https"):
        await get(url, resolve=answering("8.8.8.8"))


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "169.254.169.254",
        "10.0.0.7",
        "100.100.100.200",
        "0.0.0.0",
        "fd00:ec2::254",
        "::1",
        "::ffff:127.0.0.1",
        "2002:7f00:1::",
        "64:ff9b::7f00:1",
        "fe80::1%2",
        "ff02::1",
    ],
)
async def test_a_name_with_a_special_address_is_not_connected_to(address):
    with pytest.raises(ProviderUnreachable, match="public Internet"):
        await get("https://metadata.idp.test/", resolve=answering(address))


async def test_one_special_address_among_public_ones_is_enough():
    with pytest.raises(ProviderUnreachable, match="public Internet"):
        await get("https://idp.test/", resolve=answering("8.8.8.8", "127.0.0.1"))


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "0",
        "0.0.0.0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::]",
        "user@127.0.0.1",
        "idp.test@127.0.0.1",
    ],
)
async def test_no_spelling_of_loopback_is_connected_to(host):
    async with listening() as (port, connections):
        with pytest.raises((ProviderFailed, httpx2.InvalidURL)):
            await get(f"https://{host}:{port}/")
        assert connections == []


async def test_a_name_is_looked_up_once_and_what_was_checked_is_connected_to():
    # a second look-up would give another address (DNS rebinding)
    async def rebinding(host, port):
        rebinding.count += 1
        return ["127.0.0.2"] if rebinding.count == 1 else ["127.0.0.1"]

    rebinding.count = 0
    async with (
        listening("127.0.0.1") as (port, unchecked),  # first: others listen there too
        listening("127.0.0.2", port) as (_, checked),
    ):
        backend = CheckedBackend(rebinding, is_allowed=lambda address: address == "127.0.0.2")
        stream = await backend.connect_tcp("rebind.test", port, timeout=5)
        await stream.aclose()
        with pytest.raises(ProviderUnreachable, match="public Internet"):
            await backend.connect_tcp("rebind.test", port, timeout=5)
        async with asyncio.timeout(60):
            while not checked:  # noqa: ASYNC110  (a listener says nothing)
                await asyncio.sleep(0.01)
        assert (len(checked), len(unchecked)) == (1, 0)


async def test_the_next_address_is_tried_where_one_does_not_answer(server):
    port = server.rpartition(":")[2]
    transport = Transport(
        timeout=timedelta(seconds=5), allows_private_addresses=True, resolve=answering("127.0.0.3", "127.0.0.1")
    )
    assert (await get(f"http://idp.test:{port}/hello", transport=transport)).json()["host"] == f"idp.test:{port}"


async def test_nothing_goes_to_a_local_socket():
    with pytest.raises(ProviderUnreachable):
        await CheckedBackend(resolve, is_allowed=lambda _: True).connect_unix_socket("/var/run/docker.sock")


async def test_the_certificate_must_be_of_the_name_that_was_asked_for(tmp_path):
    authority = Authority()
    app = Starlette(routes=[Route("/hello", hello)])
    files = authority.issue("idp.test", tmp_path)
    async with serve(app, lifespan="off", waits=False, **files) as url:
        port = url.rpartition(":")[2]
        transport = Transport(
            timeout=timedelta(seconds=5),
            allows_private_addresses=True,
            resolve=answering("127.0.0.1"),
            ssl_context=authority.context(),
        )
        response = await get(f"https://idp.test:{port}/hello", transport=transport)
        assert response.json()["host"] == f"idp.test:{port}"
        with pytest.raises(ProviderUnreachable):
            await get(f"https://other.test:{port}/hello", transport=transport)


async def test_a_certificate_of_nobody_known_is_refused(tmp_path):
    app = Starlette(routes=[Route("/hello", hello)])
    async with serve(app, lifespan="off", waits=False, **Authority().issue("idp.test", tmp_path)) as url:
        port = url.rpartition(":")[2]
        with pytest.raises(ProviderUnreachable):
            await get(f"https://idp.test:{port}/hello", allows_private_addresses=True, resolve=answering("127.0.0.1"))


async def test_an_operator_may_name_the_authorities_that_are_trusted(tmp_path, monkeypatch):
    authority = Authority()
    (tmp_path / "authority.pem").write_bytes(authority.pem())
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
    app = Starlette(routes=[Route("/hello", hello)])
    async with serve(app, lifespan="off", waits=False, **authority.issue("idp.test", tmp_path)) as url:
        port = url.rpartition(":")[2]
        response = await get(
            f"https://idp.test:{port}/hello", allows_private_addresses=True, resolve=answering("127.0.0.1")
        )
    assert response.status_code == 200


async def test_the_systems_resolver_gives_addresses():
    assert set(await resolve("localhost", 80)) & {"127.0.0.1", "::1"}


def test_the_backend_is_one_of_httpcores():
    assert issubclass(CheckedBackend, httpcore2.AsyncNetworkBackend)

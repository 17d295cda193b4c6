"""uvicorn for the benchmarks: in a process of its own, or in the event loop of the benchmark itself."""

from __future__ import annotations

import asyncio
import importlib
import json
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn

from asgi_auth.asgi.types import ASGIApp
from benchmarks import _apps


@contextmanager
def served_elsewhere(factory: str, settings: object) -> Iterator[int]:
    """One uvicorn worker of its own while the block lasts; yields its port on 127.0.0.1.

    Args:
        factory: ``module:function``; called there with the settings, it gives the application.
        settings: anything that JSON can carry.
    """
    command = [sys.executable, "-m", "benchmarks._server", factory, json.dumps(settings)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            if not line.strip().isdecimal():
                raise RuntimeError(f"{factory} did not start")
            yield int(line)
        finally:
            process.terminate()


@asynccontextmanager
async def served_here(app: ASGIApp) -> AsyncIterator[int]:
    """uvicorn in the running event loop while the block lasts; yields its port on 127.0.0.1."""
    listener = _listener()
    server = uvicorn.Server(_config(app))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started:
        if serving.done():
            raise RuntimeError("uvicorn did not start")
        await asyncio.sleep(0.01)
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        await serving


def _listener() -> socket.socket:
    # asyncio turns Nagle's algorithm off only where the protocol is named; with it answers wait 40 ms
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    return listener


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app, lifespan="off", access_log=False, log_level="warning", timeout_graceful_shutdown=1, ws="none"
    )


def _serve(factory: str, settings: str) -> None:
    _apps.quieten()
    module, _, name = factory.partition(":")
    app: ASGIApp = getattr(importlib.import_module(module), name)(json.loads(settings))
    listener = _listener()
    listener.listen()
    print(listener.getsockname()[1], flush=True)
    uvicorn.Server(_config(app)).run(sockets=[listener])


if __name__ == "__main__":
    _serve(*sys.argv[1:])

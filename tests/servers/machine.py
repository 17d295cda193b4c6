"""What this machine offers to the tests, how its programs are run, and how a run says what is missing."""

import importlib.util
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest


def ignores_local() -> bool:
    """True where ASGI_AUTH_TEST_IGNORE_LOCAL=1 asks for the packaged servers although it has others."""
    return os.environ.get("ASGI_AUTH_TEST_IGNORE_LOCAL", "0") not in {"", "0"}


def missing(what: str, *, remedy: str) -> BaseException:
    """What to raise where a server cannot be had: it fails the run by name, and never skips."""
    return pytest.fail.Exception(f"These tests need {what}. {remedy}", pytrace=False)


def package_folder(name: str) -> Path | None:
    """The folder of an installed Python package, which is not imported for it."""
    spec = importlib.util.find_spec(name)
    return Path(spec.origin).parent if spec and spec.origin else None


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(
    command: Sequence[str],
    *,
    ready: str,
    log: Path,
    stop_signal: signal.Signals = signal.SIGTERM,
    **options: Any,
) -> Iterator[re.Match[str]]:
    """Run a program while the block lasts; yields the match of `ready` (a pattern) in what it has printed.

    `log` receives its output, `options` go to `subprocess.Popen`. The program has a session of its own: an
    interrupt from the keyboard reaches the tests only, and they end it in order.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            **options,
        )
    try:
        yield _wait_for_line(process, name=Path(command[0]).name, ready=ready, log=log)
    finally:
        _end(process, stop_signal)


def _wait_for_line(process: subprocess.Popen[bytes], *, name: str, ready: str, log: Path) -> re.Match[str]:
    deadline = time.monotonic() + 60
    while True:
        is_over = process.poll() is not None or time.monotonic() > deadline
        printed = log.read_text(errors="replace")
        if found := re.search(ready, printed):
            return found
        if is_over:
            raise missing(f"{name} to start", remedy=f"It said: {printed[-2000:]}")
        time.sleep(0.01)


def _end(process: subprocess.Popen[bytes], stop_signal: signal.Signals) -> None:
    process.send_signal(stop_signal)
    with suppress(subprocess.TimeoutExpired):
        process.wait(10)
    # what it left behind in the session that we opened for it
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()

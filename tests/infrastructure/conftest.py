"""A Redis that a test may do anything to."""

from collections.abc import Iterator

import pytest

from tests.servers.private_redis import PrivateRedis, running_private_redis


@pytest.fixture
def private_redis() -> Iterator[PrivateRedis]:
    """A Redis server that belongs to the test."""
    with running_private_redis() as server:
        yield server

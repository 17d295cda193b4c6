"""An empty PostgreSQL database for each test, in a tenth of the time: one database whose schema is made anew."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import asyncpg
import pytest


@pytest.fixture(scope="session")
def postgres_database(postgres_server):
    """The database that the tests of one folder empty in turn."""
    with postgres_server.database() as url:
        yield url


@pytest.fixture
def postgres_url(postgres_database):
    """The URL of an empty PostgreSQL database."""
    with ThreadPoolExecutor(max_workers=1) as thread:
        thread.submit(asyncio.run, _empty(postgres_database)).result()
    return postgres_database


async def _empty(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    finally:
        await connection.close()

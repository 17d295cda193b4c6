"""An empty PostgreSQL database for each test, in a tenth of the time: one database whose schema is made anew."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import asyncpg


def empty(url: str) -> None:
    """Leave nothing in a database, and nobody."""
    # a thread of its own: the caller may stand inside a running event loop
    with ThreadPoolExecutor(max_workers=1) as thread:
        thread.submit(asyncio.run, _empty(url)).result()


async def _empty(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        # whoever a test has left there would hold up the next
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        await connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    finally:
        await connection.close()

"""A process that hits one window many times at once, and prints how often it was let through.

python -m tests.contracts.hammer URL HITS MOST, where the URL is that of a database or of a Redis
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from asgi_auth import Auth, AuthConfig, DatabaseOptions, RateLimit, RateLimitOptions
from asgi_auth.clock import utc_now
from asgi_auth.infrastructure.rate_limit import Windows
from tests.contracts.redis_windows import redis_windows
from tests.support import SECRET


async def main(url: str, times: int, most: int) -> None:
    limit, now = RateLimit(most, timedelta(hours=1)), utc_now().milliseconds
    async with windows_at(url) as windows:
        counted = await asyncio.gather(*(windows.hit("one key", limit, now=now) for _ in range(times)))
    sys.stdout.write(str(sum(hit.is_allowed for hit in counted)))


@asynccontextmanager
async def windows_at(url: str) -> AsyncIterator[Windows]:
    if url.startswith("redis"):
        async with redis_windows(url) as windows:
            yield windows
        return
    limits = RateLimitOptions(is_enabled=True, storage="database")
    patient = DatabaseOptions(timeout=timedelta(seconds=60), read_timeout=timedelta(seconds=60))
    auth = Auth(AuthConfig.testing(secret=SECRET, database=url, rate_limits=limits, database_options=patient))
    assert auth.services.engine.rate_limits is not None
    yield auth.services.engine.rate_limits
    await auth.services.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))

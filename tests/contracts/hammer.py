"""A process that hits one window many times at once, and prints how often it was let through.

python -m tests.contracts.hammer DATABASE_URL HITS MOST
"""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta

from asgi_auth import Auth, AuthConfig, DatabaseOptions, RateLimit, RateLimitOptions
from asgi_auth.clock import utc_now
from tests.support import SECRET


async def main(url: str, times: int, most: int) -> None:
    limits = RateLimitOptions(is_enabled=True, storage="database")
    patient = DatabaseOptions(timeout=timedelta(seconds=60))
    auth = Auth(AuthConfig.testing(secret=SECRET, database=url, rate_limits=limits, database_options=patient))
    limit, now = RateLimit(most, timedelta(hours=1)), utc_now().milliseconds
    windows = auth.services.engine.rate_limits
    assert windows is not None
    counted = await asyncio.gather(*(windows.hit("one key", limit, now=now) for _ in range(times)))
    await auth.services.close()
    sys.stdout.write(str(sum(hit.is_allowed for hit in counted)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))

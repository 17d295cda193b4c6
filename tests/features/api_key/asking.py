"""A process that uses a key as often as it is told, many requests at once: prints how many were let through.

python -m tests.features.api_key.asking DATABASE REDIS KEY TIMES
"""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta

from asgi_auth import Auth, AuthConfig, RedisOptions
from asgi_auth.features.api_key import ApiKeys
from asgi_auth.features.api_key.errors import ApiKeyRateLimited
from tests.features.api_key.rows import verify
from tests.support import SECRET

AT_ONCE = 20


async def ask(auth: Auth, key: str, times: int) -> int:
    passed = 0
    for _ in range(times):
        try:
            await verify(auth, key)
            passed += 1
        except ApiKeyRateLimited:
            pass
        await asyncio.sleep(0)
    return passed


def tell(what: object) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


async def main(database: str, redis: str, key: str, times: int) -> None:
    patient = RedisOptions(timeout=timedelta(seconds=5))
    config = AuthConfig.testing(secret=SECRET, database=database, redis=redis or None, redis_options=patient)
    auth = Auth(config, features=[ApiKeys()])
    async with auth.lifespan():
        tell("ready")
        await asyncio.to_thread(sys.stdin.readline)
        tell(sum(await asyncio.gather(*(ask(auth, key, times // AT_ONCE) for _ in range(AT_ONCE)))))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])))

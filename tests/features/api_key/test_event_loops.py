"""One Auth in several event loops, one after the other: no use is lost between them."""

from __future__ import annotations

import asyncio

from asgi_auth import Auth, AuthConfig
from asgi_auth.features.api_key import ApiKeys
from asgi_auth.features.api_key.verification import ApiKeyVerifier
from tests.features.api_key.rows import keys_of, new_key, verify
from tests.support import SECRET


def quick(url):
    return Auth(AuthConfig.testing(secret=SECRET, database=url), features=[ApiKeys()])


def test_each_loop_goes_on_from_the_one_before(database_url):
    auth = quick(database_url)

    async def begin():
        key = await new_key(auth, rate_limit_max=1_000)
        await verify(auth, key)
        await auth.services.close()
        return key

    async def use(key):
        await asyncio.gather(*(verify(auth, key) for _ in range(20)))
        await auth.services.close()

    key = asyncio.run(begin())
    for _ in range(3):
        asyncio.run(use(key))
    assert asyncio.run(count(auth, key)) == 61


async def count(auth, key):
    found = (await keys_of(auth).find(id=key.id)).request_count
    await auth.services.close()
    return found


def test_who_is_cancelled_takes_no_count_along(sqlite_url):
    auth = quick(sqlite_url)

    async def use():
        key = await new_key(auth, rate_limit_max=1_000)
        for _ in range(5):
            await verify(auth, key)
        for _ in range(20):
            asking = asyncio.create_task(verify(auth, key))
            await asyncio.sleep(0)
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
        counted = (await verify(auth, key)).request_count
        await auth.services.close()
        return counted, key

    counted, key = asyncio.run(use())
    assert 6 <= counted == asyncio.run(count(auth, key)) <= 26


def test_a_batch_that_is_cut_off_is_written_by_the_next(sqlite_url):
    auth = quick(sqlite_url)

    async def cut_off():
        key = await new_key(auth, rate_limit_max=1_000)
        writer = auth.services.get(ApiKeyVerifier).usage.writer
        for _ in range(9):
            await verify(auth, key)
        cut = asyncio.create_task(writer.flush())
        await asyncio.sleep(0)
        (writing,) = (task for task in asyncio.all_tasks() if task.get_name() == "asgi_auth use of API keys")
        writing.cancel()
        await asyncio.gather(cut, writing, return_exceptions=True)
        await writer.flush()
        found = (await keys_of(auth).find(id=key.id)).request_count
        await auth.services.close()
        return found

    assert asyncio.run(cut_off()) == 9

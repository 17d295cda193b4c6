"""One Auth, several event loops one after the other, and openings and closings at once."""

import asyncio

from asgi_auth import Auth, AuthConfig, DatabaseOptions, Unavailable
from tests.support import PASSWORD, SECRET, browser, cookie_header


def quick(url):
    return Auth(AuthConfig.testing(secret=SECRET, database=url))


def test_an_auth_that_was_closed_works_in_the_next_event_loop(database_url):
    auth = quick(database_url)

    async def use(number):
        names = [f"{number}-{index}@example.com" for index in range(20)]
        await asyncio.gather(*(auth.services.passwords.sign_up(name, PASSWORD, "Ada") for name in names))
        found = await asyncio.gather(*(auth.services.users.find_by_email(name) for name in names))
        await auth.services.close()
        return all(found)

    assert all(asyncio.run(use(number)) for number in range(3))


async def test_making_the_schema_beside_starting_breaks_neither(database_url):
    for _ in range(3):
        auth = quick(database_url)
        await asyncio.gather(
            auth.create_schema(), auth.services.start(), auth.services.users.find("x"), return_exceptions=True
        )
        assert await auth.services.users.find("nobody") is None
        await auth.services.close()


async def test_what_is_under_way_while_everything_closes_ends_well_or_is_unavailable(database_url):
    auth = quick(database_url)
    await auth.services.start()
    reads = [asyncio.create_task(auth.services.users.find("x")) for _ in range(50)]
    writes = [
        asyncio.create_task(auth.services.passwords.sign_up(f"{n}@example.com", PASSWORD, "A")) for n in range(10)
    ]
    await asyncio.sleep(0.005)
    await auth.services.engine.disconnect()
    outcomes = await asyncio.gather(*reads, *writes, return_exceptions=True)
    wrong = [error for error in outcomes if isinstance(error, BaseException) and not isinstance(error, Unavailable)]
    assert wrong == []
    await auth.services.close()


async def test_tables_that_are_missing_at_the_first_request_are_a_fault_of_ours(make_auth, database_url):
    auth = make_auth(database=database_url, database_options=DatabaseOptions(creates_schema=False))
    async with browser(auth.endpoints) as client:
        answer = await client.get("/get-session", headers={"cookie": cookie_header(auth, "t" * 32)})
    assert (answer.status_code, answer.json()["code"]) == (503, "SERVICE_UNAVAILABLE")
    assert "retry-after" in answer.headers

"""Thousands of requests cancelled at random moments: nobody sees anybody else, and nothing is left behind.

ASGI_AUTH_TEST_CANCELLATIONS says how many (default 2,000; the long form is 100,000).
"""

from __future__ import annotations

import asyncio
import os
import random
from contextlib import AsyncExitStack

import pytest

from asgi_auth import DatabaseOptions
from asgi_auth.config import CacheOptions
from tests.conftest import PATIENT
from tests.contracts.rows import verification_row
from tests.support import PASSWORD, browser, sign_up, whoami

COUNT = int(os.environ.get("ASGI_AUTH_TEST_CANCELLATIONS", "2000"))
SEED = 20_261_126
PEOPLE = 6
AT_ONCE = 4
LATEST = 24
"""Turns of the event loop after which a request is cancelled at the latest; some need fewer, some more."""


class Person:
    """Somebody with a browser, a session, and a name that follows what they last set it to."""

    def __init__(self, number, client):
        self.email = f"{number}@example.com"
        self.number = number
        self.client = client

    async def join(self):
        await sign_up(self.client, {"name": f"{self.number} new", "email": self.email, "password": PASSWORD})

    async def look(self):
        told = (await self.client.get("/")).json()
        assert (told["email"], told["error"]) == (self.email, None)

    async def read(self):
        told = (await self.client.get("/api/auth/get-session")).json()
        self.check(told["user"])

    async def read_from_the_database(self):
        told = (await self.client.get("/api/auth/get-session?disableCookieCache=true")).json()
        self.check(told["user"])

    async def list(self):
        told = (await self.client.get("/api/auth/list-sessions")).json()
        assert len(told) == 1

    async def rename(self):
        answer = await self.client.post("/api/auth/update-user", json={"name": f"{self.number} renamed"})
        assert answer.status_code == 200, answer.text

    def check(self, user):
        assert user["email"] == self.email
        assert user["name"].split()[0] == str(self.number)


DEEDS = (Person.look, Person.read, Person.read_from_the_database, Person.list, Person.rename)


class Crowd:
    """People whose requests are cancelled at random until enough of them have been."""

    def __init__(self, people, dice):
        self.people = people
        self.dice = dice
        self.cancelled = 0
        self.answered = 0

    async def run(self, person):
        while self.cancelled < COUNT:
            request = asyncio.create_task(self.dice.choice(DEEDS)(person))
            for _ in range(self.dice.randrange(LATEST)):
                await asyncio.sleep(0)
            if self.dice.random() < 0.9:
                request.cancel()
            try:
                await request
                self.answered += 1
            except asyncio.CancelledError:
                self.cancelled += 1


@pytest.fixture(params=["remembering", "remembering nothing", "with Redis"])
def auth(request, make_auth, database_url):
    redis = request.getfixturevalue("redis_url") if request.param == "with Redis" else None
    cache = CacheOptions(is_enabled=request.param != "remembering nothing")
    options = DatabaseOptions(timeout=PATIENT.timeout, read_timeout=PATIENT.read_timeout, pool_size=4)
    return make_auth(database=database_url, database_options=options, cache=cache, redis=redis)


async def test_whoever_is_cancelled_leaves_nothing_to_others(auth, clock):
    async with AsyncExitStack() as stack:
        app = auth.wrap(whoami)
        people = [Person(number, await stack.enter_async_context(browser(app))) for number in range(PEOPLE)]
        for person in people:
            await person.join()
        crowd = Crowd(people, random.Random(SEED))
        await asyncio.gather(*(crowd.run(person) for person in people for _ in range(AT_ONCE)))
        assert crowd.cancelled >= COUNT
        assert crowd.answered > COUNT / 100
        for person in people:
            for deed in DEEDS:
                await deed(person)
    await every_connection_is_there(auth.services.engine, clock)


async def every_connection_is_there(engine, clock):
    """As many at once as the pool holds can read, and whoever writes gets to write."""
    assert await asyncio.gather(*(engine.verifications.count() for _ in range(50))) == [0] * 50
    async with engine.transaction():
        await engine.verifications.add(verification_row(clock))
        others = [asyncio.create_task(engine.verifications.count()) for _ in range(20)]
        assert await asyncio.gather(*others) == [0] * 20
    assert await engine.verifications.count() == 1

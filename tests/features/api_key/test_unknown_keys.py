"""A flood of keys that nobody has."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta

import pytest

from asgi_auth import Protect, RateLimit
from asgi_auth.crypto.tokens import LETTERS, random_string
from asgi_auth.features.api_key import ApiKeys
from asgi_auth.features.api_key.errors import InvalidApiKey
from tests.endpoints.wire import exchange, http
from tests.features.api_key.rows import add_key, costs_nothing, new_key, person, tell, verify
from tests.features.api_key.test_source import with_key
from tests.services.recorders import Figures
from tests.support import browser


@pytest.fixture
def figures():
    return Figures()


@pytest.fixture
def auth(make_auth, database_url, figures):
    unknown = RateLimit(20, timedelta(minutes=1))
    return make_auth(database=database_url, features=[ApiKeys(unknown_keys=unknown)], metrics=figures)


@pytest.fixture
async def client(auth):
    async with browser(auth.wrap(Protect(tell))) as client:
        yield client


def random_key():
    return random_string(64, LETTERS)


async def statuses(client, keys):
    answers = await asyncio.gather(*(client.get("/", headers=with_key(key)) for key in keys))
    return sorted(answer.status_code for answer in answers)


async def test_costs_no_more_statements_than_the_limit(auth, client):
    await person(auth)
    with auth.services.engine.recorded() as statements:
        assert await statuses(client, [random_key() for _ in range(200)]) == [401] * 20 + [429] * 180
    assert len(statements) == 20
    answer = await client.get("/", headers=with_key(random_key()))
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "60")


async def test_ends_with_its_window(auth, client, clock):
    await person(auth)
    await statuses(client, [random_key() for _ in range(30)])
    clock.advance(minutes=1)
    assert await statuses(client, [random_key() for _ in range(30)]) == [401] * 20 + [429] * 10


async def test_does_not_keep_a_known_key_out(auth, client):
    key = await new_key(auth)
    assert await statuses(client, [key]) == [200]
    await statuses(client, [random_key() for _ in range(30)])
    assert await statuses(client, [key] * 5) == [200] * 5


async def test_of_one_address_is_nobody_elses(auth, client):
    key = await new_key(auth)
    await statuses(client, [random_key() for _ in range(30)])
    app = auth.wrap(Protect(tell))
    elsewhere = http(headers=[("x-api-key", key.text)], client=("198.51.100.9", 1))
    assert (await exchange(app, elsewhere)).status == 200


async def test_is_no_crowd_of_keys_that_are_good(auth, client):
    owner = await person(auth)
    keys = [await add_key(auth, owner) for _ in range(50)]
    assert await statuses(client, keys) == [200] * 50


async def test_of_one_key_costs_one_read(auth, client):
    await person(auth)
    key, other = random_key(), random_key()
    await costs_nothing(auth, lambda: asyncio.gather(verify(auth, other), return_exceptions=True))
    with auth.services.engine.recorded() as statements:
        assert await statuses(client, [key] * 100) == [401] * 100
    assert len(statements) == 1


async def test_is_told_as_figures(auth, client, figures):
    key = await new_key(auth, rate_limit_max=1)
    await statuses(client, [key] * 2)
    await statuses(client, [random_key() for _ in range(21)])
    outcomes = Counter(labels["outcome"] for name, labels in figures.counts if name == "auth.apikey.validate")
    assert outcomes == {"accepted": 1, "limited": 2, "refused": 20}
    rules = [labels["rule"] for name, labels in figures.counts if name == "auth.rate_limit.refused"]
    assert sorted(rules) == ["api_key", "unknown_api_keys"]


async def test_the_servers_own_code_is_not_limited(auth):
    await person(auth)
    results = await asyncio.gather(*(verify(auth, random_key()) for _ in range(50)), return_exceptions=True)
    assert {type(each) for each in results} == {InvalidApiKey}

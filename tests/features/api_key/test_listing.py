"""GET /api-key/list: a page of one's own keys, in any order of what is shown."""

from __future__ import annotations

import pytest

from asgi_auth.features.api_key import ApiKeyOptions, ApiKeys
from tests.features.api_key.keys import SHOWN, create, get, names, person, refusal, service
from tests.support import user_id


@pytest.fixture
async def several(ada, clock):
    """Ada's browser; she has three keys."""
    for name in ("a", "c", "b"):
        await create(ada, name=name)
        clock.advance(seconds=1)
    return ada


async def test_all_of_ones_keys_are_listed_oldest_first(several):
    answer = (await get(several, "list")).json()
    assert list(answer) == ["apiKeys", "total"]
    assert [key["name"] for key in answer["apiKeys"]] == ["a", "c", "b"]
    assert all(list(key) == SHOWN for key in answer["apiKeys"])
    assert answer["total"] == 3


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"sortBy": "name"}, ["a", "b", "c"]),
        ({"sortBy": "name", "sortDirection": "desc"}, ["c", "b", "a"]),
        ({"sortBy": "createdAt", "sortDirection": "desc"}, ["b", "c", "a"]),
        ({"sortBy": ""}, ["a", "c", "b"]),
        ({"limit": "2"}, ["a", "c"]),
        ({"limit": "2", "offset": "2"}, ["b"]),
        ({"offset": "1"}, ["c", "b"]),
        ({"offset": ""}, ["a", "c", "b"]),
        ({"limit": "0"}, []),
        ({"limit": ""}, []),
        ({"limit": "1e1"}, ["a", "c", "b"]),
        ({"limit": " 1 "}, ["a"]),
        ({"configId": "unknown"}, []),
        ({"configId": "default"}, ["a", "c", "b"]),
        ({"organizationId": ""}, []),
        ({"offset": str(2**53 - 1)}, []),
    ],
)
async def test_a_page_of_them(several, query, expected):
    assert await names(several, **query) == expected


async def test_the_total_counts_what_is_on_other_pages(several):
    answer = (await get(several, "list", limit="1", offset="1")).json()
    assert (answer["total"], answer["limit"], answer["offset"]) == (3, 1, 1)


async def test_nobody_gets_more_than_a_hundred_at_once(ada, auth):
    owner = await user_id(ada)
    for _ in range(101):
        await service(auth).create_api_key(owner)
    first = (await get(ada, "list", limit="1000")).json()
    assert (len(first["apiKeys"]), first["total"], first["limit"]) == (100, 101, 100)
    assert len((await get(ada, "list")).json()["apiKeys"]) == 100
    second = (await get(ada, "list", offset=str(first["limit"]))).json()
    assert len({key["id"] for key in first["apiKeys"] + second["apiKeys"]}) == 101


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"limit": "x"}, "[query.limit] Invalid input: expected number, received NaN"),
        ({"limit": "true"}, "[query.limit] Invalid input: expected number, received NaN"),
        ({"limit": ["1", "2"]}, "[query.limit] Invalid input: expected number, received NaN"),
        ({"limit": "1_0"}, "[query.limit] Invalid input: expected number, received NaN"),
        ({"limit": "Infinity"}, "[query.limit] Invalid input: expected number, received Infinity"),
        ({"limit": "1.5"}, "[query.limit] Invalid input: expected int, received number"),
        ({"limit": "-1"}, "[query.limit] Too small: expected number to be >=0"),
        ({"limit": "9" * 22}, "[query.limit] Too big: expected int to be <=9007199254740991"),
        ({"offset": "-1"}, "[query.offset] Too small: expected number to be >=0"),
        ({"sortDirection": "up"}, '[query.sortDirection] Invalid option: expected one of "asc"|"desc"'),
    ],
)
async def test_what_is_no_page_is_refused(quick, query, message):
    response = await get(quick, "list", **query)
    assert (response.status_code, response.json()["message"]) == (400, message)


@pytest.mark.parametrize("field", ["key", "unknown", "createdAt; --", "config_id"])
async def test_keys_are_ordered_by_what_is_shown_alone(quick, field):
    assert refusal(await get(quick, "list", sortBy=field)) == (400, "VALIDATION_ERROR")


async def test_the_service_knows_the_same_fields(auth, ada):
    with pytest.raises(ValueError, match="no such field"):
        await service(auth).list_api_keys(await user_id(ada), sort_by="key")


async def test_all_configurations_are_listed_together_or_one(make_auth, database_url, clock):
    auth = make_auth(database=database_url, features=[ApiKeys(ApiKeyOptions(), ApiKeyOptions(config_id="machines"))])
    async with person(auth) as eve:
        await create(eve, name="a")
        clock.advance(seconds=1)
        await create(eve, name="b", configId="machines")
        assert await names(eve) == ["a", "b"]
        assert await names(eve, configId="machines") == ["b"]
        assert await names(eve, configId="default") == ["a"]

"""Several middlewares around one application: a key has to satisfy all of them, and its use is counted once."""

from __future__ import annotations

import pytest

from asgi_auth import Protect, require_api_key
from asgi_auth.features.api_key import ApiKeyMiddleware, ApiKeyOptions, ApiKeys, ApiKeySource
from asgi_auth.middleware import CredentialMiddleware
from tests.features.api_key.rows import add_key, new_key, tell, written
from tests.support import browser

READS = {"files": ["read"]}


@pytest.fixture
def auth(make_auth, database_url):
    return make_auth(database=database_url, features=[ApiKeys(ApiKeyOptions(), ApiKeyOptions(config_id="other"))])


async def answers(app, *keys, name="x-api-key", times=2):
    """What each key is answered."""
    async with browser(app) as client:
        found = [await client.get("/", headers={name: key.text}) for key in keys for _ in range(times)]
    return [response.status_code for response in found]


async def test_permissions_are_asked_for_within_auth_wrap_as_well(auth):
    reads = await new_key(auth, permissions=READS)
    bare = await add_key(auth, reads.owner_id)
    inner = ApiKeyMiddleware(tell, auth.services, required=True, required_permissions=READS)
    assert await answers(auth.wrap(inner), reads, bare) == [200, 200, 401, 401]
    optional = ApiKeyMiddleware(Protect(tell, require_api_key()), auth.services, required_permissions=READS)
    assert await answers(auth.wrap(optional), reads, bare) == [200, 200, 401, 401]


async def test_a_configuration_is_asked_for_within_auth_wrap_as_well(auth):
    key = await new_key(auth)
    other = await add_key(auth, key.owner_id, config_id="other")
    inner = ApiKeyMiddleware(tell, auth.services, required=True, config_id="other")
    assert await answers(auth.wrap(inner), key, other) == [401, 401, 200, 200]


async def test_a_key_in_a_header_that_is_not_looked_at_does_not_satisfy_a_required_middleware(auth):
    key = await new_key(auth, permissions=READS)
    inner = ApiKeyMiddleware(tell, auth.services, headers=["x-files-key"], required=True, required_permissions=READS)
    assert await answers(auth.wrap(inner), key) == [401, 401]
    assert await answers(auth.wrap(inner), key, name="x-files-key") == [200, 200]


async def test_what_one_has_refused_no_other_accepts(auth):
    bare = await new_key(auth)
    inner = ApiKeyMiddleware(tell, auth.services, required=True)
    outer = ApiKeyMiddleware(inner, auth.services, required_permissions=READS)
    assert await answers(outer, bare) == [401, 401]


async def test_its_use_is_counted_once(auth):
    key = await new_key(auth, permissions=READS, remaining=5, rate_limit_max=100)
    inner = ApiKeyMiddleware(tell, auth.services, required=True, required_permissions=READS)
    middle = ApiKeyMiddleware(inner, auth.services, config_id="default")
    assert await answers(auth.wrap(middle), key, times=3) == [200] * 3
    row = await written(auth, key)
    assert (row.remaining, row.request_count) == (2, 3)


async def test_another_key_in_another_header_is_counted_for_itself(auth):
    first = await new_key(auth, remaining=5)
    second = await add_key(auth, first.owner_id, permissions=READS, remaining=5)
    inner = ApiKeyMiddleware(tell, auth.services, headers=["x-files-key"], required_permissions=READS)
    async with browser(auth.wrap(inner)) as client:
        answer = await client.get("/", headers={"x-api-key": first.text, "x-files-key": second.text})
    assert answer.json()["key"] == second.id
    assert [(await written(auth, key)).remaining for key in (first, second)] == [4, 4]


async def test_two_sources_in_one_middleware_know_their_own_keys_only(auth):
    key = await new_key(auth)
    sources = [
        ApiKeySource(auth.services, headers=["x-any"]),
        ApiKeySource(auth.services, headers=["x-other"], config_id="other"),
    ]
    app = CredentialMiddleware(Protect(tell), auth.services, sources=sources)
    assert await answers(app, key, name="x-any") == [200, 200]
    assert await answers(app, key, name="x-other") == [401, 401]

"""asgi_auth and Better Auth's own server on one SQLite file and one Redis, in which the API keys of both live."""

from datetime import timedelta

import pytest

from asgi_auth import Auth, AuthConfig, RateLimit, RateLimitOptions, RedisOptions
from asgi_auth.features.api_key import ApiKeyOptions, ApiKeys, ApiKeyService
from asgi_auth.features.api_key.errors import ApiKeyDisabled, InvalidApiKey, UsageExceeded
from asgi_auth.features.api_key.verification import ApiKeyVerifier
from tests.interop.test_shared_database import on, post
from tests.interop.test_shared_keys import asked, listed
from tests.servers.live import serve
from tests.servers.node import better_auth_server
from tests.support import ADA, SECRET, eventually, whoami

THEIRS = {
    "secondary": {"storage": "secondary-storage"},
    "both": {"storage": "secondary-storage", "fallbackToDatabase": True},
}
# Sessions stay in the database of both: they are not what is asked for here.
SESSIONS = {"session": {"storeSessionInDatabase": True}}


@pytest.fixture(params=["secondary", "both"])
def storage(request):
    return request.param


@pytest.fixture
def auth(tmp_path, redis_url, storage):
    config = AuthConfig.development(
        secret=SECRET,
        database=f"sqlite:///{tmp_path / 'shared.sqlite'}",
        rate_limits=RateLimitOptions(is_enabled=False),
        redis=redis_url,
        redis_options=RedisOptions(timeout=timedelta(seconds=5)),
    )
    return Auth(config, features=[ApiKeys(ApiKeyOptions(allows_metadata=True), storage=storage)])


@pytest.fixture
async def here(auth):
    async with serve(auth.wrap(whoami)) as url:
        yield url


@pytest.fixture
def there(tmp_path, here, redis_url, storage):
    options = {"enableMetadata": True, **THEIRS[storage]}
    shared = tmp_path / "shared.sqlite"
    with better_auth_server(shared, secret=SECRET, api_keys=options, options=SESSIONS, redis=redis_url) as url:
        yield url


@pytest.fixture
async def ours(here):
    """Ada's browser on our server."""
    async with on(here) as client:
        assert (await post(client, "/sign-up/email", **ADA)).status_code == 200
        yield client


@pytest.fixture
async def theirs(there, ours):
    """Her browser on Better Auth's server, where she has signed in as well."""
    async with on(there) as client:
        await post(client, "/sign-in/email", email=ADA["email"], password=ADA["password"])
        yield client


@pytest.fixture
def keys(auth):
    return auth.services.get(ApiKeyService)


async def owner_of(client):
    return (await client.get("/api/auth/get-session")).json()["user"]["id"]


async def test_both_list_and_verify_the_keys_of_both(ours, theirs, keys):
    owner = await owner_of(ours)
    made = await keys.create_api_key(owner, name="ours", permissions={"f": ["r"]}, metadata={"a": [1]})
    other = (await post(theirs, "/api-key/create", name="theirs", metadata={"b": None})).json()
    here, there = await listed(ours), await listed(theirs)
    assert {key["id"] for key in here["apiKeys"]} == {made.id, other["id"]}
    assert sorted(here["apiKeys"], key=lambda key: key["id"]) == sorted(there["apiKeys"], key=lambda key: key["id"])
    assert (await asked(theirs, made.key, permissions={"f": ["r"]}))["valid"]
    assert (await asked(theirs, made.key, permissions={"f": ["w"]}))["error"]["code"] == "KEY_NOT_FOUND"
    assert (await keys.verify_api_key(other["key"])).name == "theirs"


async def test_what_one_switches_off_or_deletes_the_other_refuses(ours, theirs, keys):
    owner = await owner_of(ours)
    made = await keys.create_api_key(owner)
    assert (await asked(theirs, made.key))["valid"]
    await keys.revoke_api_key(made.id)
    assert (await asked(theirs, made.key))["error"]["code"] == "KEY_DISABLED"
    await keys.delete_api_key(made.id)
    assert (await asked(theirs, made.key))["error"]["code"] == "INVALID_API_KEY"
    other = (await post(theirs, "/api-key/create", name="theirs")).json()
    await keys.verify_api_key(other["key"])
    await post(theirs, "/api-key/update", keyId=other["id"], enabled=False)

    await refused(keys, other["key"], ApiKeyDisabled)
    await post(theirs, "/api-key/delete", keyId=other["id"])
    await refused(keys, other["key"], InvalidApiKey)


async def refused(keys, key, refusal):
    """Wait until a key is refused: the database's feed tells of what the other server has written."""

    async def is_refused():
        try:
            await keys.verify_api_key(key)
        except refusal:
            return True
        except ApiKeyDisabled:
            return False
        return False

    await eventually(is_refused)


async def test_both_use_up_and_count_one_key(ours, theirs, keys, auth):
    made = await keys.create_api_key(await owner_of(ours), remaining=4, rate_limit=RateLimit(9, timedelta(days=1)))
    await keys.verify_api_key(made.key)
    await auth.services.get(ApiKeyVerifier).usage.writer.flush()
    found = (await asked(theirs, made.key))["key"]
    assert (found["remaining"], found["requestCount"]) == (2, 2)
    assert (await keys.verify_api_key(made.key)).remaining == 1
    assert (await asked(theirs, made.key))["key"]["remaining"] == 0
    with pytest.raises(UsageExceeded):
        await keys.verify_api_key(made.key)
    assert (await asked(theirs, made.key))["error"]["code"] == "INVALID_API_KEY"

"""asgi_auth and Better Auth's own server on one SQLite file: each lists, changes and verifies the other's API keys."""

from datetime import timedelta

import pytest

from asgi_auth import Auth, AuthConfig, RateLimitOptions
from asgi_auth.features.api_key import ApiKeyOptions, ApiKeys, ApiKeyService
from asgi_auth.features.api_key.errors import ApiKeyDisabled, ApiKeyLacksPermission, InvalidApiKey
from tests.contracts.rows import query
from tests.interop.test_shared_database import on, post
from tests.servers.live import serve
from tests.servers.node import better_auth_server
from tests.support import ADA, SECRET, eventually, whoami

OPTIONS = {"enableMetadata": True}
SETTINGS = {
    "name": "ours",
    "prefix": "our_",
    "metadata": {"a": [1, {"b": None}]},
    "permissions": {"files": ["read", "write"]},
    "remaining": 5,
    "refill_amount": 3,
    "refill_interval": timedelta(days=1),
    "lifetime": timedelta(days=2),
}


@pytest.fixture
def auth(tmp_path):
    # Everybody here comes from one address, and in a hurry.
    unlimited = RateLimitOptions(is_enabled=False)
    config = AuthConfig.development(
        secret=SECRET, database=f"sqlite:///{tmp_path / 'shared.sqlite'}", rate_limits=unlimited
    )
    return Auth(config, features=[ApiKeys(ApiKeyOptions(allows_metadata=True))])


@pytest.fixture
async def here(auth):
    async with serve(auth.wrap(whoami)) as url:
        yield url


@pytest.fixture
def there(tmp_path, here):
    with better_auth_server(tmp_path / "shared.sqlite", secret=SECRET, api_keys=OPTIONS) as url:
        yield url


@pytest.fixture
async def ours(here):
    """Ada's browser on our server."""
    async with on(here) as client:
        assert (await post(client, "/sign-up/email", **ADA)).status_code == 200
        yield client


@pytest.fixture
async def theirs(there, ours):
    """The same browser on Better Auth's server."""
    async with on(there, ours.cookies) as client:
        yield client


@pytest.fixture
def keys(auth):
    return auth.services.get(ApiKeyService)


async def listed(client):
    return (await client.get("/api/auth/api-key/list")).json()


async def asked(client, key, **more):
    """What Better Auth's server says of a key."""
    return (await client.post("/verify", json={"key": key, **more})).json()


async def test_both_list_the_keys_of_both_in_the_same_words(ours, theirs):
    for client in (ours, theirs):
        made = await post(client, "/api-key/create", name="a", metadata={"x": [1]}, expiresIn=200_000)
        assert made.status_code == 200, made.text
        assert (await post(client, "/api-key/create")).status_code == 200
    mine, other = await listed(ours), await listed(theirs)
    assert mine["total"] == 4
    assert mine == other
    assert [list(key) for key in mine["apiKeys"]] == [list(key) for key in other["apiKeys"]]


async def test_what_the_servers_own_code_has_decided_here_is_shown_there(ours, theirs, keys):
    owner = (await ours.get("/api/auth/get-session")).json()["user"]["id"]
    made = await keys.create_api_key(owner, **SETTINGS)
    shown = (await theirs.get(f"/api/auth/api-key/get?id={made.id}")).json()
    assert shown == (await ours.get(f"/api/auth/api-key/get?id={made.id}")).json()
    assert (shown["permissions"], shown["metadata"]) == (SETTINGS["permissions"], SETTINGS["metadata"])
    assert (shown["remaining"], shown["refillAmount"], shown["refillInterval"]) == (5, 3, 86_400_000)
    assert shown["expiresAt"] == made.expires_at.iso()


async def test_a_key_made_here_is_verified_there(theirs, ours, keys):
    owner = (await ours.get("/api/auth/get-session")).json()["user"]["id"]
    made = await keys.create_api_key(owner, **SETTINGS)
    accepted = await asked(theirs, made.key, permissions={"files": ["read"]})
    assert (accepted["valid"], accepted["key"]["id"], accepted["key"]["remaining"]) == (True, made.id, 4)
    refused = await asked(theirs, made.key, permissions={"files": ["delete"]})
    assert (refused["valid"], refused["error"]["code"]) == (False, "KEY_NOT_FOUND")
    assert (await keys.verify_api_key(made.key)).remaining == 3, "both count down the same number"


async def test_a_key_made_there_is_verified_here(theirs, keys):
    made = (await post(theirs, "/api-key/create", name="theirs", prefix="t_")).json()
    accepted = await keys.verify_api_key(made["key"])
    assert (accepted.id, accepted.name, accepted.rate_limit_max) == (made["id"], "theirs", 10)
    with pytest.raises(ApiKeyLacksPermission):
        await keys.verify_api_key(made["key"], {"files": ["read"]})
    with pytest.raises(InvalidApiKey):
        await keys.verify_api_key(made["key"][:-1] + ("a" if made["key"][-1] != "a" else "b"))


async def test_what_is_changed_there_counts_here(theirs, keys):
    made = (await post(theirs, "/api-key/create")).json()
    await keys.verify_api_key(made["key"])
    assert (await post(theirs, "/api-key/update", keyId=made["id"], enabled=False)).status_code == 200

    async def is_refused():
        try:
            await keys.verify_api_key(made["key"])
        except ApiKeyDisabled:
            return True
        return False

    await eventually(is_refused)
    assert (await post(theirs, "/api-key/delete", keyId=made["id"])).status_code == 200

    async def is_unknown():
        try:
            await keys.verify_api_key(made["key"])
        except InvalidApiKey:
            return True
        except ApiKeyDisabled:
            return False
        return False

    await eventually(is_unknown)


async def test_what_is_changed_here_counts_there(ours, theirs):
    made = (await post(ours, "/api-key/create")).json()
    assert (await asked(theirs, made["key"]))["valid"]
    await post(ours, "/api-key/update", keyId=made["id"], enabled=False)
    assert (await asked(theirs, made["key"]))["error"]["code"] == "KEY_DISABLED"
    await post(ours, "/api-key/delete", keyId=made["id"])
    assert (await asked(theirs, made["key"]))["error"]["code"] == "INVALID_API_KEY"


async def test_what_ends_there_is_purged_here(theirs, keys, tmp_path):
    assert (await post(theirs, "/api-key/create", expiresIn=100_000)).status_code == 200
    await query(f"sqlite:///{tmp_path / 'shared.sqlite'}", "UPDATE apikey SET expiresAt = '2026-01-01T00:00:00.000Z'")
    assert await keys.delete_all_expired() == 1
    assert (await listed(theirs))["total"] == 0

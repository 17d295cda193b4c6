"""ApiKeyService: what the server's own code may decide, and what is told of it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta

import pytest

from asgi_auth import ConfigurationError, InvalidRequest, RateLimit, Unavailable
from asgi_auth.crypto.tokens import hash_token
from asgi_auth.features.api_key import (
    ApiKeyCreated,
    ApiKeyDeleted,
    ApiKeyOptions,
    ApiKeyRevoked,
    ApiKeys,
    ApiKeyUpdated,
)
from asgi_auth.features.api_key.errors import (
    ApiKeyNotFound,
    InvalidNameLength,
    LifetimeTooShort,
    NoValuesToUpdate,
    RefillAmountMissing,
    RefillIntervalMissing,
)
from tests.contracts.rows import query
from tests.features.api_key.keys import create, post, service
from tests.support import user_id

DAY = timedelta(days=1)
EVERYTHING = {
    "name": "backup",
    "prefix": "b_",
    "lifetime": 2 * DAY,
    "metadata": {"a": [1, {"b": None}]},
    "permissions": {"files": ["read", "write"], "mails": ()},
    "remaining": 5,
    "refill_amount": 3,
    "refill_interval": DAY,
    "rate_limit": RateLimit(7, timedelta(minutes=2)),
}


@pytest.fixture
def keys(auth):
    return service(auth)


@pytest.fixture
def told(auth):
    """What has been told of keys."""
    events = []

    async def hear(event):
        events.append(event)

    for kind in (ApiKeyCreated, ApiKeyUpdated, ApiKeyRevoked, ApiKeyDeleted):
        auth.services.events.subscribe(kind, hear)
    return events


async def test_the_servers_own_code_decides_everything(keys, clock):
    made = await keys.create_api_key("ada", **EVERYTHING)
    kept = await keys.get_api_key(made.id)
    assert (kept.name, kept.prefix, kept.reference_id) == ("backup", "b_", "ada")
    assert kept.expires_at == clock() + 2 * DAY
    assert kept.permissions == {"files": ("read", "write"), "mails": ()}
    assert kept.metadata == {"a": (1, {"b": None})}
    assert (kept.remaining, kept.refill_amount, kept.refill_interval) == (5, 3, 86_400_000)
    assert (kept.rate_limit_enabled, kept.rate_limit_max, kept.rate_limit_time_window) == (True, 7, 120_000)
    assert {name: getattr(made, name) for name in kept.__struct_fields__} == {
        name: getattr(kept, name) for name in kept.__struct_fields__
    }


async def test_nobody_reads_a_key_again_or_in_a_log(keys, database_url):
    made = await keys.create_api_key("ada")
    assert made.key not in repr(made)
    assert not hasattr(await keys.get_api_key(made.id), "key")
    [row] = await query(database_url, "SELECT * FROM apikey")
    assert made.key not in row
    assert hash_token(made.key) in row


async def test_nothing_of_a_key_can_be_changed_in_place(keys):
    made = await keys.create_api_key("ada", **EVERYTHING)
    for record in (made, await keys.get_api_key(made.id)):
        with pytest.raises(TypeError):
            record.permissions["files"] = ("delete",)
        with pytest.raises(TypeError):
            record.metadata["a"] = 1


async def test_every_setting_can_be_changed(keys, clock):
    made = await keys.create_api_key("ada")
    changes = {name: value for name, value in EVERYTHING.items() if name != "prefix"}
    clock.advance(hours=1)
    changed = await keys.update_api_key(made.id, enabled=False, **changes)
    assert (changed.name, changed.enabled, changed.expires_at) == ("backup", False, clock() + 2 * DAY)
    assert (changed.remaining, changed.refill_amount, changed.refill_interval) == (5, 3, 86_400_000)
    assert (changed.rate_limit_max, changed.permissions["files"]) == (7, ("read", "write"))
    cleared = dict.fromkeys(changes)
    changed = await keys.update_api_key(made.id, **cleared)
    assert (changed.name, changed.expires_at, changed.remaining, changed.permissions) == (None, None, None, None)
    assert (changed.refill_amount, changed.refill_interval, changed.metadata) == (None, None, None)
    assert (changed.rate_limit_enabled, changed.rate_limit_max) == (False, 7), "the numbers stay as they were"


@pytest.mark.parametrize(
    ("wanted", "error"),
    [
        ({"refill_amount": 5}, RefillIntervalMissing),
        ({"refill_interval": DAY}, RefillAmountMissing),
        ({"name": "x" * 33}, InvalidNameLength),
        ({"lifetime": timedelta(seconds=3)}, LifetimeTooShort),
        ({"remaining": -1}, InvalidRequest),
        ({"remaining": 2**31}, InvalidRequest),
        ({"refill_amount": 0, "refill_interval": DAY}, InvalidRequest),
        ({"refill_amount": 1, "refill_interval": 25 * DAY}, InvalidRequest),
        ({"refill_amount": 1, "refill_interval": timedelta()}, InvalidRequest),
        ({"rate_limit": RateLimit(2**31, DAY)}, InvalidRequest),
        ({"permissions": {"files": "read"}}, InvalidRequest),
        ({"permissions": ["files"]}, InvalidRequest),
        ({"permissions": {"files": [1]}}, InvalidRequest),
    ],
)
async def test_what_cannot_be_is_refused(quick_auth, wanted, error):
    keys = service(quick_auth)
    with pytest.raises(error):
        await keys.create_api_key("ada", **wanted)
    made = await keys.create_api_key("ada")
    with pytest.raises(error):
        await keys.update_api_key(made.id, **wanted)


async def test_a_change_of_nothing_is_none(keys):
    made = await keys.create_api_key("ada")
    with pytest.raises(NoValuesToUpdate):
        await keys.update_api_key(made.id)


async def test_without_an_owner_anybodys_key_is_meant_and_with_one_only_its_own(keys):
    made = await keys.create_api_key("ada")
    for verb in (keys.get_api_key, keys.revoke_api_key, keys.delete_api_key):
        with pytest.raises(ApiKeyNotFound):
            await verb(made.id, owner_id="bob")
    with pytest.raises(ApiKeyNotFound):
        await keys.update_api_key(made.id, owner_id="bob", name="Bob's")
    assert (await keys.get_api_key(made.id, owner_id="ada")).enabled
    await keys.delete_api_key(made.id, owner_id="ada")
    with pytest.raises(ApiKeyNotFound):
        await keys.get_api_key(made.id)


async def test_a_revoked_key_is_kept_and_can_be_brought_back(keys):
    made = await keys.create_api_key("ada")
    assert not (await keys.revoke_api_key(made.id)).enabled
    assert not (await keys.get_api_key(made.id)).enabled
    assert (await keys.update_api_key(made.id, enabled=True)).enabled


async def test_of_many_who_delete_a_key_one_does(keys):
    made = await keys.create_api_key("ada")

    async def try_it():
        with suppress(ApiKeyNotFound):
            await keys.delete_api_key(made.id)
            return True
        return False

    assert sorted(await asyncio.gather(*(try_it() for _ in range(8)))) == [False] * 7 + [True]


async def test_permissions_are_asked_of_keys_that_count(keys, clock):
    made = await keys.create_api_key("ada", permissions={"files": ["read", "write"]}, lifetime=DAY)
    check = keys.check_api_key_permissions
    assert await check(made.id, {"files": ["read"]})
    assert await check(made.id, {"files": ["read", "write"]})
    assert not await check(made.id, {"files": ["delete"]})
    assert not await check(made.id, {"files": ["read"], "mails": ["read"]})
    assert not await check("unknown", {"files": ["read"]})
    assert (await keys.get_api_key(made.id)).request_count == 0, "it is no use of the key"
    await keys.revoke_api_key(made.id)
    assert not await check(made.id, {"files": ["read"]})
    await keys.update_api_key(made.id, enabled=True)
    clock.advance(days=1)
    assert not await check(made.id, {"files": ["read"]})


async def test_what_happens_is_told(keys, told):
    made = await keys.create_api_key("ada", name="a")
    await keys.update_api_key(made.id, name="b")
    await keys.update_api_key(made.id, enabled=False, asked_by="eve")
    await keys.update_api_key(made.id, enabled=True)
    await keys.revoke_api_key(made.id)
    await keys.delete_api_key(made.id)
    kinds = [type(event) for event in told]
    assert kinds == [ApiKeyCreated, ApiKeyUpdated, ApiKeyRevoked, ApiKeyUpdated, ApiKeyRevoked, ApiKeyDeleted]
    assert {event.api_key.id for event in told} == {made.id}
    assert [event.user_id for event in told] == ["ada", "ada", "eve", "ada", "ada", "ada"]
    assert [event.api_key.name for event in told[:2]] == ["a", "b"]


async def test_what_was_undone_is_not_told(auth, keys, told):
    await keys.list_api_keys("ada")  # opens the database
    with suppress(ZeroDivisionError):
        async with auth.services.engine.transaction():
            await keys.create_api_key("ada")
            assert told == []
            raise ZeroDivisionError
    assert told == []
    assert (await keys.list_api_keys("ada")).total == 0


async def test_the_audit_log_has_who_did_what_with_which_key(auth, ada):
    entries = []
    auth.services.audit.add_listener(entries.append)
    made = await create(ada)
    await post(ada, "update", keyId=made["id"], enabled=False)
    await post(ada, "delete", keyId=made["id"])
    ada_id = await user_id(ada)
    assert [(each.event, each.user_id, each.target_id, each.outcome) for each in entries] == [
        (f"api_key.{verb}", ada_id, made["id"], "success") for verb in ("created", "revoked", "deleted")
    ]
    assert {each.ip_address for each in entries} == {"203.0.113.7"}


@pytest.mark.parametrize("given", [None, {"files": ["read"]}])
async def test_permissions_of_new_keys_may_follow_from_their_owner(make_auth, given):
    async def permissions_of(owner_id):
        await asyncio.sleep(0)
        return {owner_id: ["read"]} if owner_id == "ada" else given

    auth = make_auth(features=[ApiKeys(ApiKeyOptions(default_permissions=permissions_of))])
    keys = service(auth)
    assert (await keys.create_api_key("ada")).permissions == {"ada": ("read",)}
    assert (await keys.create_api_key("bob")).permissions == (given and {"files": ("read",)})
    assert (await keys.create_api_key("ada", permissions=None)).permissions is None
    assert (await keys.create_api_key("ada", permissions={"b": ["c"]})).permissions == {"b": ("c",)}


async def test_an_application_makes_keys_of_its_own(make_auth):
    auth = make_auth(features=[ApiKeys(ApiKeyOptions(generator=lambda length, prefix: prefix + "7" * length))])
    made = await service(auth).create_api_key("ada", prefix="own_")
    assert (made.key, made.start) == ("own_" + "7" * 64, "own_77")


async def test_a_key_that_anybody_could_guess_is_none(make_auth):
    auth = make_auth(features=[ApiKeys(ApiKeyOptions(generator=lambda _length, prefix: prefix + "short"))])
    with pytest.raises(ConfigurationError, match="key_length"):
        await service(auth).create_api_key("ada")


async def test_a_setting_that_is_misspelt_is_a_mistake_and_never_left_out(make_auth):
    keys = service(make_auth(features=[ApiKeys()]))
    for wrong in ({"remaning": 3}, {"permisions": {}}, {"expires_in": 60}, {"enabled": False}):
        with pytest.raises(TypeError, match=rf"create_api_key\(\).*'{next(iter(wrong))}'"):
            await keys.create_api_key("ada", name="ci", **wrong)
    assert (await keys.list_api_keys("ada")).total == 0
    made = await keys.create_api_key("ada", name="ci")
    for wrong in ({"remaning": 3}, {"enable": False}, {"prefix": "own_"}):
        with pytest.raises(TypeError, match=rf"update_api_key\(\).*'{next(iter(wrong))}'"):
            await keys.update_api_key(made.id, name="new", **wrong)
    assert (await keys.get_api_key(made.id)).name == "ci"


@pytest.mark.parametrize("prefix", ["a b", "a.", "ä_", "a\n"])
async def test_a_prefix_of_which_no_key_is_accepted_is_refused(make_auth, prefix):
    keys = service(make_auth(features=[ApiKeys()]))
    with pytest.raises(InvalidRequest, match="letters, digits, _ and -"):
        await keys.create_api_key("ada", prefix=prefix)


async def test_where_the_database_is_away_nothing_is_said_of_keys(make_auth, tmp_path):
    auth = make_auth(database=f"sqlite:///{tmp_path}/no/such/folder/db.sqlite", features=[ApiKeys()])
    keys = service(auth)
    for asking in (keys.create_api_key("ada"), keys.get_api_key("x"), keys.list_api_keys("ada")):
        with pytest.raises(Unavailable):
            await asking


async def test_our_own_code_names_configurations_that_there_are(quick_auth):
    keys = service(quick_auth)
    with pytest.raises(ConfigurationError, match='config_id: "default"'):
        await keys.create_api_key("ada", config_id="misspelt")
    with pytest.raises(ConfigurationError, match='config_id: "default"'):
        await keys.verify_api_key("k" * 64, config_id="misspelt")

"""Rows that Better Auth's server, a migration or a person has written are read for what they say."""

from __future__ import annotations

import pytest

from asgi_auth import Unavailable
from asgi_auth.features.api_key import ApiKeys
from tests.contracts.rows import query
from tests.features.api_key.keys import create, get, person, service
from tests.support import until, user_id

MOMENT = "2026-11-22T10:00:00.000Z"


async def add(database_url, owner, **values):
    """A row written by somebody else; the values are SQL."""
    row = {"id": "'foreign'", "configId": "'default'", "referenceId": f"'{owner}'", "key": "'hash'"}
    row |= {"createdAt": f"'{MOMENT}'", "updatedAt": f"'{MOMENT}'", **values}
    columns = ", ".join(f'"{name}"' for name in row)
    await query(database_url, f"INSERT INTO apikey ({columns}) VALUES ({', '.join(row.values())})")


async def shown(ada):
    response = await get(ada, "get", id="foreign")
    assert response.status_code == 200, response.text
    return response.json()


async def test_what_is_null_is_as_a_new_key_has_it(ada, database_url):
    await add(database_url, await user_id(ada))
    key = await shown(ada)
    assert (key["enabled"], key["rateLimitEnabled"], key["requestCount"]) == (True, True, 0)
    assert (key["permissions"], key["metadata"], key["expiresAt"], key["name"]) == (None, None, None, None)
    assert (key["createdAt"], key["updatedAt"]) == (MOMENT, MOMENT)


@pytest.mark.parametrize(
    ("stored", "metadata"),
    [
        ("null", None),
        ("{}", {}),
        ('{"a": [1, 2.5, null]}', {"a": [1, 2.5, None]}),
        ("[]", []),
        ("0", 0),
        ("", None),
        ('"text"', None),
        ('"{\\"a\\": 1}"', {"a": 1}),
        ('"[1]"', [1]),
    ],
)
async def test_metadata_is_whatever_stands_there(ada, database_url, stored, metadata):
    await add(database_url, await user_id(ada), metadata=f"'{stored}'")
    assert (await shown(ada))["metadata"] == metadata


async def test_metadata_that_is_nested_too_deep_is_no_error_of_ours(ada, database_url):
    await add(database_url, await user_id(ada), metadata=f"'{'[' * 5_000}{']' * 5_000}'")
    assert (await get(ada, "get", id="foreign")).status_code == 503
    assert (await get(ada, "list")).status_code == 503


@pytest.mark.parametrize("name", ["rateLimitMax", "rateLimitTimeWindow", "requestCount", "remaining", "refillAmount"])
async def test_a_text_is_no_number(make_auth, tmp_path, name):
    database_url = f"sqlite:///{tmp_path}/auth.sqlite"  # Postgres takes no text there
    auth = make_auth(database=database_url, features=[ApiKeys()])
    async with person(auth) as eve:
        made = await create(eve)
        await query(database_url, f"UPDATE apikey SET \"{name}\" = 'x'")
        await until(lambda: auth.services.remembering.hub.is_complete)
        with pytest.raises(Unavailable):
            await service(auth).verify_api_key(made["key"])
        assert (await get(eve, "get", id=made["id"])).status_code == 503


@pytest.mark.parametrize(
    ("stored", "permissions"), [("null", None), ("{}", {}), ('{"a": ["b", "c"], "d": []}', {"a": ["b", "c"], "d": []})]
)
async def test_permissions_are_read(ada, database_url, stored, permissions):
    await add(database_url, await user_id(ada), permissions=f"'{stored}'")
    assert (await shown(ada))["permissions"] == permissions


@pytest.mark.parametrize("stored", ['{"a": "b"}', '["a"]', "no JSON"])
async def test_permissions_that_nobody_understands_are_not_taken_for_any(ada, auth, database_url, stored):
    await add(database_url, await user_id(ada), permissions=f"'{stored}'")
    with pytest.raises(Unavailable):
        await service(auth).get_api_key("foreign")
    with pytest.raises(Unavailable):
        await service(auth).check_api_key_permissions("foreign", {"a": ["b"]})


async def test_a_key_of_a_configuration_that_is_no_more_follows_the_default_one(ada, auth, database_url):
    await add(database_url, await user_id(ada), configId="'gone'")
    assert (await get(ada, "list")).json()["total"] == 1
    changed = await service(auth).update_api_key("foreign", metadata={"a": 1})
    assert (changed.config_id, changed.metadata) == ("gone", {"a": 1})
    await service(auth).delete_api_key("foreign")
    assert (await get(ada, "list")).json()["total"] == 0


UNREADABLE = "'\"\\ud800\"'"


async def test_a_row_that_nobody_can_read_keeps_no_user_from_being_deleted(ada, auth, database_url):
    await add(database_url, await user_id(ada), metadata=UNREADABLE)
    assert (await get(ada, "get", id="foreign")).status_code == 503
    assert await auth.services.deletions.delete(await user_id(ada))
    assert await query(database_url, "SELECT id FROM apikey") == []


async def test_one_that_has_ended_is_deleted_like_any_other(ada, auth, database_url):
    ended = "'2001-01-01T00:00:00.000Z'"
    await add(database_url, await user_id(ada), metadata=UNREADABLE, expiresAt=ended)
    assert await service(auth).delete_all_expired() == 1
    assert await query(database_url, "SELECT id FROM apikey") == []

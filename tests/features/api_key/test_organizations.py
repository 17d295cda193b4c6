"""Keys of organizations: managed by its members, as far as their roles allow it."""

from __future__ import annotations

import pytest

from asgi_auth.features.api_key import ApiKeyOptions, ApiKeys
from tests.features.api_key.clubs import Clubs, ClubService
from tests.features.api_key.keys import create, get, names, person, post, refusal, service
from tests.support import browser, user_id, whoami

CONFIGURATIONS = (
    ApiKeyOptions(allows_metadata=True),
    ApiKeyOptions(config_id="club", references="organization", default_prefix="club_"),
)
CLUB = {"configId": "club", "organizationId": "chess"}
STRANGER = (403, "USER_NOT_MEMBER_OF_ORGANIZATION")
FORBIDDEN = (403, "INSUFFICIENT_API_KEY_PERMISSIONS")
NOT_FOUND = (404, "KEY_NOT_FOUND")


@pytest.fixture
def auth(make_auth, database_url):
    return make_auth(database=database_url, features=[ApiKeys(*CONFIGURATIONS), Clubs()])


@pytest.fixture
async def owner(auth, ada):
    """Ada, who may do everything with the chess club's keys."""
    await auth.services.get(ClubService).let_in("chess", await user_id(ada), "create", "read", "update", "delete")
    return ada


@pytest.fixture
async def member(auth, bob):
    """Bob, a member who may do nothing with them."""
    await auth.services.get(ClubService).let_in("chess", await user_id(bob))
    return bob


async def test_an_organizations_key_refers_to_it(owner):
    answer = await create(owner, **CLUB)
    assert (answer["referenceId"], answer["configId"], answer["prefix"]) == ("chess", "club", "club_")


async def test_who_may_do_everything_does(owner):
    key_id = (await create(owner, **CLUB))["id"]
    named = {"configId": "club"}
    assert (await get(owner, "get", id=key_id, **named)).status_code == 200
    assert (await post(owner, "update", keyId=key_id, name="board", **named)).json()["name"] == "board"
    assert await names(owner, organizationId="chess") == ["board"]
    assert (await post(owner, "delete", keyId=key_id, **named)).json() == {"success": True}
    assert await names(owner, organizationId="chess") == []


async def test_its_keys_and_ones_own_are_listed_apart(owner):
    await create(owner, name="mine")
    await create(owner, name="ours", **CLUB)
    assert await names(owner) == ["mine"]
    assert await names(owner, configId="club") == []
    assert await names(owner, organizationId="chess") == ["ours"]
    assert await names(owner, organizationId="chess", configId="club") == ["ours"]
    assert await names(owner, organizationId="chess", configId="default") == []


async def test_a_member_does_what_the_role_allows(owner, member, auth):
    key_id = (await create(owner, name="ours", **CLUB))["id"]
    named = {"configId": "club"}
    assert refusal(await post(member, "create", **CLUB)) == FORBIDDEN
    assert refusal(await get(member, "get", id=key_id, **named)) == FORBIDDEN
    assert refusal(await get(member, "list", organizationId="chess")) == FORBIDDEN
    assert refusal(await post(member, "update", keyId=key_id, name="x", **named)) == FORBIDDEN
    assert refusal(await post(member, "delete", keyId=key_id, **named)) == FORBIDDEN
    assert (await service(auth).get_api_key(key_id)).name == "ours"


async def test_a_reader_reads_and_nothing_else(owner, bob, auth):
    await auth.services.get(ClubService).let_in("chess", await user_id(bob), "read")
    key_id = (await create(owner, **CLUB))["id"]
    assert (await get(bob, "get", id=key_id, configId="club")).status_code == 200
    assert await names(bob, organizationId="chess") == [None]
    assert refusal(await post(bob, "update", keyId=key_id, enabled=False, configId="club")) == FORBIDDEN
    assert refusal(await post(bob, "delete", keyId=key_id, configId="club")) == FORBIDDEN


async def test_a_stranger_is_told_so_before_what_is_wrong_with_the_rest(owner, bob):
    key_id = (await create(owner, **CLUB))["id"]
    named = {"configId": "club"}
    assert refusal(await post(bob, "create", metadata=5, **CLUB)) == STRANGER
    assert refusal(await post(bob, "create", configId="club", organizationId=5)) == STRANGER
    assert refusal(await get(bob, "get", id=key_id, **named)) == STRANGER
    assert refusal(await get(bob, "list", organizationId="chess")) == STRANGER
    assert refusal(await post(bob, "create", configId="club", organizationId=[])) == (400, "ORGANIZATION_ID_REQUIRED")
    assert refusal(await get(bob, "list", organizationId="chess", configId="default")) == STRANGER
    assert refusal(await post(bob, "update", keyId=key_id, **named)) == STRANGER
    assert refusal(await post(bob, "delete", keyId=key_id, **named)) == STRANGER


async def test_under_another_configuration_it_is_nobodys(owner):
    key_id = (await create(owner, **CLUB))["id"]
    assert refusal(await get(owner, "get", id=key_id)) == NOT_FOUND
    assert refusal(await post(owner, "update", keyId=key_id, name="x")) == NOT_FOUND
    assert refusal(await post(owner, "delete", keyId=key_id)) == NOT_FOUND


async def test_ones_own_key_is_none_of_an_organizations(owner):
    key_id = (await create(owner))["id"]
    assert refusal(await get(owner, "get", id=key_id, configId="club")) == NOT_FOUND
    assert refusal(await post(owner, "delete", keyId=key_id, configId="club")) == NOT_FOUND


async def test_whose_it_is_to_be_has_to_be_said(owner, auth):
    wanted = (400, "ORGANIZATION_ID_REQUIRED")
    assert refusal(await post(owner, "create", configId="club")) == wanted
    assert refusal(await post(owner, "create", configId="club", organizationId="")) == wanted
    assert refusal(await post(owner, "create", configId="club", userId="x")) == (401, "UNAUTHORIZED_SESSION")
    assert refusal(await post(owner, "create", configId="club", remaining=4)) == (400, "SERVER_ONLY_PROPERTY")
    async with browser(auth.wrap(whoami)) as nobody:
        assert refusal(await post(nobody, "create", configId="club")) == wanted
        assert refusal(await post(nobody, "create", **CLUB)) == (401, "UNAUTHORIZED_SESSION")


async def test_an_organization_that_is_named_for_ones_own_key_is_ignored(owner):
    answer = await create(owner, organizationId="chess")
    assert answer["referenceId"] == await user_id(owner)


async def test_its_own_metadata_rules_hold(owner):
    assert refusal(await post(owner, "create", metadata={}, **CLUB)) == (400, "METADATA_DISABLED")


async def test_its_keys_outlive_who_made_them(owner, auth):
    key_id = (await create(owner, **CLUB))["id"]
    await auth.services.deletions.delete(await user_id(owner))
    assert (await service(auth).get_api_key(key_id)).reference_id == "chess"
    assert await service(auth).delete_all_api_keys("chess") == 1


async def test_without_organizations_it_is_our_fault(make_auth, database_url):
    auth = make_auth(database=database_url, features=[ApiKeys(*CONFIGURATIONS)])
    async with person(auth) as eve:
        missing = (500, "ORGANIZATION_PLUGIN_REQUIRED")
        assert refusal(await post(eve, "create", **CLUB)) == missing
        assert refusal(await get(eve, "list", organizationId="chess")) == missing
        key_id = (await service(auth).create_api_key("chess", config_id="club")).id
        assert refusal(await get(eve, "get", id=key_id, configId="club")) == missing
        assert refusal(await post(eve, "delete", keyId=key_id, configId="club")) == missing
        assert (await service(auth).get_api_key(key_id)).enabled


async def test_strangers_are_not_told_which_configurations_there_are(make_auth):
    auth = make_auth(features=[ApiKeys(CONFIGURATIONS[1]), Clubs()])
    async with person(auth) as ada:
        named = {"organizationId": "chess", "configId": "unknown"}
        assert refusal(await get(ada, "list", **named)) == STRANGER
        await auth.services.get(ClubService).let_in("chess", await user_id(ada), "read")
        assert refusal(await get(ada, "list", **named)) == (400, "NO_DEFAULT_API_KEY_CONFIGURATION_FOUND")

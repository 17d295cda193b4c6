"""POST /link-social and its way back: an account for the user who asked, and no new session."""

import re

import pytest

from asgi_auth import AccountOptions
from tests.endpoints.social_trips import (
    CLEARED,
    LINK,
    SIGN_IN,
    come_back,
    corp,
    depart,
    error_of,
    query_of,
    social,
    trip,
    who,
)
from tests.servers.oidc import GRACE
from tests.support import BOB, PASSWORD, browser, sign_up, whoami

HOPPER = {"name": "G. Hopper", "email": GRACE["email"], "password": PASSWORD}


@pytest.fixture
def make_site(make_auth, oidc):
    def make(*, accounts=None, **changes):
        return make_auth(social=social(corp(oidc, **changes)), accounts=accounts or AccountOptions())

    return make


@pytest.fixture
def site(make_site):
    return make_site()


@pytest.fixture
async def hopper(site):
    """The browser of a user with the address that the provider knows; we have not verified it."""
    async with browser(site.wrap(whoami)) as client:
        await sign_up(client, HOPPER)
        yield client


async def providers_of(site, email=GRACE["email"]):
    user = await site.services.users.find_by_email(email)
    return sorted(account.provider_id for account in await site.services.accounts.list_user_accounts(user.id))


async def test_the_account_is_linked_and_the_session_stays(site, hopper, oidc):
    before = dict(hopper.cookies)
    response = await trip(hopper, oidc, LINK, callbackURL="/settings")
    assert response.headers["location"] == "/settings"
    assert response.headers.get_list("set-cookie") == [CLEARED]
    assert dict(hopper.cookies) == before
    assert await providers_of(site) == ["corp", "credential"]
    assert (await site.services.users.find_by_email(GRACE["email"])).name == HOPPER["name"]


async def test_linking_what_is_linked_already_changes_nothing(site, hopper, oidc):
    for _ in range(2):
        assert (await trip(hopper, oidc, LINK)).headers["location"] == "/dash"
    assert await providers_of(site) == ["corp", "credential"]


async def test_the_linked_account_signs_in(site, hopper, oidc):
    await trip(hopper, oidc, LINK)
    async with browser(site.wrap(whoami)) as elsewhere:
        await trip(elsewhere, oidc)
        assert await who(elsewhere) == HOPPER["email"]


async def test_nobody_links_without_a_session(site):
    async with browser(site.wrap(whoami)) as client:
        for provider in ("corp", "nope"):
            response = await client.post(LINK, json={"provider": provider})
            assert (response.status_code, response.json()["code"]) == (401, "UNAUTHORIZED")
        assert (await client.post(LINK, json={})).json()["message"] == "[body.provider] Invalid input"


async def test_an_unknown_provider_is_not_found(hopper):
    response = await hopper.post(LINK, json={"provider": "nope"})
    assert (response.status_code, response.json()["code"]) == (404, "PROVIDER_NOT_FOUND")


async def test_the_state_holds_the_session_sealed(site, hopper):
    url = await depart(hopper, LINK)
    row = await site.services.engine.verifications.find(identifier=f"auth-state:{query_of(url)['state']}")
    [session] = await site.services.engine.sessions.list()
    assert '"encryptedSessionToken":"' in row.value
    assert f'"userId":"{session.user_id}"' in row.value
    assert session.token not in row.value


@pytest.mark.parametrize(
    ("person", "accounts", "code"),
    [
        ({"email": "other@example.com"}, AccountOptions(), "email_does_not_match"),
        ({"email": "other@example.com"}, AccountOptions(links_other_emails=True), None),
        ({"email": None}, AccountOptions(), "email_does_not_match"),
        ({"email": "Grace@EXAMPLE.com"}, AccountOptions(), None),
        ({"email_verified": False}, AccountOptions(), "unable_to_link_account"),
        ({"email_verified": False}, AccountOptions(trusted_providers=frozenset({"corp"})), None),
        ({}, AccountOptions(links=False), "unable_to_link_account"),
        ({}, AccountOptions(links_by_email=False), None),
    ],
)
async def test_what_may_be_linked_is_configured(make_site, oidc, person, accounts, code):
    site = make_site(accounts=accounts)
    oidc.person |= person
    async with browser(site.wrap(whoami)) as client:
        await sign_up(client, HOPPER)
        response = await trip(client, oidc, LINK, errorCallbackURL="/oops")
        assert (error_of(response) if code else response.headers["location"]) == (code or "/dash")
    assert await providers_of(site) == (["credential"] if code else ["corp", "credential"])


async def test_name_and_picture_may_come_from_the_linked_account(make_site, oidc):
    site = make_site(accounts=AccountOptions(updates_user_on_link=True))
    async with browser(site.wrap(whoami)) as client:
        await sign_up(client, HOPPER)
        await trip(client, oidc, LINK)
    user = await site.services.users.find_by_email(GRACE["email"])
    assert (user.name, user.image) == (GRACE["name"], GRACE["picture"])


async def test_somebody_elses_account_is_not_taken(site, hopper, oidc):
    await trip(hopper, oidc, LINK)
    async with browser(site.wrap(whoami)) as bob:
        await sign_up(bob, BOB)
        oidc.person["email"] = BOB["email"]
        response = await trip(bob, oidc, LINK, errorCallbackURL="/oops")
    assert error_of(response) == "account_already_linked_to_different_user"
    assert await providers_of(site, BOB["email"]) == ["credential"]


async def test_the_session_that_asked_has_to_live_still(site, hopper, oidc):
    url = await depart(hopper, LINK)
    await hopper.post("/api/auth/revoke-sessions")
    await hopper.post("/api/auth/sign-in/email", json={"email": HOPPER["email"], "password": PASSWORD})
    assert error_of(await come_back(hopper, oidc, url)) == "unable_to_link_account"
    assert await providers_of(site) == ["credential"]


async def test_an_expired_session_links_nothing(site, hopper, oidc, clock):
    url = await depart(hopper, LINK)
    [session] = await site.services.engine.sessions.list()
    await site.services.sessions.update_session(session.id, expires_at=clock())
    clock.advance(seconds=1)
    assert error_of(await come_back(hopper, oidc, url)) == "unable_to_link_account"
    assert await providers_of(site) == ["credential"]


@pytest.mark.parametrize("sealed", ["", "00", "not hex"])
async def test_a_state_without_the_sealed_session_links_nothing(site, hopper, oidc, sealed):
    url = await depart(hopper, LINK)
    identifier = f"auth-state:{query_of(url)['state']}"
    row = await site.services.engine.verifications.find(identifier=identifier)
    value = re.sub('"encryptedSessionToken":"[^"]+"', f'"encryptedSessionToken":"{sealed}"', row.value)
    assert value != row.value
    await site.services.engine.verifications.change({"identifier": identifier}, value=value)
    assert error_of(await come_back(hopper, oidc, url)) == "unable_to_link_account"
    assert await providers_of(site) == ["credential"]


async def test_a_session_links_to_nobody_but_its_user(site, hopper, oidc):
    bob = await sign_up_elsewhere(site, BOB)
    url = await depart(hopper, LINK)
    identifier = f"auth-state:{query_of(url)['state']}"
    row = await site.services.engine.verifications.find(identifier=identifier)
    value = re.sub('"userId":"[^"]+"', f'"userId":"{bob}"', row.value)
    assert value != row.value
    await site.services.engine.verifications.change({"identifier": identifier}, value=value)
    assert error_of(await come_back(hopper, oidc, url)) == "unable_to_link_account"
    assert await site.services.engine.accounts.count(provider_id="corp") == 0


async def sign_up_elsewhere(site, person):
    async with browser(site.wrap(whoami)) as client:
        return (await sign_up(client, person)).json()["user"]["id"]


async def test_a_deleted_user_gets_no_account(site, hopper, oidc):
    url = await depart(hopper, LINK)
    user = await site.services.users.find_by_email(HOPPER["email"])
    await site.services.engine.users.remove(id=user.id)
    assert error_of(await come_back(hopper, oidc, url)) == "unable_to_link_account"
    assert await site.services.engine.accounts.count(provider_id="corp") == 0


async def test_a_bearer_token_links_too(site, oidc):
    async with browser(site.wrap(whoami)) as client:
        token = (await sign_up(client, HOPPER)).headers["set-auth-token"]
        client.cookies.clear()
        response = await client.post(LINK, json={"provider": "corp"}, headers={"authorization": f"Bearer {token}"})
        await come_back(client, oidc, response.json()["url"])
    assert await providers_of(site) == ["corp", "credential"]


@pytest.mark.parametrize("path", [LINK, SIGN_IN])
@pytest.mark.parametrize("field", ["callbackURL", "errorCallbackURL", "newUserCallbackURL"])
async def test_untrusted_urls_never_get_into_a_state(site, hopper, path, field):
    response = await hopper.post(path, json={"provider": "corp", field: "https://evil.test/"})
    assert response.status_code == 403
    assert await site.services.engine.verifications.count() == 0

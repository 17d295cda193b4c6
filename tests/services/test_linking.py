"""Who gets which user."""

import asyncio
from dataclasses import replace

import pytest

from asgi_auth import AccountOptions
from asgi_auth.errors import (
    LinkingNotAllowed,
    LinkingOtherEmail,
    OAuthLinkFailed,
    SocialAccountAlreadyLinked,
    UserEmailMissing,
)
from asgi_auth.events import UserCreated
from asgi_auth.oauth.tokens import Tokens
from asgi_auth.providers import GenericOAuth, Profile
from asgi_auth.services.linking import Visitor

CORP = GenericOAuth(
    id="corp",
    client_id="tests",
    authorization_url="https://corp.test/authorize",
    token_url="https://corp.test/token",
    user_info_url="https://corp.test/me",
)
GRACE = Profile(id="g1", email="Grace@example.com", is_email_verified=True, name="Grace", image="https://x.test/g.png")


def visitor(provider=CORP, access_token="at", **changes):
    return Visitor(provider=provider, profile=replace(GRACE, **changes), tokens=Tokens(access_token=access_token))


@pytest.fixture
def services(auth):
    return auth.services


async def signed_up(services, *, email="grace@example.com", is_verified=False):
    """A user with a password."""
    user = (await services.passwords.sign_up(email, "correct horse", "Local")).user
    return await services.users.change(user.id, email_verified=True) if is_verified else user


async def test_a_stranger_becomes_a_user_with_what_the_provider_says(services):
    told = []
    services.events.subscribe(UserCreated, lambda event: _note(told, event))
    found = await services.linking.find_or_create(visitor(), may_sign_up=True)
    assert found.is_new
    user = await services.users.get(found.user.id)
    assert (user.email, user.email_verified, user.name, user.image) == (
        "grace@example.com",
        True,
        "Grace",
        "https://x.test/g.png",
    )
    assert [event.user.id for event in told] == [user.id]


async def _note(told, event):
    told.append(event)


async def test_who_is_linked_is_that_user_whatever_the_address(services):
    first = await services.linking.find_or_create(visitor(), may_sign_up=True)
    bob = await signed_up(services, email="bob@example.com", is_verified=True)
    again = await services.linking.find_or_create(visitor(email=bob.email), may_sign_up=False)
    assert (again.user.id, again.is_new) == (first.user.id, False)


@pytest.mark.parametrize(
    ("options", "profile", "is_verified", "is_linked"),
    [
        ({}, {}, True, True),
        ({}, {}, False, False),
        ({}, {"is_email_verified": False}, True, False),
        ({"trusted_providers": frozenset({"corp"})}, {"is_email_verified": False}, True, True),
        ({"trusted_providers": frozenset({"corp"})}, {}, False, False),
        ({"trusted_providers": frozenset({"other"})}, {"is_email_verified": False}, True, False),
        ({"requires_verified_local_email": False}, {}, False, True),
        ({"requires_verified_local_email": False}, {"is_email_verified": False}, False, False),
        ({"links": False}, {}, True, False),
        ({"links_by_email": False}, {}, True, False),
    ],
)
async def test_the_same_address_is_the_same_person_only_where_both_sides_know(
    make_auth, options, profile, is_verified, is_linked
):
    services = make_auth(accounts=AccountOptions(**options)).services
    user = await signed_up(services, is_verified=is_verified)
    if not is_linked:
        with pytest.raises(OAuthLinkFailed, match="account not linked"):
            await services.linking.find_or_create(visitor(**profile), may_sign_up=True)
        assert await services.engine.accounts.count() == 1
        return
    found = await services.linking.find_or_create(visitor(**profile), may_sign_up=False)
    assert (found.user.id, found.is_new, found.user.name) == (user.id, False, "Local")
    assert await services.accounts.find_linked("corp", "g1") is not None


async def test_an_address_that_the_provider_has_verified_is_verified_here_too(make_auth):
    services = make_auth(accounts=AccountOptions(requires_verified_local_email=False)).services
    await signed_up(services)
    assert (await services.linking.find_or_create(visitor(), may_sign_up=True)).user.email_verified


async def test_an_address_that_only_looks_the_same_in_the_end_is_another(services):
    """In lower case the Kelvin sign is a common k."""
    kim = await signed_up(services, email="kim@example.com")
    lookalike = visitor(email="\u212aim@example.com")
    with pytest.raises(LinkingOtherEmail):
        await services.linking.link(kim, lookalike)
    await services.accounts.link(kim.id, "corp", "g1", Tokens(access_token="at"))
    assert not (await services.linking.find_or_create(lookalike, may_sign_up=True)).user.email_verified


async def test_a_second_account_of_the_same_provider_is_linked_too(services):
    first = await services.linking.find_or_create(visitor(), may_sign_up=True)
    second = await services.linking.find_or_create(visitor(id="g2"), may_sign_up=False)
    assert second.user.id == first.user.id
    assert len(await services.accounts.list_user_accounts(first.user.id)) == 2


async def test_one_id_at_two_providers_is_two_people(services):
    first = await services.linking.find_or_create(visitor(), may_sign_up=True)
    other = visitor(replace(CORP, id="other"), email="other@example.com")
    assert (await services.linking.find_or_create(other, may_sign_up=True)).user.id != first.user.id


@pytest.mark.parametrize("stores", [True, False])
async def test_tokens_follow_each_sign_in_where_configured(make_auth, stores):
    services = make_auth(accounts=AccountOptions(updates_tokens_on_sign_in=stores)).services
    await services.linking.find_or_create(visitor(access_token="first"), may_sign_up=True)
    await services.linking.find_or_create(visitor(access_token="second"), may_sign_up=True)
    account = await services.accounts.find_linked("corp", "g1")
    assert account.access_token == ("second" if stores else "first")


async def test_strangers_can_be_kept_out(services):
    with pytest.raises(OAuthLinkFailed, match="signup disabled"):
        await services.linking.find_or_create(visitor(), may_sign_up=False)
    assert await services.engine.users.count() == 0


@pytest.mark.parametrize("email", [None, "nope", "a@x.test,b@y.test"])
async def test_without_an_address_there_is_no_new_user(services, email):
    with pytest.raises(UserEmailMissing):
        await services.linking.find_or_create(visitor(email=email), may_sign_up=True)


async def test_an_account_whose_user_is_gone_lets_nobody_in(make_auth):
    services = make_auth().services
    found = await services.linking.find_or_create(visitor(), may_sign_up=True)
    await services.engine._executor.run_text("PRAGMA foreign_keys = OFF")
    await services.engine.users.remove(id=found.user.id)
    assert await services.engine.accounts.count() == 1
    with pytest.raises(OAuthLinkFailed, match="unable to link account"):
        await services.linking.find_or_create(visitor(), may_sign_up=True)


async def test_of_many_who_come_at_once_one_user_is_made(services):
    found = await asyncio.gather(*(services.linking.find_or_create(visitor(), may_sign_up=True) for _ in range(6)))
    assert len({each.user.id for each in found}) == 1
    assert sum(each.is_new for each in found) == 1
    assert await services.engine.users.count() == await services.engine.accounts.count() == 1


async def test_of_many_who_come_at_once_with_changing_addresses_one_user_is_made(services):
    visitors = [visitor(email=f"grace{number}@example.com") for number in range(6)]
    found = await asyncio.gather(*(services.linking.find_or_create(each, may_sign_up=True) for each in visitors))
    assert len({each.user.id for each in found}) == 1
    assert await services.engine.users.count() == await services.engine.accounts.count() == 1


async def test_of_two_users_who_link_one_account_at_once_one_gets_it(services):
    users = [await signed_up(services, email=f"user{number}@example.com") for number in range(2)]

    async def link(user):
        try:
            await services.linking.link(user, visitor(email=user.email))
        except SocialAccountAlreadyLinked:
            return False
        return True

    assert sorted(await asyncio.gather(*map(link, users))) == [False, True]
    assert await services.engine.accounts.count(provider_id="corp") == 1


async def test_a_user_who_is_gone_gets_no_account(services):
    user = await signed_up(services)
    await services.engine.users.remove(id=user.id)
    with pytest.raises(LinkingNotAllowed):
        await services.linking.link(user, visitor())


async def test_a_user_made_at_the_same_time_with_a_password_is_no_way_in(services):
    """The address is taken between looking and writing: the rules are asked again, and refuse."""
    linking, find = services.linking, services.users.find_by_email
    looks = []

    async def find_late(email, **options):
        found = await find(email, **options)
        if not looks:
            looks.append(found)
            await signed_up(services)
        return found

    services.users.find_by_email = find_late
    with pytest.raises(OAuthLinkFailed, match="account not linked"):
        await linking.find_or_create(visitor(), may_sign_up=True)
    assert looks == [None]
    assert await services.engine.accounts.count(provider_id="corp") == 0

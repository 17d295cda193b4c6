"""What a provider says of an address counts for that address, and is told like any other proof of it."""

from __future__ import annotations

import pytest

from tests.endpoints.social_trips import trip
from tests.services.recorders import Events


@pytest.fixture
async def unverified(visitor, oidc):
    """The browser of somebody whose address the provider verifies only now."""
    oidc.person["email_verified"] = False
    await trip(visitor, oidc)
    oidc.person["email_verified"] = True
    return visitor


async def user_of(client):
    return (await client.get("/api/auth/get-session")).json()["user"]


async def test_it_is_told_once(site, unverified, oidc):
    events = Events(site.services.events)
    for _ in range(2):
        await trip(unverified, oidc)
    told = [event for event in events.taken() if type(event).__name__ == "EmailVerified"]
    assert [event.user.email for event in told] == [oidc.person["email"]]
    assert told[0].user.email_verified


async def test_an_address_that_came_in_between_is_not_verified_with_it(site, unverified, oidc, monkeypatch):
    accounts, user_id = site.services.accounts, (await user_of(unverified))["id"]
    store = accounts.store_tokens

    async def storing(account, tokens):
        await site.services.users.change(user_id, email="somebody-else@example.com")
        return await store(account, tokens)

    monkeypatch.setattr(accounts, "store_tokens", storing)
    events = Events(site.services.events)
    await trip(unverified, oidc)
    user = await site.services.users.get(user_id, reads_record=True)
    assert (user.email, user.email_verified) == ("somebody-else@example.com", False)
    assert "EmailVerified" not in {type(event).__name__ for event in events.taken()}

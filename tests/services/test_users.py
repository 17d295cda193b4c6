"""Users are found, added and changed; addresses are one person's, whatever their letter case."""

from __future__ import annotations

import asyncio

import pytest

from asgi_auth.engine import UniqueViolation
from asgi_auth.errors import EmailTaken, NotFound, UserNotCreated
from asgi_auth.events import UserChanged
from tests.contracts.rows import user_row
from tests.support import ADA, BOB, PASSWORD


@pytest.fixture
def users(services):
    return services.users


def test_a_new_user_has_a_lower_case_address_and_is_stored_nowhere(make_auth, clock):
    users = make_auth().services.users
    first, second = (users.new(email="Ada@Example.COM", name="Ada", fields={}) for _ in range(2))
    assert (first.email, first.name, first.image, first.email_verified) == ("ada@example.com", "Ada", None, False)
    assert first.created_at == first.updated_at == clock()
    assert first.id != second.id
    assert len(first.id) == 32


async def test_a_user_is_found_by_id_and_by_address(users, ada):
    assert await users.find(ada.user.id) == ada.user
    assert await users.get(ada.user.id) == ada.user
    for email in (ADA["email"], "ADA@EXAMPLE.COM"):
        assert await users.find_by_email(email) == ada.user


async def test_nobody_is_found_who_is_not_there(users, ada):
    assert await users.find("nobody") is None
    assert await users.find_by_email("nobody@example.com") is None
    assert await users.find_with_password("nobody@example.com") is None
    with pytest.raises(NotFound):
        await users.get("nobody")


async def test_a_user_comes_with_the_hash_of_the_password_if_there_is_one(users, services, ada, clock):
    account = await services.accounts.find_credential(ada.user.id)
    assert await users.find_with_password("ADA@example.com") == (ada.user, account.password)
    await users.add(without := user_row(clock, BOB["email"]))
    assert await users.find_with_password(BOB["email"]) == (without, None)


async def test_another_way_of_signing_in_is_no_password(users, services, clock):
    await users.add(user := user_row(clock))
    account = await services.accounts.add_credential(user.id, "hash")
    await services.engine.accounts.change({"id": account.id}, provider_id="github")
    assert await users.find_with_password(ADA["email"]) == (user, None)
    assert await services.accounts.find_credential(user.id) is None


async def test_an_address_belongs_to_one_user(users, ada, clock):
    again = user_row(clock)
    with pytest.raises(UniqueViolation):
        await users.add(again)
    assert isinstance(await users.refusal(again), EmailTaken)
    assert isinstance(await users.refusal(user_row(clock, BOB["email"])), UserNotCreated)


async def test_a_change_sets_fields_and_the_time_of_change(users, ada, clock):
    clock.advance(hours=1)
    changed = await users.change(ada.user.id, name="Grace", image="https://a.test/x.png")
    assert (changed.name, changed.image, changed.updated_at) == ("Grace", "https://a.test/x.png", clock())
    assert (changed.created_at, changed.email) == (ada.user.created_at, ada.user.email)
    assert await users.get(ada.user.id) == changed


async def test_a_change_is_told_of_even_if_whoever_made_it_is_cancelled_meanwhile(users, services, ada, events):
    async with services.engine.transaction():
        await services.engine.users.change({"id": ada.user.id}, image="held")
        changing = asyncio.create_task(users.change(ada.user.id, name="Countess"))
        await asyncio.sleep(0)  # it waits for this transaction now
        changing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await changing
    assert (await users.get(ada.user.id)).name == "Countess"
    assert events.taken() == [UserChanged(ada.user.id)]


async def test_nobody_can_be_changed_who_is_not_there(users):
    with pytest.raises(NotFound):
        await users.change("nobody", name="Grace")


async def test_nobody_can_be_given_somebody_elses_address(users, ada, bob):
    with pytest.raises(EmailTaken):
        await users.change(bob.user.id, email=ADA["email"])
    assert await users.get(bob.user.id) == bob.user


async def test_changes_of_different_fields_at_once_do_not_undo_one_another(users, ada):
    await asyncio.gather(
        *(users.change(ada.user.id, name="Grace") for _ in range(10)),
        *(users.change(ada.user.id, email_verified=True) for _ in range(10)),
    )
    user = await users.get(ada.user.id)
    assert (user.name, user.email_verified) == ("Grace", True)


async def test_a_change_is_seen_by_every_session_at_once(users, services, ada):
    await users.change(ada.user.id, name="Grace")
    assert (await services.sessions.get_session(ada.session.token)).user.name == "Grace"
    assert (await services.passwords.sign_in(ADA["email"], PASSWORD)).user.name == "Grace"

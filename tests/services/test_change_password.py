"""Changing a password: who may, and what becomes of the sessions."""

from __future__ import annotations

import asyncio

import pytest

from asgi_auth import Device, PasswordOptions
from asgi_auth.errors import (
    CredentialAccountNotFound,
    InvalidCredentials,
    InvalidPassword,
    InvalidToken,
    PasswordTooCommon,
    PasswordTooLong,
    PasswordTooShort,
)
from tests.contracts.rows import user_row
from tests.support import ADA, BOB, PASSWORD

NEW = "another horse battery"


@pytest.fixture
def passwords(services):
    return services.passwords


async def test_the_new_password_counts_and_the_old_one_does_not(passwords, services, ada, clock):
    clock.advance(minutes=1)
    assert await passwords.change_password(ada.user.id, PASSWORD, NEW) is None
    with pytest.raises(InvalidCredentials):
        await passwords.sign_in(ADA["email"], PASSWORD)
    assert (await passwords.sign_in(ADA["email"], NEW)).user == ada.user
    assert (await services.accounts.find_credential(ada.user.id)).updated_at == clock()
    assert (await services.sessions.get_session(ada.session.token)).session == ada.session


async def test_ending_all_sessions_leaves_the_new_one_alone(passwords, services, ada, bob):
    await passwords.sign_in(ADA["email"], PASSWORD)
    device = Device(ip_address="203.0.113.7", user_agent="Firefox")
    session = await passwords.change_password(ada.user.id, PASSWORD, NEW, revokes_sessions=True, device=device)
    assert await services.sessions.list_user_sessions(ada.user.id) == [session]
    assert session.ip_address == "203.0.113.7"
    with pytest.raises(InvalidToken):
        await services.sessions.get_session(ada.session.token)
    assert (await services.sessions.get_session(bob.session.token)).user == bob.user


async def test_a_wrong_password_changes_nothing(passwords, ada):
    with pytest.raises(InvalidPassword):
        await passwords.change_password(ada.user.id, "wrong password", NEW, revokes_sessions=True)
    assert (await passwords.sign_in(ADA["email"], PASSWORD)).user == ada.user


async def test_who_has_no_password_cannot_change_it(passwords, services, clock):
    await services.users.add(user := user_row(clock, BOB["email"]))
    for user_id in (user.id, "nobody"):
        with pytest.raises(CredentialAccountNotFound):
            await passwords.change_password(user_id, PASSWORD, NEW)


async def test_a_new_password_is_held_to_the_rules(make_auth):
    options = PasswordOptions(blocklist=frozenset({"password123"}))
    passwords = make_auth(password=options).services.passwords
    user = (await passwords.sign_up(ADA["email"], PASSWORD, "Ada")).user
    for new, refusal in [
        ("1234567", PasswordTooShort),
        ("x" * 129, PasswordTooLong),
        ("Password123", PasswordTooCommon),
    ]:
        with pytest.raises(refusal):
            await passwords.change_password(user.id, PASSWORD, new)
    with pytest.raises(PasswordTooLong):
        await passwords.change_password(user.id, "x" * 129, NEW)


async def test_of_many_changes_at_once_one_counts(passwords, ada):
    changes = (passwords.change_password(ada.user.id, PASSWORD, f"{NEW} {number}") for number in range(20))
    outcomes = await asyncio.gather(*changes, return_exceptions=True)
    winners = [number for number, outcome in enumerate(outcomes) if outcome is None]
    assert len(winners) == 1
    assert {type(outcome) for outcome in outcomes if outcome is not None} == {InvalidPassword}
    assert (await passwords.sign_in(ADA["email"], f"{NEW} {winners[0]}")).user == ada.user


async def test_an_account_replaces_its_hash_only_while_the_old_one_is_in_place(services, ada, clock):
    old = (await services.accounts.find_credential(ada.user.id)).password
    clock.advance(minutes=1)
    assert await services.accounts.replace_password(ada.user.id, old_hash=old, new_hash="new")
    assert not await services.accounts.replace_password(ada.user.id, old_hash=old, new_hash="newer")
    account = await services.accounts.find_credential(ada.user.id)
    assert (account.password, account.updated_at) == ("new", clock())


async def test_who_signs_in_some_other_way_has_no_credential_account(services, clock):
    await services.users.add(user := user_row(clock))
    assert await services.accounts.find_credential(user.id) is None

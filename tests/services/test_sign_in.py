"""Signing in with a password: who is let in, and what the others may learn."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta

import pytest
from passlib.hash import argon2, bcrypt, pbkdf2_sha256

from asgi_auth import Auth, AuthConfig, Device, PasswordHasher, PasswordOptions
from asgi_auth.crypto.passwords import PasswordContext
from asgi_auth.errors import (
    EmailNotVerified,
    InvalidCredentials,
    InvalidEmail,
    InvalidPassword,
    Overloaded,
    PasswordSignInDisabled,
    PasswordTooLong,
)
from tests.contracts.rows import user_row
from tests.support import ADA, BOB, PASSWORD, SECRET

OUTDATED = {
    "bcrypt": bcrypt.using(rounds=4).hash(PASSWORD),
    "argon2": argon2.using(rounds=1, memory_cost=64, parallelism=2).hash(PASSWORD),
    "pbkdf2": pbkdf2_sha256.using(rounds=10).hash(PASSWORD),
    # made by Django 5.2 from "correct horse", its cost lowered
    "django": "pbkdf2_sha256$1000$saltSALT0123456789abcd$Dml/mnKY3WxlCU4e6yTHWLCBLln6ZbFUkh8QFLGDA34=",
}


@pytest.fixture
def passwords(services):
    return services.passwords


async def test_who_knows_the_password_is_let_in(services, ada, clock):
    clock.advance(minutes=1)
    device = Device(ip_address="203.0.113.7", user_agent="Firefox")
    signed_in = await services.passwords.sign_in("ADA@example.com", PASSWORD, device=device, is_remembered=False)
    assert signed_in.user == ada.user
    assert not signed_in.is_remembered
    assert signed_in.session.token != ada.session.token
    assert (signed_in.session.ip_address, signed_in.session.user_agent) == ("203.0.113.7", "Firefox")
    assert signed_in.session.expires_at == clock() + timedelta(days=1)
    live = await services.sessions.get_session(signed_in.session.token, refreshes=False)
    assert live.session == signed_in.session


@pytest.mark.parametrize("password", ["", "wrong", PASSWORD + " ", PASSWORD.upper()])
async def test_a_wrong_password_is_refused(services, ada, password):
    with pytest.raises(InvalidCredentials):
        await services.passwords.sign_in(ADA["email"], password)
    assert await services.engine.sessions.count() == 1


async def test_the_same_letters_written_differently_are_the_same_password(passwords):
    await passwords.sign_up(ADA["email"], "caf\u00e9 cr\u00e8me", "Ada")
    assert (await passwords.sign_in(ADA["email"], "cafe\u0301 cre\u0300me")).session is not None


async def test_what_is_no_address_or_no_password_is_refused_before_any_look(counted):
    services = counted()
    await services.start()
    with services.engine.recorded() as statements:
        with pytest.raises(InvalidEmail):
            await services.passwords.sign_in("ada", PASSWORD)
        with pytest.raises(PasswordTooLong):
            await services.passwords.sign_in(ADA["email"], "x" * 129)
    assert (statements, services.hasher.calls) == ([], [])


async def test_nobody_learns_who_has_an_account_from_the_work_done(counted, clock):
    services = counted()
    await services.passwords.sign_up(ADA["email"], PASSWORD, "Ada")
    await services.users.add(user_row(clock, BOB["email"]))  # a user without a password
    services.hasher.taken()
    work = []
    for email in (ADA["email"], BOB["email"], "nobody@example.com"):
        with services.engine.recorded() as statements, pytest.raises(InvalidCredentials) as caught:
            await services.passwords.sign_in(email, "wrong password")
        work.append((tuple(statements), tuple(services.hasher.taken()), str(caught.value)))
    assert len(set(work)) == 1
    assert work[0][1] == ("verify",)


async def test_many_signing_in_at_once_all_get_in(services, ada):
    found = await asyncio.gather(*(services.passwords.sign_in(ADA["email"], PASSWORD) for _ in range(20)))
    assert len({signed_in.session.token for signed_in in found}) == 20
    assert {signed_in.user.id for signed_in in found} == {ada.user.id}


async def test_signing_out_ends_the_session(services, ada):
    assert await services.passwords.sign_out(ada.session.token)
    assert not await services.passwords.sign_out(ada.session.token)
    assert not await services.sessions.is_session_active(ada.session.id)


async def test_credentials_can_be_verified_without_starting_anything(services, ada):
    assert await services.passwords.verify(ADA["email"], PASSWORD) == ada.user
    assert await services.engine.sessions.count() == 1


async def test_a_signed_in_user_can_be_asked_again(services, ada, clock):
    await services.passwords.verify_password(ada.user.id, PASSWORD)
    await services.users.add(without := user_row(clock, BOB["email"]))
    for user_id, password in [(ada.user.id, "wrong"), (without.id, PASSWORD), ("nobody", PASSWORD)]:
        with pytest.raises(InvalidPassword):
            await services.passwords.verify_password(user_id, password)


# as configured


async def test_without_passwords_nobody_signs_in_by_one(make_auth, database_url):
    await make_auth(database=database_url).services.passwords.sign_up(ADA["email"], PASSWORD, "Ada")
    services = make_auth(database=database_url, password=PasswordOptions(is_enabled=False)).services
    with pytest.raises(PasswordSignInDisabled):
        await services.passwords.sign_in(ADA["email"], PASSWORD)


async def test_only_who_knows_the_password_learns_that_the_address_is_not_verified(make_auth, database_url):
    services = make_auth(database=database_url, password=PasswordOptions(requires_verified_email=True)).services
    user = (await services.passwords.sign_up(ADA["email"], PASSWORD, "Ada")).user
    with pytest.raises(InvalidCredentials):
        await services.passwords.sign_in(ADA["email"], "wrong password")
    with pytest.raises(EmailNotVerified):
        await services.passwords.sign_in(ADA["email"], PASSWORD)
    await services.users.change(user.id, email_verified=True)
    assert (await services.passwords.sign_in(ADA["email"], PASSWORD)).session is not None


# hashes of other systems


@pytest.mark.parametrize("scheme", OUTDATED)
async def test_an_outdated_hash_is_good_for_one_more_time_and_then_replaced(counted, clock, scheme):
    services, user = counted(), user_row(clock)
    password = "correct horse" if scheme == "django" else PASSWORD
    await services.users.add(user)
    await services.accounts.add_credential(user.id, OUTDATED[scheme])
    with pytest.raises(InvalidCredentials):
        await services.passwords.sign_in(ADA["email"], "wrong password")
    assert (await services.accounts.find_credential(user.id)).password == OUTDATED[scheme]
    found = await asyncio.gather(*(services.passwords.sign_in(ADA["email"], password) for _ in range(5)))
    assert {signed_in.user.id for signed_in in found} == {user.id}
    replaced = (await services.accounts.find_credential(user.id)).password
    assert replaced.startswith("ln=1:")  # ours, at the cost of tests
    await services.passwords.sign_in(ADA["email"], password)
    assert (await services.accounts.find_credential(user.id)).password == replaced


# too much at once


class SlowContext(PasswordContext):
    """Hashes that wait until they are let go."""

    def __init__(self):
        super().__init__(cost=2)
        self.gate = threading.Event()

    def verify_and_update(self, secret, stored):
        assert self.gate.wait(30)
        return super().verify_and_update(secret, stored)


async def test_more_sign_ins_than_may_wait_are_refused_as_a_fault_and_not_as_wrong(clock):
    context = SlowContext()
    hasher = PasswordHasher(workers=1, max_queue=1, context=context)
    services = Auth(AuthConfig.testing(secret=SECRET), clock=clock, hasher=hasher).services
    await services.passwords.sign_up(ADA["email"], PASSWORD, "Ada")
    sign_ins = [asyncio.create_task(services.passwords.sign_in(ADA["email"], PASSWORD)) for _ in range(5)]
    refused = set()
    while len(refused) < 3:
        done, _ = await asyncio.wait(set(sign_ins) - refused, return_when=asyncio.FIRST_COMPLETED)
        refused |= done
    context.gate.set()
    outcomes = await asyncio.gather(*sign_ins, return_exceptions=True)
    overloaded = [outcome for outcome in outcomes if isinstance(outcome, Overloaded)]
    assert len(overloaded) == 3
    assert {(error.status, error.retry_after) for error in overloaded} == {(503, 1)}
    assert sum(not isinstance(outcome, BaseException) for outcome in outcomes) == 2
    await services.close()

"""Addresses: what holds whoever comes at the same time, and what is told of it."""

from __future__ import annotations

import asyncio

import pytest

from asgi_auth import EmailOptions, Secret
from asgi_auth.errors import (
    EmailTaken,
    InvalidVerificationToken,
    NotFound,
    VerificationDisabled,
    VerificationTokenExpired,
)
from asgi_auth.events import EmailChanged, EmailVerified, SessionCreated, UserChanged
from tests.mailbox import Mailbox
from tests.services.recorders import Events
from tests.support import ADA, BASE_URL, BOB, SECRET
from tests.tokens import claims, jwt

NEW = "countess@example.com"
CHANGE = {"updateTo": NEW, "requestType": "change-email-verification"}


async def test_verifying_is_told_once_and_saying_it_again_changes_nothing(services, ada, events, clock):
    token = jwt(claims(clock, ADA["email"], ada.user.id))
    clock.advance(minutes=1)
    outcomes = await asyncio.gather(*(services.emails.verify_email(token) for _ in range(5)))
    user = await services.users.get(ada.user.id)

    assert user.email_verified
    assert user.updated_at == clock()
    assert {outcome.user for outcome in outcomes} == {user}
    told = events.taken()
    assert sorted(map(repr, told)) == sorted(map(repr, [UserChanged(user.id), EmailVerified(user)]))


async def test_of_many_who_verify_an_address_at_once_one_is_signed_in(make_auth, database_url, clock):
    auth = make_auth(database=database_url, email=EmailOptions(signs_in_after_verification=True))
    services = auth.services
    user = (await services.passwords.sign_up(ADA["email"], ADA["password"], "Ada")).user
    events = Events(services.events)
    token = jwt(claims(clock, ADA["email"], user.id))
    outcomes = await asyncio.gather(*(services.emails.verify_email(token) for _ in range(5)))

    sessions = [outcome.signed_in.session for outcome in outcomes if outcome.signed_in]
    assert len(sessions) == 1
    assert SessionCreated(sessions[0], "email-verification") in events.taken()


async def test_a_change_is_told_with_the_address_before(services, ada, events, clock):
    token = jwt(claims(clock, ADA["email"], ada.user.id, **CHANGE))
    changed = (await services.emails.verify_email(token)).user
    assert (changed.id, changed.email) == (ada.user.id, NEW)
    assert events.taken() == [UserChanged(ada.user.id), EmailChanged(changed, ADA["email"])]


async def test_of_many_who_want_one_address_one_gets_it(services, ada, bob, clock):
    tokens = [jwt(claims(clock, person.user.email, person.user.id, **CHANGE)) for person in (ada, bob)] * 3
    outcomes = await asyncio.gather(*map(services.emails.verify_email, tokens), return_exceptions=True)

    won = [outcome for outcome in outcomes if not isinstance(outcome, Exception)]
    assert len(won) == 1
    assert won[0].user.email == NEW
    refused = {type(outcome) for outcome in outcomes if isinstance(outcome, Exception)}
    assert refused <= {EmailTaken, InvalidVerificationToken}
    loser = bob.user if won[0].user.id == ada.user.id else ada.user
    assert await services.users.get(loser.id) == loser


async def test_an_exchange_needs_what_it_replaces_to_be_there_still(services, ada):
    changed = await services.users.exchange(ada.user, email=NEW)
    assert changed.email == NEW
    assert await services.users.exchange(ada.user, email="third@example.com") is None
    assert await services.users.exchange(ada.user, email=ADA["email"], email_verified=True) is None
    assert await services.users.get(ada.user.id) == changed
    await services.deletions.delete(ada.user.id)
    assert await services.users.exchange(changed, name="x") is None
    with pytest.raises(NotFound):
        await services.users.change(ada.user.id, name="x")


async def test_a_link_outlives_the_secret_that_signed_it_while_that_is_known(make_auth, clock):
    newer = "another-secret-that-is-long-enough-0123456789"
    auth = make_auth(secrets=(Secret(newer, 2), Secret(SECRET, 1)), secret=None)
    user = (await auth.services.passwords.sign_up(ADA["email"], ADA["password"], "Ada")).user
    said = claims(clock, ADA["email"], user.id)
    for secret in (newer, SECRET):
        assert (await auth.services.emails.verify_email(jwt(said, secret=secret))).user.email == ADA["email"]
    with pytest.raises(InvalidVerificationToken):
        await auth.services.emails.verify_email(jwt(said, secret=newer[:-1]))


async def test_the_service_of_passwords_sends_and_verifies_as_well(make_auth, clock):
    mailbox = Mailbox()
    email = EmailOptions(answers_strangers_after=0 * EmailOptions().answers_strangers_after)
    auth = make_auth(base_url=BASE_URL, mail=mailbox.options, email=email)
    passwords = auth.services.passwords
    await passwords.sign_up(ADA["email"], ADA["password"], "Ada")
    await passwords.send_verification_email(ADA["email"])
    letter = await mailbox.link(auth)
    assert letter.url == f"{BASE_URL}/api/auth/verify-email?token={letter.token}&callbackURL=%2F"

    assert (await passwords.verify_email(letter.token)).email_verified
    clock.advance(hours=1)
    with pytest.raises(VerificationTokenExpired):
        await passwords.verify_email(letter.token)


async def test_where_nobody_sends_letters_none_is_promised(services, ada):
    for email in (ADA["email"], BOB["email"]):
        with pytest.raises(VerificationDisabled):
            await services.emails.send_verification_email(email)

"""Forgotten passwords: the letter, the link in it, and what becomes of the old password."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from asgi_auth import AuthConfig, ConfigurationError, ExistingUserMail, PasswordOptions, ResetPasswordMail
from asgi_auth.errors import (
    EmailTaken,
    InvalidCredentials,
    InvalidEmail,
    InvalidResetToken,
    InvalidToken,
    NotFound,
    PasswordAlreadySet,
    PasswordTooCommon,
    PasswordTooLong,
    PasswordTooShort,
    ResetPasswordDisabled,
    ResetUserNotFound,
)
from asgi_auth.events import PasswordChanged
from tests.contracts.rows import account_row, user_row
from tests.mailbox import Mailbox
from tests.services.recorders import Events
from tests.support import ADA, BASE_URL, BOB, PASSWORD, SECRET

NEW = "another horse battery"


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def make(make_auth, mailbox):
    def make(**options):
        return make_auth(mail=mailbox.options, base_url=BASE_URL, **options)

    return make


@pytest.fixture
def auth(make, database_url):
    return make(database=database_url)


@pytest.fixture
def passwords(services):
    return services.passwords


@pytest.fixture
def forget(auth, mailbox):
    """Has a link sent to Ada; returns its token."""

    async def forget(email=ADA["email"]):
        await auth.services.passwords.forget_password(email)
        return (await mailbox.link(auth)).token

    return forget


async def test_whoever_has_the_address_gets_a_letter_with_a_link(auth, passwords, mailbox, ada):
    await passwords.forget_password("ADA@example.com", redirect_to="/reset?a=1&b=ü#there (it is)")
    letter = await mailbox.link(auth)
    assert isinstance(letter, ResetPasswordMail)
    assert (letter.to, letter.user) == (ADA["email"], ada.user)
    assert letter.url == (
        f"{BASE_URL}/api/auth/reset-password/{letter.token}"
        "?callbackURL=%2Freset%3Fa%3D1%26b%3D%C3%BC%23there%20(it%20is)"
    )
    assert letter.url in letter.text
    assert len(letter.token) == 24
    assert letter.token.isalnum()


async def test_nobody_else_gets_one_and_nothing_is_stored(auth, passwords, mailbox, services, ada):
    await passwords.forget_password(BOB["email"])
    assert await mailbox.arrived(auth) == []
    assert await services.engine.verifications.count() == 0


async def test_what_is_no_address_is_refused(passwords):
    with pytest.raises(InvalidEmail):
        await passwords.forget_password("ada@example.com,bob@example.com")


async def test_without_anybody_who_sends_letters_there_are_no_links(make_auth):
    passwords = make_auth(base_url=BASE_URL).services.passwords
    with pytest.raises(ResetPasswordDisabled):
        await passwords.forget_password(ADA["email"])


async def test_a_link_has_to_lead_somewhere(make_auth):
    config = AuthConfig.development(secret=SECRET, database="sqlite://")
    passwords = make_auth(mail=config.mail).services.passwords
    with pytest.raises(ConfigurationError, match="base_url"):
        await passwords.forget_password(ADA["email"])


async def test_the_new_password_counts_and_the_old_one_does_not(passwords, services, ada, forget, clock):
    token = await forget()
    clock.advance(minutes=59)
    await passwords.reset_password(token, NEW)
    with pytest.raises(InvalidCredentials):
        await passwords.sign_in(ADA["email"], PASSWORD)
    assert (await passwords.sign_in(ADA["email"], NEW)).user == ada.user
    assert (await services.accounts.find_credential(ada.user.id)).updated_at == clock()


async def test_a_link_works_once(passwords, ada, forget):
    token = await forget()
    await passwords.reset_password(token, NEW)
    for _ in range(2):
        with pytest.raises(InvalidResetToken):
            await passwords.reset_password(token, "yet another horse")
    assert (await passwords.sign_in(ADA["email"], NEW)).user == ada.user


async def test_of_many_who_use_a_link_at_once_one_chooses_the_password(passwords, ada, forget):
    token = await forget()
    attempts = (passwords.reset_password(token, f"{NEW} {number}") for number in range(20))
    outcomes = await asyncio.gather(*attempts, return_exceptions=True)
    winners = [number for number, outcome in enumerate(outcomes) if outcome is None]
    assert len(winners) == 1
    assert {type(outcome) for outcome in outcomes if outcome is not None} == {InvalidResetToken}
    assert (await passwords.sign_in(ADA["email"], f"{NEW} {winners[0]}")).user == ada.user


async def test_a_link_works_until_it_expires(passwords, ada, forget, clock):
    token = await forget()
    assert await passwords.is_reset_token_live(token)
    clock.advance(hours=1, milliseconds=1)
    assert not await passwords.is_reset_token_live(token)
    with pytest.raises(InvalidResetToken):
        await passwords.reset_password(token, NEW)


async def test_how_long_a_link_works_can_be_chosen(make, mailbox, clock):
    auth = make(password=PasswordOptions(reset_lifetime=timedelta(minutes=5)))
    passwords = auth.services.passwords
    await passwords.sign_up(ADA["email"], PASSWORD, "Ada")
    await passwords.forget_password(ADA["email"])
    token = (await mailbox.link(auth)).token
    clock.advance(minutes=5, milliseconds=1)
    with pytest.raises(InvalidResetToken):
        await passwords.reset_password(token, NEW)


async def test_all_links_to_a_user_die_with_the_first_that_is_used_and_nobody_elses(passwords, ada, bob, forget):
    tokens = [await forget() for _ in range(3)]
    bobs = await forget(BOB["email"])
    await passwords.reset_password(tokens[1], NEW)
    for token in tokens:
        with pytest.raises(InvalidResetToken):
            await passwords.reset_password(token, NEW)
    await passwords.reset_password(bobs, NEW)


async def test_a_changed_password_kills_the_links_that_were_sent_before(passwords, ada, forget):
    token = await forget()
    await passwords.change_password(ada.user.id, PASSWORD, NEW)
    with pytest.raises(InvalidResetToken):
        await passwords.reset_password(token, "yet another horse")


@pytest.mark.parametrize(
    ("new", "refusal"),
    [("1234567", PasswordTooShort), ("x" * 129, PasswordTooLong), ("Password123", PasswordTooCommon)],
)
async def test_a_refused_password_does_not_use_the_link_up(make, mailbox, new, refusal):
    auth = make(password=PasswordOptions(blocklist=frozenset({"password123"})))
    passwords = auth.services.passwords
    await passwords.sign_up(ADA["email"], PASSWORD, "Ada")
    await passwords.forget_password(ADA["email"])
    token = (await mailbox.link(auth)).token
    with pytest.raises(refusal):
        await passwords.reset_password(token, new)
    await passwords.reset_password(token, NEW)


async def test_who_had_no_password_has_one_from_now_on(passwords, services, forget, clock):
    await services.users.add(user := user_row(clock))
    await services.engine.accounts.add(account_row(clock, user.id, provider_id="github"))
    await passwords.reset_password(await forget(user.email), NEW)
    assert (await passwords.sign_in(user.email, NEW)).user == user
    assert await services.engine.accounts.count(user_id=user.id) == 2


async def test_two_links_at_once_give_one_account(passwords, services, forget, clock):
    await services.users.add(user := user_row(clock))
    tokens = [await forget(user.email) for _ in range(5)]
    attempts = (passwords.reset_password(token, NEW) for token in tokens)
    outcomes = await asyncio.gather(*attempts, return_exceptions=True)
    assert outcomes.count(None) == 1
    assert await services.engine.accounts.count(user_id=user.id) == 1


async def test_the_link_of_a_user_who_is_gone_says_so(passwords, services, ada, forget):
    token = await forget()
    await services.engine.users.remove(id=ada.user.id)
    for _ in range(2):
        with pytest.raises(ResetUserNotFound):
            await passwords.reset_password(token, NEW)
    assert await services.engine.accounts.count() == 0


@pytest.mark.parametrize("revokes", [True, False])
async def test_a_reset_ends_all_sessions_where_configured(make, mailbox, database_url, revokes):
    auth = make(database=database_url, password=PasswordOptions(revokes_sessions_on_reset=revokes))
    services = auth.services
    session = (await services.passwords.sign_up(ADA["email"], PASSWORD, "Ada")).session
    others = (await services.passwords.sign_up(BOB["email"], PASSWORD, "Bob")).session
    await services.passwords.forget_password(ADA["email"])
    await services.passwords.reset_password((await mailbox.link(auth)).token, NEW)
    if revokes:
        with pytest.raises(InvalidToken):
            await services.sessions.get_session(session.token)
    else:
        assert (await services.sessions.get_session(session.token)).session == session
    assert (await services.sessions.get_session(others.token)).session == others


def test_in_production_a_reset_ends_all_sessions():
    config = AuthConfig.production(secret=SECRET, database="sqlite://", base_url="https://app.test")
    assert config.password.revokes_sessions_on_reset is True


async def test_listeners_hear_of_the_new_password_once_it_is_stored(passwords, services, ada, forget):
    events = Events(services.events)
    token = await forget()
    await passwords.reset_password(token, NEW)
    with pytest.raises(InvalidResetToken):
        await passwords.reset_password(token, NEW)
    assert events.taken() == [PasswordChanged(ada.user.id, "reset")]


async def test_a_hash_is_made_before_the_link_is_used_up_and_never_for_a_bad_one(counted, mailbox):
    services = counted(mail=mailbox.options, base_url=BASE_URL)
    await services.passwords.sign_up(ADA["email"], PASSWORD, "Ada")
    services.hasher.taken()
    with pytest.raises(InvalidResetToken):
        await services.passwords.reset_password("x" * 24, NEW)
    assert services.hasher.taken() == []


async def test_the_server_gives_a_password_to_who_has_none(passwords, services, clock):
    await services.users.add(user := user_row(clock))
    events = Events(services.events)
    await passwords.set_password(user.id, NEW)
    assert (await passwords.sign_in(user.email, NEW)).user == user
    assert PasswordChanged(user.id, "set") in events.taken()


async def test_who_has_a_password_is_not_given_another(passwords, ada):
    with pytest.raises(PasswordAlreadySet):
        await passwords.set_password(ada.user.id, NEW)
    assert (await passwords.sign_in(ADA["email"], PASSWORD)).user == ada.user


async def test_nobody_is_given_a_password_who_is_not_there(passwords):
    with pytest.raises(NotFound):
        await passwords.set_password("nobody", NEW)
    with pytest.raises(PasswordTooShort):
        await passwords.set_password("nobody", "short")


async def test_of_many_who_set_a_password_at_once_one_does(passwords, services, clock):
    await services.users.add(user := user_row(clock))
    attempts = (passwords.set_password(user.id, f"{NEW} {number}") for number in range(8))
    outcomes = await asyncio.gather(*attempts, return_exceptions=True)
    assert outcomes.count(None) == 1
    assert {type(outcome) for outcome in outcomes if outcome is not None} == {PasswordAlreadySet}
    assert await services.engine.accounts.count(user_id=user.id) == 1


QUIET = [PasswordOptions(signs_in_after_sign_up=False), PasswordOptions(requires_verified_email=True)]


@pytest.mark.parametrize("quiet", QUIET)
@pytest.mark.parametrize("tells", [True, False])
async def test_the_owner_of_a_taken_address_gets_a_letter_where_configured(make, mailbox, quiet, tells):
    options = {"signs_in_after_sign_up": quiet.signs_in_after_sign_up}
    options["requires_verified_email"] = quiet.requires_verified_email
    auth = make(password=PasswordOptions(**options, tells_existing_user=tells))
    first = await auth.services.passwords.sign_up(ADA["email"], PASSWORD, "Ada")
    mailbox.letters.clear()
    await auth.services.passwords.sign_up("ADA@example.com", PASSWORD, "Mallory")
    told = [letter for letter in await mailbox.arrived(auth) if isinstance(letter, ExistingUserMail)]
    assert [(letter.to, letter.user) for letter in told] == ([(ADA["email"], first.user)] if tells else [])


async def test_who_is_told_at_once_that_an_address_is_taken_sends_no_letter(make, mailbox):
    auth = make(password=PasswordOptions(tells_existing_user=True))
    await auth.services.passwords.sign_up(ADA["email"], PASSWORD, "Ada")
    with pytest.raises(EmailTaken):
        await auth.services.passwords.sign_up(ADA["email"], PASSWORD, "Mallory")
    assert [letter for letter in await mailbox.arrived(auth) if isinstance(letter, ExistingUserMail)] == []


@pytest.mark.parametrize("what", ["changed", "gone"])
async def test_a_letter_that_was_asked_for_before_the_address_changed_is_not_written(
    services, ada, mailbox, auth, what
):
    """The letters are beside the request, so that the change may come between."""
    user = ada.user
    async with services.engine.transaction():
        await services.engine.user_queries.lock(user.id)
        await services.passwords.forget_password(ADA["email"])  # the letter waits for the lock
        if what == "changed":
            await services.users.change(user.id, email="countess@example.com")
        else:
            await services.deletions.delete(user.id)
        await services.verifications.revoke_all(value=user.id)
    assert await mailbox.arrived(auth) == []
    assert await services.engine.verifications.count() == 0

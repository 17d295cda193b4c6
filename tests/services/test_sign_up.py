"""Signing up: who gets an account, and what others may learn from trying."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Annotated

import pytest

from asgi_auth import Device, FieldRules, MailOptions, PasswordOptions, User
from asgi_auth.errors import (
    EmailTaken,
    InvalidEmail,
    PasswordTooCommon,
    PasswordTooLong,
    PasswordTooShort,
    SignUpDisabled,
    UserNotCreated,
)
from tests.support import ADA, BASE_URL, PASSWORD


@pytest.fixture
def passwords(services):
    return services.passwords


@pytest.fixture
def with_options(make_auth, database_url):
    """Services with the password options given."""
    return lambda **options: make_auth(database=database_url, password=PasswordOptions(**options)).services


async def test_who_signs_up_has_a_user_an_account_and_a_session(services, clock):
    device = Device(ip_address="203.0.113.7", user_agent="Firefox")
    image = "https://a.test/ada.png"
    signed_up = await services.passwords.sign_up(
        "Ada@Example.COM", PASSWORD, "Ada", image=image, device=device, is_remembered=False
    )
    user, session = signed_up.user, signed_up.session
    assert (user.name, user.email, user.email_verified, user.image) == ("Ada", "ada@example.com", False, image)
    assert user.created_at == user.updated_at == clock()
    assert (session.user_id, session.ip_address, session.user_agent) == (user.id, "203.0.113.7", "Firefox")
    assert session.expires_at == clock() + timedelta(days=1)
    account = await services.accounts.find_credential(user.id)
    assert (account.account_id, account.provider_id, account.user_id) == (user.id, "credential", user.id)
    assert PASSWORD not in account.password
    assert account.password not in repr(account)
    assert await services.users.get(user.id) == user


async def test_an_address_is_taken_whatever_its_letter_case(passwords, services, ada):
    for email in (ADA["email"], ADA["email"].upper(), "Ada@Example.com"):
        with pytest.raises(EmailTaken):
            await passwords.sign_up(email, PASSWORD, "Impostor")
    assert await services.engine.users.count() == await services.engine.accounts.count() == 1
    assert (await services.users.get(ada.user.id)).name == "Ada"


async def test_of_many_who_sign_up_with_one_address_at_once_one_gets_it(passwords, services):
    attempts = (passwords.sign_up(ADA["email"], PASSWORD, f"Ada {number}") for number in range(20))
    outcomes = await asyncio.gather(*attempts, return_exceptions=True)
    winners = [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
    assert len(winners) == 1
    assert {type(outcome) for outcome in outcomes if outcome is not winners[0]} == {EmailTaken}
    counts = [await store.count() for store in (services.engine.users, services.engine.accounts)]
    assert counts == [1, 1]
    assert (await services.sessions.get_session(winners[0].session.token)).user == winners[0].user


async def test_what_is_no_address_is_refused(passwords):
    for email in (
        "",
        "ada",
        "ada@example",
        "ada@example.c",
        "ada @example.com",
        "ada@exämple.com",
        "a" * 250 + "@b.de",
    ):
        with pytest.raises(InvalidEmail):
            await passwords.sign_up(email, PASSWORD, "Ada")


# the password


@pytest.mark.parametrize(
    ("password", "refusal"),
    [
        ("1234567", PasswordTooShort),
        ("12345678", None),
        ("x" * 128, None),
        ("x" * 129, PasswordTooLong),
        ("\N{GRINNING FACE}" * 3 + "x", PasswordTooShort),  # 7 units of UTF-16
        ("\N{GRINNING FACE}" * 4, None),
        ("\N{GRINNING FACE}" * 64, None),
        ("\N{GRINNING FACE}" * 64 + "x", PasswordTooLong),
        ("é" * 7, PasswordTooShort),
        ("", PasswordTooShort),
    ],
)
async def test_lengths_are_counted_as_javascript_counts(make_auth, password, refusal):
    passwords = make_auth().services.passwords
    if refusal is None:
        signed_up = await passwords.sign_up(ADA["email"], password, "Ada")
        assert (await passwords.sign_in(ADA["email"], password)).user == signed_up.user
    else:
        with pytest.raises(refusal):
            await passwords.sign_up(ADA["email"], password, "Ada")


async def test_lengths_are_as_configured(make_auth):
    passwords = make_auth(password=PasswordOptions(min_length=3, max_length=5)).services.passwords
    for password, refusal in [("ab", PasswordTooShort), ("abcdef", PasswordTooLong)]:
        with pytest.raises(refusal):
            await passwords.sign_up(ADA["email"], password, "Ada")
    assert (await passwords.sign_up(ADA["email"], "abc", "Ada")).session is not None


@pytest.mark.parametrize("listed", ["correct horse", "Correct Horse"])
async def test_a_blocked_password_is_refused_in_every_letter_case(make_auth, listed):
    options = PasswordOptions(blocklist=frozenset({listed}))
    passwords = make_auth(password=options).services.passwords
    for password in ("correct horse", "Correct Horse", "CORRECT HORSE"):
        with pytest.raises(PasswordTooCommon):
            await passwords.sign_up(ADA["email"], password, "Ada")
    assert (await passwords.sign_up(ADA["email"], "correct horses", "Ada")).session is not None


# as configured


async def test_where_nobody_may_sign_up_nobody_does(with_options):
    for services in (with_options(allows_sign_up=False), with_options(is_enabled=False)):
        with pytest.raises(SignUpDisabled):
            await services.passwords.sign_up(ADA["email"], PASSWORD, "Ada")
        assert await services.engine.users.count() == 0


@pytest.mark.parametrize("option", [{"signs_in_after_sign_up": False}, {"requires_verified_email": True}])
async def test_where_nobody_is_signed_in_at_once_a_taken_address_looks_like_a_new_one(with_options, option):
    services = with_options(**option)
    new = await services.passwords.sign_up(ADA["email"], PASSWORD, "Ada")
    taken = await services.passwords.sign_up(ADA["email"], "another password", "Ada")
    assert new.session is None
    assert taken.session is None
    assert taken.user.id != new.user.id
    assert {name: getattr(taken.user, name) for name in ("name", "email", "email_verified", "created_at")} == {
        name: getattr(new.user, name) for name in ("name", "email", "email_verified", "created_at")
    }
    assert await services.engine.users.count() == 1
    assert await services.users.find(taken.user.id) is None


async def test_a_taken_address_costs_the_same_hash_where_it_must_not_show(counted):
    services = counted(password=PasswordOptions(signs_in_after_sign_up=False))
    await services.passwords.sign_up(ADA["email"], PASSWORD, "Ada")
    first = services.hasher.taken()
    await services.passwords.sign_up(ADA["email"], PASSWORD, "Ada")
    assert services.hasher.taken() == first == ["hash"]


async def test_a_race_for_an_address_does_not_show_either(with_options):
    services = with_options(signs_in_after_sign_up=False)
    attempts = (services.passwords.sign_up(ADA["email"], PASSWORD, "Ada") for _ in range(20))
    signed_up = await asyncio.gather(*attempts)
    stored = await services.users.find_by_email(ADA["email"])
    assert len({outcome.user.id for outcome in signed_up}) == 20
    assert stored.id in {outcome.user.id for outcome in signed_up}


QUIET = [PasswordOptions(signs_in_after_sign_up=False), PasswordOptions(requires_verified_email=True)]


class Badged(User, frozen=True, kw_only=True):
    """A user with a value that nobody else may have."""

    badge: Annotated[str | None, FieldRules(unique=True)] = None


@pytest.mark.parametrize("quiet", QUIET)
async def test_a_taken_address_costs_the_same_hash_and_the_same_writes_and_leaves_nothing(counted, quiet):
    services = counted(password=quiet, mail=MailOptions(sender="log"), base_url=BASE_URL)
    await services.passwords.sign_up("first@example.com", PASSWORD, "First")
    services.hasher.taken()
    work = []
    for name in ("Ada", "Mallory"):
        with services.engine.recorded() as statements:
            await services.passwords.sign_up(ADA["email"], PASSWORD, name)
        inserts = [statement.split("(")[0] for statement in statements if statement.startswith("INSERT")]
        work.append((services.hasher.taken(), inserts))
    assert work[0] == work[1]
    assert await services.engine.users.count() == 2
    assert await services.engine.accounts.count() == 2


@pytest.mark.parametrize("quiet", QUIET)
async def test_a_value_that_another_user_has_does_not_tell_whether_an_address_is_taken(counted, quiet):
    services = counted(password=quiet, mail=MailOptions(sender="log"), base_url=BASE_URL, user_model=Badged)
    await services.passwords.sign_up("first@example.com", PASSWORD, "First", {"badge": "7"})
    for email in ("first@example.com", "nobody@example.com"):
        with pytest.raises(UserNotCreated):
            await services.passwords.sign_up(email, PASSWORD, "Mallory", {"badge": "7"})

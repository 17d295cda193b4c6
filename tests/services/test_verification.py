"""Secrets that work once, for one purpose, for a while."""

from __future__ import annotations

import asyncio
import string
from datetime import timedelta

import pytest

from asgi_auth import ConfigurationError
from asgi_auth.errors import InvalidToken
from asgi_auth.services.verification import Purpose
from tests.contracts.rows import verification_row

pytestmark = pytest.mark.every_storage

RESET = Purpose(prefix="reset-password:", length=24, lifetime=timedelta(hours=1))
INVITE = Purpose(prefix="invite:", length=24, lifetime=timedelta(days=2))
CODE = Purpose(prefix="code:", length=6, lifetime=timedelta(minutes=5), alphabet=string.digits)


@pytest.fixture
def verifications(services):
    return services.verifications


async def test_a_secret_is_redeemed_for_what_it_stands_for_once(verifications):
    secret = await verifications.issue(RESET, value="user-1")
    assert await verifications.redeem(RESET, secret) == "user-1"
    for _ in range(2):
        with pytest.raises(InvalidToken):
            await verifications.redeem(RESET, secret)


async def test_of_many_who_redeem_a_secret_at_once_one_gets_it(verifications):
    secret = await verifications.issue(RESET, value="user-1")
    attempts = (verifications.redeem(RESET, secret) for _ in range(50))
    outcomes = await asyncio.gather(*attempts, return_exceptions=True)
    assert outcomes.count("user-1") == 1
    assert {type(outcome) for outcome in outcomes if outcome != "user-1"} == {InvalidToken}


async def test_redeemed_elsewhere_a_secret_is_refused_and_not_used_up(verifications):
    secret = await verifications.issue(RESET, value="user-1")
    with pytest.raises(InvalidToken):
        await verifications.redeem(INVITE, secret)
    assert await verifications.find(INVITE, secret) is None
    assert await verifications.redeem(RESET, secret) == "user-1"


async def test_one_purposes_name_cannot_be_passed_off_as_anothers_secret(verifications, services, clock):
    outer = Purpose(prefix="reset", length=24, lifetime=timedelta(hours=1))
    secret = await verifications.issue(RESET, value="user-1")
    for offered in ("-password:" + secret, ("-password:" + secret)[:24]):
        with pytest.raises(InvalidToken):
            await verifications.redeem(outer, offered)
    assert await verifications.redeem(RESET, secret) == "user-1"


async def test_redeemed_for_somebody_else_a_secret_is_refused_and_not_used_up(verifications):
    secret = await verifications.issue(RESET, value="user-1")
    for value in ("user-2", "", "user-1 "):
        with pytest.raises(InvalidToken):
            await verifications.redeem(RESET, secret, value=value)
    assert await verifications.redeem(RESET, secret, value="user-1") == "user-1"
    with pytest.raises(InvalidToken):
        await verifications.redeem(RESET, secret, value="user-1")


async def test_all_that_stands_for_somebody_is_revoked_at_once(verifications):
    secrets = [(purpose, await verifications.issue(purpose, value="user-1")) for purpose in (RESET, INVITE)]
    kept = await verifications.issue(RESET, value="user-2")
    assert await verifications.revoke_all(value="user-1") == 2
    for purpose, secret in secrets:
        with pytest.raises(InvalidToken):
            await verifications.redeem(purpose, secret)
    assert await verifications.redeem(RESET, kept) == "user-2"


async def test_looking_does_not_use_a_secret_up(verifications):
    secret = await verifications.issue(RESET, value="user-1")
    assert await verifications.find(RESET, secret) == "user-1"
    assert await verifications.redeem(RESET, secret) == "user-1"
    assert await verifications.find(RESET, secret) is None


@pytest.mark.parametrize("offered", ["", "x", "a" * 23, "a" * 25, "a" * 23 + "-", "é" * 24, "\0" * 24, "%" * 24])
async def test_what_could_be_no_secret_is_refused_without_a_look(verifications, services, offered):
    await verifications.issue(RESET, value="user-1")
    with services.engine.recorded() as statements:
        assert await verifications.find(RESET, offered) is None
        with pytest.raises(InvalidToken):
            await verifications.redeem(RESET, offered)
    assert statements == []


async def test_a_secret_has_the_length_and_letters_of_its_purpose(verifications):
    assert RESET.accepts(await verifications.issue(RESET, value="x"))
    code = await verifications.issue(CODE, value="x")
    assert len(code) == 6
    assert code.isdecimal()
    assert not RESET.accepts(code)


async def test_a_secret_holds_until_the_last_moment(verifications, clock):
    first, second, third = [await verifications.issue(RESET, value="user-1") for _ in range(3)]
    clock.advance(hours=1)
    assert await verifications.find(RESET, first) == "user-1"
    assert await verifications.redeem(RESET, second) == "user-1"
    clock.advance(milliseconds=1)
    assert await verifications.find(RESET, third) is None
    with pytest.raises(InvalidToken):
        await verifications.redeem(RESET, third)


async def test_a_redemption_that_is_undone_leaves_the_secret_good(verifications, services):
    secret = await verifications.issue(RESET, value="user-1")

    async def redeem_and_fail():
        async with services.engine.transaction():
            assert await verifications.redeem(RESET, secret) == "user-1"
            raise LookupError

    with pytest.raises(LookupError):
        await redeem_and_fail()
    assert await verifications.redeem(RESET, secret) == "user-1"


@pytest.mark.in_database
async def test_all_rows_of_one_name_go_together_and_the_live_one_counts(verifications, services, clock):
    secret, name = "a" * 24, RESET.prefix + "a" * 24
    later = clock() + timedelta(hours=1)
    await services.engine.verifications.add(verification_row(clock, name, value="expired", expires_at=clock()))
    await services.engine.verifications.add(verification_row(clock, name, value="live", expires_at=later))
    clock.advance(seconds=1)
    assert await verifications.redeem(RESET, secret) == "live"
    assert await services.engine.verifications.count() == 0


@pytest.mark.in_database
async def test_what_has_expired_is_cleaned_away_once_a_minute(verifications, services, clock):
    await verifications.issue(CODE, value="x")
    clock.advance(minutes=5, milliseconds=1)
    kept = await verifications.issue(RESET, value="y")
    assert await services.engine.verifications.count() == 1
    with services.engine.recorded() as statements:
        await verifications.issue(CODE, value="z")
        clock.advance(seconds=59)
        await verifications.issue(CODE, value="z")
    assert len(statements) == 2
    clock.advance(seconds=1)
    with services.engine.recorded() as statements:
        await verifications.issue(CODE, value="z")
    assert len(statements) == 2
    assert await verifications.redeem(RESET, kept) == "y"


@pytest.mark.in_database
async def test_the_row_is_named_as_better_auth_names_it_and_tells_nothing_in_its_repr(verifications, services, clock):
    secret = await verifications.issue(RESET, value="user-1")
    row = await services.engine.verifications.find(identifier=f"reset-password:{secret}")
    assert (row.value, row.expires_at) == ("user-1", clock() + timedelta(hours=1))
    assert secret not in repr(row)
    assert "user-1" not in repr(row)


@pytest.mark.parametrize(
    "wrong", [{"prefix": ""}, {"length": 0}, {"lifetime": timedelta()}, {"lifetime": timedelta(seconds=-1)}]
)
def test_a_purpose_needs_a_prefix_a_length_and_a_lifetime(wrong):
    with pytest.raises(ConfigurationError):
        Purpose(**{"prefix": "x:", "length": 24, "lifetime": timedelta(hours=1), **wrong})


async def test_secrets_of_one_purpose_that_stand_for_one_user_can_be_made_worthless(verifications):
    own = [await verifications.issue(RESET, value="user-1") for _ in range(3)]
    kept = [
        (RESET, "user-2", await verifications.issue(RESET, value="user-2")),
        (INVITE, "user-1", await verifications.issue(INVITE, value="user-1")),
    ]
    assert await verifications.revoke(RESET, value="user-1") == 3
    assert await verifications.revoke(RESET, value="user-1") == 0
    for secret in own:
        with pytest.raises(InvalidToken):
            await verifications.redeem(RESET, secret)
    for purpose, value, secret in kept:
        assert await verifications.redeem(purpose, secret) == value

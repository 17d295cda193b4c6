"""Nobody's mailbox is flooded, and whoever asks for letters is not told."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from asgi_auth import RateLimit, RateLimitOptions
from asgi_auth.mails import ResetPasswordMail
from tests.endpoints.limited import client_of
from tests.mailbox import Mailbox
from tests.services.recorders import Figures
from tests.support import ADA, BASE_URL, BOB, browser, sign_up, whoami

LETTERS = RateLimitOptions(is_enabled=True, rules={"**": None})


def posting(make_auth, *, rate_limits=LETTERS, **options):
    mailbox = Mailbox()
    return make_auth(base_url=BASE_URL, mail=mailbox.options, rate_limits=rate_limits, **options), mailbox


async def asks_for_a_letter(client, email: str) -> tuple[int, str]:
    response = await client.post("/api/auth/request-password-reset", json={"email": email})
    return response.status_code, response.text


async def test_five_letters_an_hour_reach_one_address(make_auth, clock):
    auth, mailbox = posting(make_auth)
    async with browser(auth.wrap(whoami)) as client:
        await sign_up(client)
        for _ in range(7):
            await asks_for_a_letter(client, ADA["email"])
        assert len(await mailbox.arrived(auth)) == 5
        clock.advance(hours=1)
        await asks_for_a_letter(client, ADA["email"])
        assert len(await mailbox.arrived(auth)) == 6


async def test_a_dropped_letter_is_answered_like_every_other(make_auth):
    auth, _ = posting(make_auth)
    async with browser(auth.wrap(whoami)) as client:
        await sign_up(client)
        answers = {await asks_for_a_letter(client, ADA["email"]) for _ in range(7)}
        assert len(answers) == 1
        assert answers == {await asks_for_a_letter(client, BOB["email"])}


async def test_a_dropped_letter_is_noted_without_its_address(make_auth):
    figures = Figures()
    auth, mailbox = posting(
        make_auth,
        metrics=figures,
        rate_limits=RateLimitOptions(is_enabled=True, mails_per_address=RateLimit(1, timedelta(hours=1))),
    )
    user = (await auth.services.passwords.sign_up(ADA["email"], ADA["password"], "Ada")).user
    letter = ResetPasswordMail(to=ADA["email"], app_name="Test", user=user, url="https://app.test/x", token="x")
    with capture_logs() as logs:
        auth.services.mails.send(letter)
        auth.services.mails.send(letter)
        assert len(await mailbox.arrived(auth)) == 1
    assert figures.counts.count(("auth.rate_limit.refused", {"rule": "mails_per_address"})) == 1
    dropped = [entry for entry in logs if entry["event"] == "mail.dropped"]
    assert [entry["reason"] for entry in dropped] == ["too many to one address"]
    assert not any(ADA["email"] in str(entry) for entry in dropped)


async def test_letters_are_counted_one_by_one_however_many_leave_at_once(make_auth):
    auth, _ = posting(make_auth)
    allowed = await asyncio.gather(*(auth.services.rate_limits.allows_mail(ADA["email"]) for _ in range(200)))
    assert sum(allowed) == 5
    assert not await auth.services.rate_limits.allows_mail(ADA["email"].upper())
    assert await auth.services.rate_limits.allows_mail(BOB["email"])


@pytest.mark.parametrize(("is_verified", "own"), [(True, 5), (False, 0)])
async def test_strangers_who_ask_for_letters_keep_none_away_from_where_the_owner_is_known(make_auth, is_verified, own):
    """Unless the address was never proved: anybody could be known then, from as many places as they like."""
    auth, mailbox = posting(make_auth)
    async with client_of(auth, "203.0.113.7") as home, client_of(auth, "198.51.100.9") as elsewhere:
        user = (await sign_up(home)).json()["user"]
        await auth.services.users.change(user["id"], email_verified=is_verified)
        home.cookies.clear()
        for client, expected in [(elsewhere, 5), (home, 5 + own), (elsewhere, 5 + own)]:
            for _ in range(7):
                await asks_for_a_letter(client, ADA["email"])
            assert len(await mailbox.arrived(auth)) == expected

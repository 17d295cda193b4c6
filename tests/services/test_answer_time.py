"""Work that takes at least so long."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from asgi_auth import EmailOptions
from asgi_auth.errors import InvalidEmail, Unavailable
from asgi_auth.services.answer_time import AnswerTime
from asgi_auth.services.email import EmailService
from tests.mailbox import Mailbox
from tests.support import ADA, BASE_URL


class Watch:
    """A clock that moves while somebody sleeps by it, or works."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def answer_time(self, seconds: float) -> AnswerTime:
        return AnswerTime(timedelta(seconds=seconds), now=lambda: self.now, sleep=self.sleep)


@pytest.fixture
def watch():
    return Watch()


@pytest.mark.parametrize(("work", "slept"), [(0.0, [0.5]), (0.125, [0.375]), (0.5, []), (2.0, [])])
async def test_what_is_left_of_the_time_is_slept(watch, work, slept):
    async with watch.answer_time(0.5).floor():
        watch.now += work
    assert watch.slept == slept


async def test_a_fault_takes_as_long_as_a_success(watch):
    with pytest.raises(Unavailable):
        async with watch.answer_time(0.5).floor():
            raise Unavailable
    assert watch.slept == [0.5]


async def test_work_that_is_cancelled_is_not_held_up(watch):
    with pytest.raises(asyncio.CancelledError):
        async with watch.answer_time(0.5).floor():
            raise asyncio.CancelledError
    assert watch.slept == []


async def test_a_stranger_waits_as_long_for_a_known_address_as_for_an_unknown_one(make_auth, clock, watch):
    mailbox = Mailbox()
    auth = make_auth(base_url=BASE_URL, mail=mailbox.options, email=EmailOptions())
    services = auth.services
    emails = EmailService(
        services.engine,
        auth.config,
        services.rooms,
        signer=services.signer,
        clock=clock,
        events=services.events,
        answer_time=watch.answer_time(0.5),
    )
    await services.passwords.sign_up(ADA["email"], ADA["password"], ADA["name"])
    for email in (ADA["email"], "ghost@example.com"):
        await emails.send_verification_email(email)
    with pytest.raises(InvalidEmail):
        await emails.send_verification_email("bad")

    assert watch.slept == [0.5, 0.5]
    assert [letter.to for letter in await mailbox.arrived(auth)] == [ADA["email"]]

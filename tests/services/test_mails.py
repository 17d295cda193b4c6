"""Letters under way: beside the request, bounded, in whichever event loop, waited for at the end."""

from __future__ import annotations

import asyncio
import gc
from contextlib import suppress
from datetime import timedelta

import pytest
import structlog

from asgi_auth import MailOptions, ResetPasswordMail
from asgi_auth.services.mail import MailService
from tests.contracts.rows import user_row
from tests.support import FrozenClock

LETTER = ResetPasswordMail(
    to="ada@example.com", user=user_row(FrozenClock()), url="https://app.test/canary-link", token="canary-token"
)


class SlowSender:
    """Sends a letter once it is let."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.is_let = asyncio.Event()

    async def __call__(self, mail):
        await self.is_let.wait()
        self.sent.append(mail.to)


def service(sender, **options) -> MailService:
    return MailService(MailOptions(sender=sender, **options), sender)


async def test_nothing_of_a_letter_runs_before_the_caller_waits():
    sender, began = SlowSender(), []

    async def write():
        began.append(True)
        return LETTER

    mails = service(sender)
    mails.send_later(write)
    assert began == []
    sender.is_let.set()
    await mails.settle()
    assert (began, sender.sent) == ([True], [LETTER.to])


async def test_no_letter_is_no_letter():
    sender = SlowSender()

    async def write():
        return None

    with structlog.testing.capture_logs() as events:
        mails = service(sender)
        mails.send_later(write)
        await mails.settle()
    assert (sender.sent, events) == ([], [])


async def test_settling_waits_for_letters_that_are_asked_for_meanwhile():
    sender = SlowSender()
    mails = service(sender)
    mails.send(LETTER)
    settling = asyncio.create_task(mails.settle())
    await asyncio.sleep(0)
    mails.send(LETTER)
    sender.is_let.set()
    await settling
    assert sender.sent == [LETTER.to] * 2


async def test_an_orderly_end_waits_for_letters_under_way_and_the_service_goes_on():
    sender = SlowSender()
    mails = service(sender)
    mails.send(LETTER)
    closing = asyncio.create_task(mails.close())
    await asyncio.sleep(0)
    assert not closing.done()
    mails.send(LETTER)
    sender.is_let.set()
    await closing
    mails.send(LETTER)
    await mails.close()
    assert sender.sent == [LETTER.to] * 3


@pytest.mark.parametrize("closing_time", [timedelta(), timedelta(milliseconds=20)])
async def test_an_end_does_not_wait_for_ever_and_says_what_was_given_up(closing_time):
    sender = SlowSender()
    mails = service(sender, closing_time=closing_time)
    with structlog.testing.capture_logs() as events:
        mails.send(LETTER)
        await mails.close()
    assert sender.sent == []
    assert [event["event"] for event in events] == ["mail.dropped"]


async def test_an_end_does_not_wait_for_a_sender_that_will_not_be_stopped():
    is_let = asyncio.Event()

    async def stubborn(_):
        while not is_let.is_set():
            with suppress(asyncio.CancelledError):
                await is_let.wait()

    mails = service(stubborn, closing_time=timedelta())
    with structlog.testing.capture_logs() as events:
        mails.send(LETTER)
        await asyncio.sleep(0)
        await mails.close()
    assert [(event["event"], event["pending"]) for event in events] == [("mail.dropped", 1)]
    is_let.set()


async def test_only_so_many_are_under_way_at_once_and_the_rest_is_logged():
    sender = SlowSender()
    mails = service(sender, max_pending=3)
    with structlog.testing.capture_logs() as events:
        for _ in range(5):
            mails.send(LETTER)
    assert [event["event"] for event in events] == ["mail.dropped"] * 2
    sender.is_let.set()
    await mails.settle()
    mails.send(LETTER)
    await mails.settle()
    assert len(sender.sent) == 4


@pytest.mark.parametrize("error", [RuntimeError, TimeoutError, KeyError, ValueError])
async def test_what_goes_wrong_is_logged_by_its_name_alone(error, caplog):
    caplog.set_level("DEBUG")

    async def fail(mail):
        raise error(f"{mail.url} {mail.token}")

    with structlog.testing.capture_logs() as events:
        mails = service(fail)
        mails.send(LETTER)
        await mails.settle()
    gc.collect()
    assert [(event["event"], event["error"]) for event in events] == [("mail.not_sent", error.__name__)]
    assert "canary" not in f"{events!r}{caplog.text}"


async def test_without_a_sender_nothing_is_written_either():
    began = []

    async def write():
        began.append(True)

    mails = MailService(MailOptions(), None)
    mails.send_later(write)
    mails.send(LETTER)
    await asyncio.sleep(0)
    await mails.close()
    assert (mails.is_enabled, began) == (False, [])


def test_one_service_serves_several_event_loops_one_after_the_other():
    sent = []

    async def send(mail):
        await asyncio.sleep(0)
        sent.append(mail.to)

    mails = service(send)

    async def use():
        mails.send(LETTER)
        await mails.settle()
        mails.send(LETTER)
        await mails.close()

    for _ in range(3):
        asyncio.run(use())
    assert len(sent) == 6


@pytest.mark.filterwarnings("ignore:coroutine:RuntimeWarning")
def test_letters_of_an_event_loop_that_was_closed_over_them_hold_nobody_up(caplog):
    sent = []

    async def hang(mail):
        if not sent:
            sent.append("never")
            await asyncio.Future()
        sent.append(mail.to)

    mails = service(hang, max_pending=1)
    abandoned = asyncio.new_event_loop()

    async def begin():
        mails.send(LETTER)
        await asyncio.sleep(0)

    abandoned.run_until_complete(begin())
    abandoned.close()

    async def use():
        mails.send(LETTER)
        await mails.settle()
        await mails.close()

    asyncio.run(asyncio.wait_for(use(), 5))
    assert sent == ["never", LETTER.to]


async def test_a_letter_that_is_cut_short_is_logged():
    sender = SlowSender()
    mails = service(sender)
    with structlog.testing.capture_logs() as events:
        mails.send(LETTER)
        await asyncio.sleep(0)
        for task in mails._pending:
            task.cancel()
        await mails.settle()
    assert [event["event"] for event in events] == ["mail.dropped"]


async def test_a_letter_shows_neither_its_link_nor_its_token():
    assert "canary" not in repr(LETTER)

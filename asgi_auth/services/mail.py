"""Letters: sent beside the request that asks for them, so that its time tells nobody who has an account."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta

import structlog

from asgi_auth.config import MailOptions
from asgi_auth.mails import LinkMail, Mail, Sender

Prepare = Callable[[], Awaitable[Mail | None]]
Allows = Callable[[str, str], Awaitable[bool]]

GIVEN_UP_AFTER = 1.0
"""Seconds in which a sender that is cancelled has to end; nobody waits longer for one that does not."""

_logger = structlog.get_logger("asgi_auth.mail")


async def _always(_to: str, _client: str) -> bool:
    return True


class MailService:
    """Sends letters in the background, a bounded number at once, in whichever event loop asks for it.

    ``sender`` is None where nobody sends any: then the flows that need letters are off. ``allows``
    says of an e-mail address, and of the client that asks, whether one more letter may go there (default: always).
    """

    def __init__(self, options: MailOptions, sender: Sender | None, *, allows: Allows = _always) -> None:
        self._options = options
        self._sender = sender
        self._allows = allows
        self._pending: set[asyncio.Task[None]] = set()

    @property
    def is_enabled(self) -> bool:
        """Whether anybody sends letters."""
        return self._sender is not None

    def send(self, mail: Mail, *, client: str = "") -> None:
        """Have a letter sent; returns at once. What goes wrong with it is logged.

        ``client`` is the network address that asked for it, "" where that is not known.
        """

        async def ready() -> Mail:
            return mail

        self.send_later(ready, client=client)

    def send_later(self, prepare: Prepare, *, client: str = "") -> None:
        """Have a letter written and sent, all of it beside the request; None is no letter.

        For flows where the writing itself (a row to be stored) would tell whether there is an account. Nothing of it
        runs before the caller waits for something.
        """
        if self._sender is None:
            return
        pending = len(self._under_way())
        if pending >= self._options.max_pending:
            _logger.error("mail.dropped", reason="too many are under way", pending=pending)
            return
        task = asyncio.create_task(self._deliver(self._sender, prepare, client))
        self._pending.add(task)
        task.add_done_callback(self._finished)

    async def settle(self) -> None:
        """Wait until every letter that is under way has been sent or has failed."""
        while pending := self._under_way():
            await asyncio.wait(pending)

    async def close(self) -> None:
        """Wait for letters under way, as long as ``closing_time`` allows; the rest is given up and logged.

        It may be used again afterwards.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(self._options.closing_time / timedelta(seconds=1)):
                await self.settle()
        await self._give_up(self._under_way())

    async def _give_up(self, late: set[asyncio.Task[None]]) -> None:
        for task in late:
            task.cancel()
        if not late:
            return
        _, stuck = await asyncio.wait(late, timeout=GIVEN_UP_AFTER)
        self._pending -= stuck
        if stuck:
            _logger.error("mail.dropped", reason="the sender does not let go", pending=len(stuck))

    def _under_way(self) -> set[asyncio.Task[None]]:
        """The letters of this event loop. Those of one that was closed over them will never be finished."""
        self._pending -= {task for task in self._pending if task.get_loop().is_closed()}
        loop = asyncio.get_running_loop()
        return {task for task in self._pending if task.get_loop() is loop}

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._pending.discard(task)
        if task.cancelled():
            _logger.error("mail.dropped", reason="the process ended")

    async def _deliver(self, sender: Sender, prepare: Prepare, client: str) -> None:
        kind = None
        try:
            mail = await prepare()
            if mail is None:
                return
            kind = mail.kind
            if not await self._allows(mail.to, client if _is_proved(mail) else ""):
                _logger.warning("mail.dropped", reason="too many to one address", kind=kind)
                return
            await sender(mail)
        except Exception as error:  # noqa: BLE001  (whatever a sender raises is nobody's failed request)
            # Its text may hold the letter, or the password of a mail server.
            _logger.error("mail.not_sent", kind=kind, error=type(error).__name__)  # noqa: TRY400
        else:
            _logger.info("mail.sent", kind=kind)


def _is_proved(mail: Mail) -> bool:
    """Whether it goes to somebody who has proved the address: anybody can have an account in somebody else's name."""
    return isinstance(mail, LinkMail) and mail.user.email_verified

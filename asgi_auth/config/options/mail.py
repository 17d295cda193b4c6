"""Who sends letters."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from asgi_auth.config.options.checks import check_types, require
from asgi_auth.mails import Sender


@dataclass(frozen=True, slots=True, kw_only=True)
class MailOptions:
    """Who sends letters.

    Attributes:
        sender: an async callable that takes a Mail, SmtpSender(...) for one, or "log", which writes letters with
            their links to the log: for development only (default None: the flows that need letters are off;
            AuthConfig.development sets "log").
        max_pending: letters under way at once; more are dropped and logged (default 1000).
        closing_time: how long an orderly end waits for letters under way (default 10 seconds).
    """

    sender: Sender | Literal["log"] | None = None
    max_pending: int = 1000
    closing_time: timedelta = timedelta(seconds=10)

    def __post_init__(self) -> None:
        check_types(self, "mail")
        require(self.max_pending > 0, "mail.max_pending: at least 1")
        require(self.closing_time >= timedelta(), "mail.closing_time: not negative")

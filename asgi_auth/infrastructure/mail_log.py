"""A sender for one's own machine: letters go to the log, links and all."""

from __future__ import annotations

import structlog

from asgi_auth.mails import LinkMail, Mail

_logger = structlog.get_logger("asgi_auth.mail")


async def log_mail(mail: Mail) -> None:
    """Write a letter to the log; whoever reads it can follow its link."""
    url = mail.url if isinstance(mail, LinkMail) else None
    _logger.info("mail", kind=mail.kind, to=mail.to, subject=mail.subject, url=url)

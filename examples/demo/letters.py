"""The demo's post office: letters are kept and shown to whoever opens the page; no address in a demo is real."""

from collections import deque
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from asgi_auth import LinkMail, Mail

KEPT = 10


class Letters:
    """The last letters, newest first, until the demo ends."""

    def __init__(self) -> None:
        self._kept: deque[dict[str, str | None]] = deque(maxlen=KEPT)

    async def send(self, mail: Mail) -> None:
        """What a sender of yours does by SMTP or through a service."""
        self._kept.appendleft(
            {
                "to": mail.to,
                "subject": mail.subject,
                "text": mail.text,
                "url": mail.url if isinstance(mail, LinkMail) else None,
                "sentAt": datetime.now(UTC).isoformat(),
            }
        )

    async def answer(self, _request: Request) -> Response:
        """All of them, for the page."""
        return JSONResponse(list(self._kept), headers={"cache-control": "no-store"})

"""The letters about addresses."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import structlog

from asgi_auth.config import AuthConfig
from asgi_auth.mails import ConfirmEmailChangeMail, Mail, VerifyEmailMail
from asgi_auth.models import User
from asgi_auth.services.email_tokens import EmailTokens
from asgi_auth.services.links import token_link
from asgi_auth.services.mail import MailService

ROOT = "/"
"""Where a link leads in the end unless it was said."""

_logger = structlog.get_logger("asgi_auth.email")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lead:
    """Where the link in a letter leads, and who asks for it.

    Attributes:
        callback_url: the page of the application to go on to, known to be trusted (default: its root).
        base_url: where people find the endpoints (default: as configured).
        client: the network address that asks for the letter, "" where it is not known.
    """

    callback_url: str = ROOT
    base_url: str | None = None
    client: str = ""


class EmailLetters:
    """Writes them and has them sent, both beside the request: neither tells anything by its time."""

    def __init__(self, config: AuthConfig, mails: MailService, tokens: EmailTokens) -> None:
        self._app_name = config.app_name
        # Without a configured origin letters go to the log alone, where a relative link will do.
        self._base_url = config.endpoints_url or config.base_path
        self._mails = mails
        self._tokens = tokens

    @property
    def is_enabled(self) -> bool:
        """Whether anybody sends letters."""
        return self._mails.is_enabled

    def verification(self, user: User | None, lead: Lead | None) -> None:
        """To a user: follow the link if this address is yours. None takes the same path, and nothing is sent."""

        async def write() -> Mail | None:
            return None if user is None else self._verification(user, self._tokens.issue(user), lead)

        self._mails.send_later(write, client=lead.client if lead else "")

    def change(self, user: User, new_email: str, lead: Lead | None, *, is_free: bool) -> None:
        """To the new address: follow the link if it is yours, and it takes the old one's place.

        One that is not free takes the same path, and nothing is sent.
        """

        async def write() -> Mail | None:
            if not is_free:
                _note_taken(user)
                return None
            token = self._tokens.issue(user, update_to=new_email, request_type="change-email-verification")
            return self._verification(msgspec.structs.replace(user, email=new_email), token, lead)

        self._mails.send_later(write, client=lead.client if lead else "")

    def confirmation(self, user: User, new_email: str, lead: Lead | None, *, is_free: bool) -> None:
        """To the old address: follow the link if you want it to be replaced. See ``change``."""

        async def write() -> Mail | None:
            if not is_free:
                _note_taken(user)
                return None
            token = self._tokens.issue(user, update_to=new_email, request_type="change-email-confirmation")
            return ConfirmEmailChangeMail(
                to=user.email,
                app_name=self._app_name,
                user=user,
                url=self._url(token, lead),
                token=token,
                new_email=new_email,
            )

        self._mails.send_later(write, client=lead.client if lead else "")

    def _verification(self, user: User, token: str, lead: Lead | None) -> VerifyEmailMail:
        url = self._url(token, lead)
        return VerifyEmailMail(to=user.email, app_name=self._app_name, user=user, url=url, token=token)

    def _url(self, token: str, lead: Lead | None) -> str:
        lead = lead or Lead()
        endpoint = f"{lead.base_url or self._base_url}/verify-email"
        return token_link(endpoint, token=token, callback_url=lead.callback_url)


def _note_taken(user: User) -> None:
    _logger.info("email.change_not_sent", user_id=user.id, reason="the new address is taken")

"""A sender that hands letters to a mail server: SMTP (RFC 5321, 6409), encrypted."""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import make_msgid
from importlib.util import find_spec
from ipaddress import ip_address
from types import MappingProxyType
from typing import Literal

from asgi_auth.clock import utc_now
from asgi_auth.errors import ConfigurationError
from asgi_auth.mails import Mail

Encryption = Literal["starttls", "tls", "none"]

IMPLICIT_TLS_PORT = 465
SUBMISSION_PORT = 587
RELAY_PORT = 25
PORTS = MappingProxyType({"tls": IMPLICIT_TLS_PORT, "starttls": SUBMISSION_PORT, "none": RELAY_PORT})

QUIT_TIMEOUT = 2.0
"""Seconds for a good-bye, after the letter has been accepted."""

STRICT = SMTP.clone(raise_on_defect=True)
"""Line feeds in a header, and whatever else it may not hold, raise instead of being written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpSender:
    """Sends each letter through a mail server, as plain text, over a connection of its own.

    Attributes:
        host: the server's name, which its certificate has to be for.
        sender: the address that letters come from; the name beside it is ``app_name``.
        port: default 465 for "tls", 587 for "starttls", 25 for "none".
        username: for servers that ask; None does not sign in.
        password: likewise.
        encryption: "tls" from the first byte on, "starttls" before anything is said, or "none", which a password is
            sent over to this machine only (default "tls" on port 465, else "starttls"). A server that does not offer
            it gets no letter.
        timeout: a letter that the server has not accepted by then is given up (default 30 seconds).
        tls: instead of the system's certificates and rules, for a server with a private one.

    Raises:
        ConfigurationError: where these cannot work together, or aiosmtplib is missing.
    """

    host: str
    sender: str
    port: int | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    encryption: Encryption | None = None
    timeout: timedelta = timedelta(seconds=30)
    tls: ssl.SSLContext | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if find_spec("aiosmtplib") is None:
            raise ConfigurationError('SmtpSender needs aiosmtplib: pip install "asgi-auth[smtp]"')
        self._resolve()
        _require(self.host and self.host.isprintable() and " " not in self.host, "host: the mail server's name")
        self._check_sender()
        _require(self.encryption in PORTS, 'encryption: "tls", "starttls" or "none"')
        _require((self.username is None) == (self.password is None), "username and password come together")
        _require(self.timeout > timedelta(), "timeout: longer than nothing")
        is_told = self.password is not None and self.encryption == "none"
        _require(not is_told or _is_here(self.host), 'encryption="none" would tell everybody the password')

    def _check_sender(self) -> None:
        try:
            one_address(self.sender)
        except ValueError:
            raise ConfigurationError("SmtpSender sender: one e-mail address, without a name") from None

    def _resolve(self) -> None:
        encryption = self.encryption or ("tls" if self.port == IMPLICIT_TLS_PORT else "starttls")
        object.__setattr__(self, "encryption", encryption)
        object.__setattr__(self, "port", self.port or PORTS.get(encryption))
        # Made once: reading the system's certificates takes longer than sending a letter.
        object.__setattr__(self, "tls", self.tls or ssl.create_default_context())

    async def __call__(self, mail: Mail) -> None:
        """Send a letter; raises what the server refused it with, TimeoutError, or OSError where there is no server."""
        message = written(mail, sender=self.sender)
        async with asyncio.timeout(self.timeout / timedelta(seconds=1)):
            await self._send(message, to=mail.to)

    async def _send(self, message: EmailMessage, *, to: str) -> None:
        from aiosmtplib import SMTP as Client  # noqa: N811
        from aiosmtplib import SMTPException

        client = Client(
            hostname=self.host,
            port=self.port,
            username=self.username,
            password=self.password,
            use_tls=self.encryption == "tls",
            start_tls=self.encryption == "starttls",
            tls_context=self.tls if self.encryption != "none" else None,
            timeout=self.timeout / timedelta(seconds=1),
        )
        try:
            await client.connect()
            await client.send_message(message, sender=self.sender, recipients=[to])
            with suppress(SMTPException, OSError, TimeoutError):
                await client.quit(timeout=QUIT_TIMEOUT)
        finally:
            client.close()


def written(mail: Mail, *, sender: str) -> EmailMessage:
    """A letter as mail servers take it; raises ValueError for a recipient that is not exactly one address.

    ``Auto-Submitted`` keeps machines from answering (RFC 3834, 5).
    """
    message = EmailMessage(policy=STRICT)
    message["From"] = one_address(sender, name=one_line(mail.app_name))
    message["To"] = one_address(mail.to)
    message["Subject"] = one_line(mail.subject)
    message["Date"] = utc_now()
    message["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2])
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text)
    return message


def one_address(text: str, *, name: str = "") -> Address:
    """An address, with the name that is shown for it; raises ValueError for two, none, or anything beside it."""
    try:
        address = Address(display_name=name, addr_spec=text)
    except (ValueError, IndexError, MessageError):  # what the standard library's parser raises for nonsense
        address = Address()
    if not address.domain or address.addr_spec != text:
        raise ValueError("not one e-mail address")
    return address


def one_line(text: str) -> str:
    """A text as a header may hold it: whatever breaks lines or is not shown becomes a space."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def _require(condition: object, sentence: str) -> None:
    if not condition:
        raise ConfigurationError(f"SmtpSender {sentence}")


def _is_here(host: str) -> bool:
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"

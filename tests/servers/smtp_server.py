"""Real mail servers in the test's own event loop: one that takes letters, and some that do not."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

USERNAME = "mailer"
PASSWORD = "canary-mail-password"


@dataclass
class Received:
    """One letter, as it came."""

    sender: str
    recipients: list[str]
    raw: bytes
    is_encrypted: bool

    @property
    def message(self) -> EmailMessage:
        parsed = message_from_bytes(self.raw, policy=policy.default)
        assert isinstance(parsed, EmailMessage)
        return parsed


@dataclass
class MailServer:
    """Takes letters; ``refuses_at`` names a command that it answers with 550."""

    refuses_at: str | None = None
    port: int = 0
    letters: list[Received] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)

    async def handle_MAIL(self, _: SMTP, __: Session, envelope: Envelope, address: str, ___: list[str]) -> str:  # noqa: N802
        envelope.mail_from = address
        return self._answer("MAIL")

    async def handle_RCPT(self, _: SMTP, __: Session, envelope: Envelope, address: str, ___: list[str]) -> str:  # noqa: N802
        envelope.rcpt_tos.append(address)
        return self._answer("RCPT")

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        answer = self._answer("DATA")
        if answer.startswith("250"):
            is_encrypted = session.ssl is not None or server.transport.get_extra_info("ssl_object") is not None
            self.letters.append(
                Received(envelope.mail_from or "", envelope.rcpt_tos, envelope.original_content or b"", is_encrypted)
            )
        return answer

    def _answer(self, command: str) -> str:
        self.commands.append(command)
        return "550 not you: secret reason" if command == self.refuses_at else "250 OK"

    def authenticate(self, _: SMTP, __: Session, ___: Envelope, mechanism: str, data: object) -> AuthResult:
        self.commands.append(f"AUTH {mechanism}")
        given = (data.login, data.password) if isinstance(data, LoginPassword) else None
        is_right = given == (USERNAME.encode(), PASSWORD.encode())
        return AuthResult(success=is_right, handled=False)


@asynccontextmanager
async def running_smtp(
    *,
    refuses_at: str | None = None,
    starttls: ssl.SSLContext | None = None,
    implicit_tls: ssl.SSLContext | None = None,
    asks_password: bool = False,
) -> AsyncIterator[MailServer]:
    """aiosmtpd on a port of 127.0.0.1 while the block lasts."""
    mail_server = MailServer(refuses_at)

    def connected() -> SMTP:
        return SMTP(
            mail_server,
            hostname="mail.test",
            tls_context=starttls,
            auth_required=asks_password and starttls is not None,
            auth_require_tls=starttls is not None,
            authenticator=mail_server.authenticate if asks_password else None,
            loop=asyncio.get_running_loop(),
        )

    async with _listening(connected, implicit_tls) as port:
        mail_server.port = port
        yield mail_server


@asynccontextmanager
async def hanging_smtp(greeting: bytes = b"") -> AsyncIterator[int]:
    """A server that says this much and nothing more."""

    class Silent(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            assert isinstance(transport, asyncio.Transport)
            transport.write(greeting)

    async with _listening(Silent, None) as port:
        yield port


@asynccontextmanager
async def _listening(protocol: Callable[[], asyncio.BaseProtocol], tls: ssl.SSLContext | None) -> AsyncIterator[int]:
    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@dataclass(frozen=True)
class Certificate:
    """A certificate of our own for 127.0.0.1, and a client that trusts nobody else."""

    server: ssl.SSLContext
    client: ssl.SSLContext


def own_certificate(folder: Path, *, name: str = "127.0.0.1") -> Certificate:
    """A self-signed certificate for an address or a host."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.test")])
    now = datetime.now(UTC)
    shown: x509.GeneralName = x509.IPAddress(ip_address(name)) if name[0].isdigit() else x509.DNSName(name)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([shown]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / f"{name}.pem"
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + pem
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(file)
    return Certificate(server, ssl.create_default_context(cadata=pem.decode()))

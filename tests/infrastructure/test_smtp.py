"""Letters handed to real mail servers: encrypted, one address each, and nothing told of them where it goes wrong."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import aiosmtplib
import pytest
import structlog

from asgi_auth import (
    AuthConfig,
    ConfigurationError,
    ExistingUserMail,
    MailOptions,
    ResetPasswordMail,
    SmtpSender,
)
from asgi_auth.services.mail import MailService
from tests.contracts.rows import user_row
from tests.security.canaries import leaks
from tests.servers.smtp_server import PASSWORD, USERNAME, hanging_smtp, own_certificate, running_smtp
from tests.support import ADA, BASE_URL, FrozenClock, browser, sign_up, whoami

HERE = "127.0.0.1"
FROM = "no-reply@app.test"
TOKEN = "canaryTokenOfALetter0123"
LINK = f"https://app.test/api/auth/reset-password/{TOKEN}?callbackURL=" + "%2Fa" * 60

SPLITTING = ["x\r\nBcc: victim@evil.test", "x\nBcc: victim@evil.test", "x\rBcc: victim@evil.test", "x\x00y", "x\u2028y"]
NOT_ONE = [
    "ada@example.com,bob@example.com",
    "ada@example.com;bob@example.com",
    "ada@example.com, bob@example.com",
    "ada@example.com\r\nBcc: bob@example.com",
    "ada@example.com\nBcc: bob@example.com",
    "ada@example.com> RCPT TO:<bob@example.com",
    "Ada <ada@example.com>",
    "<ada@example.com>",
    "ada@example.com (bob@example.com)",
    " ada@example.com",
    "ada@example.com\x00",
    "@a.test:ada@example.com",
    "ada",
    "",
]


def letter(to: str = "ada@example.com", name: str = "Ada", app_name: str = "Café") -> ResetPasswordMail:
    user = user_row(FrozenClock(), to, name=name)
    return ResetPasswordMail(to=to, app_name=app_name, user=user, url=LINK, token=TOKEN)


def plain(port: int, **options: object) -> SmtpSender:
    return SmtpSender(host=HERE, port=port, sender=FROM, encryption="none", **options)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return own_certificate(tmp_path_factory.mktemp("certificate"))


async def test_a_letter_arrives_as_it_was_written():
    async with running_smtp() as server:
        await plain(server.port)(letter())
    (received,) = server.letters
    assert (received.sender, received.recipients) == (FROM, ["ada@example.com"])
    message = received.message
    assert message["From"] == f"Café <{FROM}>"
    assert message["To"] == "ada@example.com"
    assert message["Subject"] == "Choose a new password for Café"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Message-ID"].endswith("@app.test>")
    assert abs(parsedate_to_datetime(message["Date"]) - datetime.now(UTC)) < timedelta(minutes=5)
    assert message.get_content_type() == "text/plain"
    assert message.get_content().splitlines() == letter().text.splitlines()
    assert all(len(line) <= 998 for line in received.raw.splitlines())


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "A\r\nBcc: b@evil.test", "win at evil.test", "x" * 300])
async def test_a_name_that_is_a_text_is_not_carried_to_strangers(name):
    async with running_smtp() as server:
        await plain(server.port)(letter(name=name))
        await plain(server.port)(ExistingUserMail(to="a@example.com", user=user_row(FrozenClock(), name=name)))
    assert len(server.letters) == 2
    for received in server.letters:
        assert received.message.get_content().startswith("Hello,")
        assert name.split("\r")[-1] not in received.message.get_content()
        assert received.message["Bcc"] is None


@pytest.mark.parametrize("name", ["Ada Lovelace", "José Ñandú", "O'Neil-Smith", "J. R. Smith", "अनीता", "李小龍"])
async def test_a_name_is_greeted(name):
    assert letter(name=name).text.startswith(f"Hello {name},")


@pytest.mark.parametrize("text", SPLITTING)
async def test_no_header_can_be_added_by_the_text_of_another(text):
    async with running_smtp() as server:
        await plain(server.port)(letter(app_name=text))
    (received,) = server.letters
    assert received.recipients == ["ada@example.com"]
    assert received.message["Bcc"] is None
    assert sorted(received.message.keys()) == sorted(set(received.message.keys()))
    assert received.message["Subject"].startswith("Choose a new password for x ")


@pytest.mark.parametrize("to", NOT_ONE)
async def test_a_letter_goes_to_one_address_or_to_nobody(to):
    async with running_smtp() as server:
        with pytest.raises(ValueError, match="not one e-mail address"):
            await plain(server.port)(letter(to=to))
    assert server.commands == []


@pytest.mark.parametrize("encryption", ["starttls", "tls"])
async def test_a_letter_and_a_password_travel_encrypted(certificate, encryption):
    options = {"starttls": certificate.server} if encryption == "starttls" else {"implicit_tls": certificate.server}
    async with running_smtp(asks_password=True, **options) as server:
        sender = SmtpSender(
            host=HERE,
            port=server.port,
            sender=FROM,
            username=USERNAME,
            password=PASSWORD,
            encryption=encryption,
            tls=certificate.client,
        )
        await sender(letter())
    assert [received.is_encrypted for received in server.letters] == [True]
    assert server.commands[0].startswith("AUTH")


@pytest.mark.parametrize("encryption", ["starttls", "tls"])
async def test_a_server_that_nobody_vouches_for_gets_nothing(certificate, tmp_path, encryption):
    elsewhere = own_certificate(tmp_path, name="other.test")
    for given, trusted in [(certificate.server, None), (elsewhere.server, elsewhere.client)]:
        options = {"starttls": given} if encryption == "starttls" else {"implicit_tls": given}
        async with running_smtp(**options) as server:
            sender = SmtpSender(host=HERE, port=server.port, sender=FROM, encryption=encryption, tls=trusted)
            with pytest.raises((aiosmtplib.SMTPException, ssl.SSLError)):
                await sender(letter())
        assert server.letters == []


async def test_a_server_without_encryption_gets_neither_password_nor_letter():
    async with running_smtp() as server:
        sender = SmtpSender(host=HERE, port=server.port, sender=FROM, username=USERNAME, password=PASSWORD)
        with pytest.raises(aiosmtplib.SMTPException):
            await sender(letter())
    assert (server.letters, server.commands) == ([], [])


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA"])
async def test_what_a_server_refuses_is_not_sent(command):
    async with running_smtp(refuses_at=command) as server:
        with pytest.raises(aiosmtplib.SMTPException):
            await plain(server.port)(letter())
    assert server.letters == []


@pytest.mark.parametrize("greeting", [b"", b"220 mail.test ESMTP\r\n", b"220-", b"220 x\r\n250 x\r\n250 x\r\n"])
async def test_a_server_that_says_nothing_is_given_up(greeting):
    async with hanging_smtp(greeting) as port:
        with pytest.raises((TimeoutError, aiosmtplib.SMTPException)):
            await plain(port, timeout=timedelta(milliseconds=200))(letter())


async def test_where_there_is_no_server_nothing_is_sent():
    async with hanging_smtp() as port:
        pass
    with pytest.raises((OSError, aiosmtplib.SMTPException)):
        await plain(port)(letter())


async def test_one_sender_serves_many_letters_at_once():
    async with running_smtp() as server:
        send = plain(server.port)
        await asyncio.gather(*(send(letter(to=f"user{number}@example.com")) for number in range(20)))
    assert sorted(received.recipients[0] for received in server.letters) == sorted(
        f"user{number}@example.com" for number in range(20)
    )


async def test_whatever_goes_wrong_no_log_holds_the_letter_or_the_password(certificate, caplog):
    caplog.set_level("DEBUG")
    options = {"host": HERE, "sender": FROM, "username": USERNAME, "password": PASSWORD, "tls": certificate.client}
    failed = []
    with structlog.testing.capture_logs() as events:
        async with (
            running_smtp(starttls=certificate.server, asks_password=True, refuses_at="RCPT") as refusing,
            running_smtp(starttls=certificate.server, asks_password=True) as asking,
            hanging_smtp() as silent,
        ):
            for sender in (
                SmtpSender(port=refusing.port, **options),
                replace(SmtpSender(port=asking.port, **options), password=f"{PASSWORD}-wrong"),
                SmtpSender(port=silent, timeout=timedelta(milliseconds=200), **options),
                SmtpSender(port=asking.port, **{**options, "tls": None}),
            ):
                mails = MailService(MailOptions(sender=sender), sender)
                mails.send(letter())
                await mails.close()
    failed = [event["error"] for event in events if event["event"] == "mail.not_sent"]
    assert failed[:2] == ["SMTPRecipientsRefused", "SMTPAuthenticationError"]
    assert len(failed) == 4
    secrets = {"token": TOKEN, "password": PASSWORD, "address": "ada@example.com", "reason": "secret reason"}
    ours = [record for record in caplog.records if not record.name.startswith("mail.")]  # the server's own log
    assert leaks(repr(events) + repr([record.__dict__ for record in ours]), secrets) == []


def test_a_sender_does_not_show_its_password(certificate):
    sender = SmtpSender(host=HERE, sender=FROM, username=USERNAME, password=PASSWORD)
    config = AuthConfig.testing(mail=MailOptions(sender=sender), base_url="https://app.test")
    assert PASSWORD not in f"{sender!r}{sender}{config!r}{config.mail!r}"


@pytest.mark.parametrize(
    ("given", "encryption", "port"),
    [
        ({}, "starttls", 587),
        ({"port": 465}, "tls", 465),
        ({"port": 25}, "starttls", 25),
        ({"port": 2525}, "starttls", 2525),
        ({"encryption": "tls"}, "tls", 465),
        ({"encryption": "none"}, "none", 25),
        ({"port": 465, "encryption": "starttls"}, "starttls", 465),
    ],
)
def test_encryption_and_port_follow_from_each_other(given, encryption, port):
    sender = SmtpSender(host="mail.test", sender=FROM, **given)
    assert (sender.encryption, sender.port) == (encryption, port)
    assert sender.tls.verify_mode is ssl.CERT_REQUIRED
    assert sender.tls.check_hostname


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"host": ""}, "host"),
        ({"host": "mail.test\r\nx"}, "host"),
        ({"sender": "a@x.test,b@y.test"}, "sender"),
        ({"sender": "Ada <a@x.test>"}, "sender"),
        ({"sender": ""}, "sender"),
        ({"encryption": "ssl"}, "encryption"),
        ({"username": "x"}, "together"),
        ({"password": PASSWORD}, "together"),
        ({"timeout": timedelta()}, "timeout"),
        ({"encryption": "none", "username": "x", "password": PASSWORD}, "everybody"),
    ],
)
def test_what_cannot_work_is_refused_when_it_is_built(wrong, sentence):
    with pytest.raises(ConfigurationError, match=sentence) as caught:
        SmtpSender(**{"host": "mail.test", "sender": FROM, **wrong})
    assert PASSWORD not in str(caught.value)


def test_to_this_machine_a_password_may_go_in_the_open():
    for host in ("localhost", "127.0.0.1", "::1"):
        SmtpSender(host=host, sender=FROM, encryption="none", username="x", password=PASSWORD)


def test_without_the_library_the_extra_to_install_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "aiosmtplib", None)
    with pytest.raises(ConfigurationError, match=r'pip install "asgi-auth\[smtp\]"'):
        SmtpSender(host="mail.test", sender=FROM)


async def test_the_link_in_a_letter_that_a_mail_server_delivered_chooses_a_password(make_auth, certificate, sqlite_url):
    async with running_smtp(starttls=certificate.server, asks_password=True) as server:
        sender = SmtpSender(
            host=HERE, port=server.port, sender=FROM, username=USERNAME, password=PASSWORD, tls=certificate.client
        )
        auth = make_auth(mail=MailOptions(sender=sender), base_url=BASE_URL, database=sqlite_url)
        async with browser(auth.wrap(whoami)) as client:
            async with auth.lifespan():  # whose end waits for the letter
                await sign_up(client)
                asked = {"email": ADA["email"], "redirectTo": "/a-page/" + "long/" * 50}
                await client.post("/api/auth/request-password-reset", json=asked)
            (received,) = server.letters
            (link,) = (line for line in received.message.get_content().splitlines() if line.startswith("http"))
            followed = await client.get(link)
            token = followed.headers["location"].rpartition("token=")[2]
            body = {"newPassword": "another horse battery", "token": token}
            assert (await client.post("/api/auth/reset-password", json=body)).json() == {"status": True}

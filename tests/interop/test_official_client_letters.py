"""The official JavaScript client, unmodified, must be content with the flows that send letters."""

from __future__ import annotations

from dataclasses import dataclass, field

from asgi_auth import Auth, AuthConfig, DeletionOptions, EmailOptions, LinkMail, Mail, MailOptions
from asgi_auth.asgi.types import Receive, Scope, Send
from asgi_auth.models import to_json
from tests.servers.live import serve
from tests.servers.machine import free_port
from tests.servers.node import better_auth_server, run_client

SECRET = "a secret for the interoperability tests, 48 chars"
SCRIPT = "letters.mjs"
ADA = "ada@example.com"


@dataclass
class PostOffice:
    """A sender that keeps letters, and an application that shows them."""

    letters: list[dict[str, str]] = field(default_factory=list)

    async def send(self, mail: Mail) -> None:
        assert isinstance(mail, LinkMail)
        self.letters.append({"kind": mail.kind, "to": mail.to, "url": mail.url, "token": mail.token})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  (an ASGI app's)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": to_json(self.letters)})


async def test_the_official_client_against_asgi_auth(database_url):
    port, post_office = free_port(), PostOffice()
    config = AuthConfig.compatible(
        secret=SECRET,
        database=database_url,
        base_url=f"http://127.0.0.1:{port}",
        mail=MailOptions(sender=post_office.send),
        email=EmailOptions(allows_change=True, confirms_change=True),
        deletion=DeletionOptions(is_allowed=True),
    )
    async with serve(Auth(config).wrap(post_office), port=port) as base_url:
        assert_the_client_is_content(await run_client(base_url, script=SCRIPT))


async def test_the_official_client_against_better_auths_own_server(tmp_path):
    with better_auth_server(tmp_path / "better-auth.sqlite", secret=SECRET) as base_url:
        assert_the_client_is_content(await run_client(base_url, script=SCRIPT))


def assert_the_client_is_content(results):
    """What `letters.mjs` must report of any server that speaks the protocol."""
    _assert_an_address_is_verified(results)
    _assert_a_forgotten_password_is_replaced(results)
    _assert_the_last_way_in_stays(results)
    _assert_an_address_is_exchanged(results)
    _assert_a_user_is_gone(results)


def _assert_an_address_is_verified(results):
    assert (results["isVerifiedAtFirst"], results["isVerifiedThen"]) == (False, True)
    assert results["sendVerification"] == {"data": {"status": True}, "error": None}
    assert results["verificationGoesTo"] == ADA
    assert results["followVerification"] == {"status": 302, "location": "/verified"}
    assert _code(results, "sendVerificationAgain") == (400, "EMAIL_ALREADY_VERIFIED")
    assert results["verifyEmail"] == {"data": {"status": True, "user": None}, "error": None}
    assert _code(results, "verifyGarbage") == (401, "INVALID_TOKEN")


def _assert_a_forgotten_password_is_replaced(results):
    assert results["requestReset"]["data"]["status"] is True
    assert results["requestReset"] == results["requestResetOfNobody"]
    assert results["resetGoesTo"] == ADA
    assert results["followReset"] == {"status": 302, "location": "/choose?token=TOKEN"}
    assert results["resetPassword"] == {"data": {"status": True}, "error": None}
    assert _code(results, "resetPasswordAgain") == (400, "INVALID_TOKEN")
    assert _code(results, "oldPassword") == (401, "INVALID_EMAIL_OR_PASSWORD")
    assert results["signInAgain"]["data"]["user"]["email"] == ADA


def _assert_the_last_way_in_stays(results):
    (account,) = results["listAccounts"]["data"]
    assert (account["providerId"], account["scopes"]) == ("credential", [])
    assert not {"password", "accessToken", "refreshToken", "idToken"} & account.keys()
    assert _code(results, "unlinkLastAccount") == (400, "FAILED_TO_UNLINK_LAST_ACCOUNT")


def _assert_an_address_is_exchanged(results):
    assert results["changeToTheSame"]["error"]["message"] == "Email is the same"
    assert results["changeEmail"] == {"data": {"status": True}, "error": None}
    assert results["confirmationGoesTo"] == ADA
    assert results["followConfirmation"] == {"status": 302, "location": "/changed"}
    assert results["lastLetterGoesTo"] == results["newAddress"] == "countess@example.com"
    assert results["followToNewAddress"] == {"status": 302, "location": "/changed"}


def _assert_a_user_is_gone(results):
    assert _code(results, "deleteWithWrongPassword") == (400, "INVALID_PASSWORD")
    assert results["deleteUser"] == {"data": {"success": True, "message": "User deleted"}, "error": None}
    assert results["sessionOfNobody"] == {"data": None, "error": None}
    assert results["cookiesOfNobody"] == []
    assert _code(results, "signInOfNobody") == (401, "INVALID_EMAIL_OR_PASSWORD")


def _code(results, step):
    assert results[step]["data"] is None, step
    return results[step]["error"]["status"], results[step]["error"].get("code")

"""Accounts and account cookies as a Better Auth server wrote them, with encryption on."""

import json
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from asgi_auth import Account, AuthConfig, Secret, Timestamp
from asgi_auth.cookies.account import AccountCookie
from asgi_auth.cookies.session import SessionCookies
from asgi_auth.crypto.signing import Signer
from asgi_auth.models import decode_hook
from tests.contracts.rows import user_row
from tests.grants import ENCRYPTED_WITH_COOKIE

VECTORS = json.loads((Path(__file__).parents[1] / "crypto" / "vectors.json").read_text(encoding="utf-8"))
VERSIONED = VECTORS["versionedSecrets"]
LEGACY = VERSIONED["legacySecret"]
CASES = {
    "one secret": (VECTORS["linkedAccount"], {"secret": VECTORS["secret"]}),
    "versioned secrets": (
        VERSIONED["linkedAccount"],
        {"secret": LEGACY, "secrets": [Secret(each["value"], each["version"]) for each in VERSIONED["secrets"]]},
    ),
}


@pytest.fixture(params=CASES.values(), ids=CASES)
def case(request):
    return request.param


async def test_its_tokens_are_read(case, make_auth, database_url, clock):
    written, secrets = case
    account = msgspec.convert(written["row"], Account, dec_hook=decode_hook)
    services = make_auth(database=database_url, accounts=ENCRYPTED_WITH_COOKIE, **secrets).services
    await services.users.add(user_row(clock, id=account.user_id))
    await services.engine.accounts.add(account)

    found = await services.accounts.find_linked("fake", "idp-user-1")
    assert found == account
    tokens = services.accounts.tokens_of(found)
    assert {
        "accessToken": tokens.access_token,
        "refreshToken": tokens.refresh_token,
        "idToken": tokens.id_token,
    } == written["tokens"]
    assert tokens.scopes == ("openid", "email")


def test_its_cookie_is_read(case):
    written, secrets = case
    [header] = written["setCookie"]
    config = AuthConfig.testing(accounts=ENCRYPTED_WITH_COOKIE, **secrets)
    row = msgspec.convert(written["row"], Account, dec_hook=decode_hook)
    cookie = AccountCookie(config, SessionCookies(config, Signer(["x"])).account, clock=lambda: row.created_at)
    scope = {"type": "http", "headers": [(b"cookie", header.partition(";")[0].encode())]}
    assert cookie.read(scope, user_id=row.user_id) == row
    assert cookie.read(scope, user_id="somebody-else") is None
    late = AccountCookie(config, SessionCookies(config, Signer(["x"])).account, clock=next_year)
    assert late.read(scope, user_id=row.user_id) is None


def next_year():
    return Timestamp.of(datetime(2027, 11, 26, tzinfo=UTC))

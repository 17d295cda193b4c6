"""A processor that knows secrets by the names of fields and by their looks, and never fails anybody's log."""

from __future__ import annotations

import json
import secrets
from datetime import UTC, datetime
from time import process_time
from types import MappingProxyType

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from asgi_auth import redact
from asgi_auth.crypto.tokens import generate_id

SECRET = "s3cr3t/canary+value"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJlLW9mLWl0"
TOKEN = "aB3" + "xY9z" * 7 + "q"
SIGNED = f"{TOKEN}.{'Zm9v' * 10}aGE="
API_KEY = "qWeRtYuI" * 8
ID = "kL8" + "mN2p" * 7 + "w"

SECRET_KEYS = [
    *("password", "new_password", "newPassword", "PASSWORD", "passwordHash", "secret", "client_secret", "clientSecret"),
    *("token", "accessToken", "refresh_token", "id-token", "TOKENS", "authorization", "Authorization", "cookie"),
    *("set-cookie", "cookies", "api_key", "apiKey", "apikey", "x-api-key", "APIKey", "private_key", "code", "otp"),
    *("verificationCode", "backup_codes", "code_verifier", "credential", "jwt", "totp_secret", "signature"),
]
PLAIN_KEYS = ["event", "user_id", "status_code", "method", "session_id", "token_id", "author", "discover", "encode"]


def cleaned(**event):
    return redact(None, "info", event)


@pytest.mark.parametrize("key", SECRET_KEYS)
def test_what_is_named_as_a_secret_is_not_shown(key):
    assert redact(None, "info", {key: SECRET}) == {key: "[redacted]"}
    nested = {"request": [{"headers": ({key: [SECRET]},)}]}
    assert SECRET not in repr(redact(None, "info", nested))
    assert redact(None, "info", {"request": MappingProxyType({key: SECRET.encode()})}) == {
        "request": {key: "[redacted]"}
    }


@pytest.mark.parametrize("key", PLAIN_KEYS)
def test_other_names_are_none(key):
    assert redact(None, "info", {key: "plain value"}) == {key: "plain value"}


def test_codes_that_name_an_error_are_no_secrets():
    told = {"code": "INVALID_EMAIL_OR_PASSWORD", "error_code": "E1", "exit_code": 3}
    assert redact(None, "info", dict(told)) == told
    assert cleaned(code=404) == {"code": 404}
    assert cleaned(code="483920") == cleaned(code=483920) == cleaned(code="abcde-12345") == {"code": "[redacted]"}


def test_nothing_and_flags_are_no_secrets():
    assert cleaned(password=None, has_password=True, token="") == {"password": None, "has_password": True, "token": ""}


TEXTS = [
    f"Authorization: Bearer {SECRET}",
    f"bearer {TOKEN}",
    f"sent Basic {SECRET}= to it",
    f"Cookie: theme=dark; better-auth.session_token={SIGNED}; a=b",
    f"set-cookie: x={SECRET}; Path=/",
    f"better-auth.session_token={SECRET}",
    f"the token {JWT} was refused",
    f"GET /verify-email?token={SECRET}&callbackURL=/",
    f"GET /callback/github?code={SECRET}&state={SECRET}",
    f"GET /reset-password/{SECRET}?callbackURL=/",
    f'{{"password":"{SECRET}"}}',
    f"{{'newPassword': '{SECRET}'}}",
    f'{{"password":"four words of {SECRET}"}}',
    f"postgresql://user:p@ss@{SECRET.replace('/', '_')}@host/name",
    json.dumps(json.dumps({"password": f"words {SECRET}"})),
    f"GET /sign-in?next=%2Fverify%3Ftoken%3D{SECRET}",
    f"api_key={SECRET}",
    f"postgresql://user:{SECRET.replace('/', '_')}@host/name",
    f"-----BEGIN RSA PRIVATE KEY-----\n{SECRET}\n-----END RSA PRIVATE KEY-----",
    f"-----BEGIN PRIVATE KEY-----\n{SECRET}",
    f"session {TOKEN} ended",
    f"the key {API_KEY} was refused",
    f"GET /files?key={API_KEY}",
    f"acme_{API_KEY}",
    f"live{API_KEY}",
    str([(b"x-api-key", API_KEY.encode())]),
    SIGNED,
    TOKEN,
]


@pytest.mark.parametrize("text", TEXTS)
def test_what_looks_like_a_secret_is_cut_out_of_a_text(text):
    for shown in (cleaned(event=text), cleaned(a=[{"b": text}]), cleaned(error=ValueError(text))):
        assert "[redacted]" in repr(shown)
        for secret in (SECRET, SECRET.replace("/", "_"), TOKEN, SIGNED, JWT, API_KEY):
            assert secret not in repr(shown)
            assert secret[:12] not in repr(shown)


PLAIN_TEXTS = [
    "sign_in.completed",
    "the password was changed by its owner",
    "a token of appreciation",
    "https://example.com/page?tab=2#top",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36",
    "4f9d2b7ac1e84c30b5d1f0a2c3e4d5f6",
    "2026-11-22T12:00:00.123Z",
    "Unicode: é 漢字",
    "AbstractSingletonProxyFactoryBeanOfAVeryLongNameIndeed",
    "a" * 100,
    "A" * 100,
]


@pytest.mark.parametrize("text", PLAIN_TEXTS)
def test_other_texts_stay_as_they_are(text):
    assert cleaned(event=text, inner=[text]) == {"event": text, "inner": [text]}


def test_ids_of_rows_look_like_session_tokens_and_are_kept_by_their_names():
    told = {"user_id": ID, "sessionId": ID, "id": ID, "account_ids": [ID, ID]}
    assert redact(None, "info", dict(told)) == told


def test_what_is_no_text_stays_what_it_is():
    told = {"n": 1, "x": 1.5, "at": datetime(2026, 1, 1, tzinfo=UTC), "none": None, "pair": (1, 2), "set": {1}}
    assert redact(None, "info", dict(told)) == told


def test_what_structlog_needs_later_is_left_to_it():
    error = (ValueError, ValueError(SECRET), None)
    assert cleaned(exc_info=error)["exc_info"] is error


class Hostile:
    def __repr__(self):
        raise RuntimeError(SECRET)


class HostileDict(dict):
    def items(self):
        raise RuntimeError(SECRET)


def test_a_secret_in_quotes_ends_with_them():
    assert cleaned(event='{"password": "a b", "name": "c"}')["event"] == '{"password": "[redacted]", "name": "c"}'
    assert cleaned(event="token: 'a b\nnext line")["event"] == "token: '[redacted]\nnext line"
    assert cleaned(event="{'password': 'it\\'s a', 'name': 'c'}")["event"] == "{'password': '[redacted]', 'name': 'c'}"
    assert cleaned(event='password = ""')["event"] == 'password = ""'
    once = cleaned(event='{"password": "a b"}')
    assert redact(None, "info", dict(once)) == once


def test_it_never_raises():
    endless = []
    endless.append(endless)
    shown = cleaned(a=Hostile(), b=HostileDict(), c=endless, d="\ud800" * 10, e=b"\xff" * 10, f={1: 2, None: SECRET})
    assert (shown["a"], shown["b"]) == ("[redacted]", "[redacted]")


LEAVES = st.text(max_size=50) | st.binary(max_size=20) | st.integers() | st.none()


@given(st.dictionaries(st.text(max_size=20), LEAVES | st.lists(LEAVES, max_size=3), max_size=3))
def test_whatever_is_logged_can_be_logged(event):
    assert redact(None, "info", dict(event)).keys() == event.keys()


@given(st.text(max_size=30), st.text(max_size=30))
def test_a_session_token_is_found_wherever_it_stands(before, after):
    token = generate_id() + "aA"  # of both cases, whatever was drawn
    token = token[2:]
    assert token not in cleaned(event=f"{before} {token} {after}")["event"]


MADE_TO_TAKE_LONG = [
    *("a", "aB", "A", "eyJ", "token", "bearer ", "cookie", "://", "a.", "-----BEGIN ", "A1b", "=:", "://a:", "://a:b@"),
    *('token="', 'token="\\', "token\\", 'token=\\"'),
]


@pytest.mark.parametrize("part", MADE_TO_TAKE_LONG)
def test_a_text_that_is_made_to_take_long_does_not(part):
    """Linear in its length: sixteen times the text takes nowhere near 256 times as long."""

    def spent(length):
        text = part * (length // len(part))
        began = process_time()
        for _ in range(5):
            cleaned(event=text)
        return process_time() - began

    spent(100)
    assert spent(16_000) < 80 * max(spent(1_000), 0.0003)


def test_a_very_long_text_is_cut_and_nothing_of_its_end_is_shown():
    shown = cleaned(event="x " * 40_000 + SECRET)["event"]
    assert SECRET not in shown
    assert shown.endswith("[cut]")


def test_it_stands_in_a_chain_of_structlogs(capsys):
    chain = [structlog.processors.format_exc_info, redact, structlog.processors.JSONRenderer()]
    log = structlog.wrap_logger(structlog.PrintLogger(), processors=chain)
    try:
        int(f"token={SECRET}")
    except ValueError:
        log.exception("it.failed", password=SECRET, user_id=ID, given=secrets.token_bytes(4))
    written = capsys.readouterr().out
    assert SECRET not in written
    assert json.loads(written)["user_id"] == ID

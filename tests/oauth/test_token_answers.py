"""What a token endpoint answers, and that nothing of it that is wrong gets in or out."""

from __future__ import annotations

import logging
import traceback
from datetime import timedelta

import pytest
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse

from asgi_auth.oauth.errors import ProviderFailed, ProviderUnreachable
from asgi_auth.oauth.token_answer import read_tokens
from asgi_auth.oauth.transport import MAX_BODY
from asgi_auth.providers import GenericOAuth

CALLBACK = "http://app.test/api/auth/callback/corp"
# by name where they are used: a traceback shows the lines of this file
CLIENT_SECRET, CODE, VERIFIER, REFRESH_TOKEN = SECRETS = (
    "tests-secret",
    "a-secret-code",
    "a-secret-verifier",
    "a-secret-refresh-token",
)


async def exchange(client, provider):
    return await client.exchange(provider, code=CODE, redirect_uri=CALLBACK, code_verifier=VERIFIER)


async def test_all_that_was_sent_is_told(client, provider, oidc):
    oidc.answer_with("/token", JSONResponse({"access_token": "at", "expires_in": 60, "team": {"id": 7}}))
    tokens = await exchange(client, provider)
    assert tokens.answer == {"access_token": "at", "expires_in": 60, "team": {"id": 7}}


async def test_a_form_is_sent_as_a_form(client, provider, oidc):
    oidc.answer_with("/token", JSONResponse({"access_token": "at"}))
    await exchange(client, provider)
    path, headers, form = oidc.requests[-1]
    assert (path, headers["content-type"]) == ("/token", "application/x-www-form-urlencoded")
    assert headers["accept"] == "application/json"
    assert form == {
        "grant_type": "authorization_code",
        "code": "a-secret-code",
        "redirect_uri": CALLBACK,
        "code_verifier": "a-secret-verifier",
        "client_id": "tests",
        "client_secret": "tests-secret",
    }


async def test_what_proves_the_client_is_encoded_before_it_is_sent_in_a_header(make_client, oidc):
    # as Better Auth sends it (RFC 6749, 2.3.1)
    provider = GenericOAuth(
        id="corp",
        client_id="cl :id",
        client_secret="s%c:r é",
        discovery_url=oidc.discovery_url,
        client_authentication="client_secret_basic",
    )
    oidc.answer_with("/token", JSONResponse({"access_token": "at"}))
    await exchange(make_client(provider), provider)
    assert oidc.requests[-1][1]["authorization"] == "Basic Y2wrJTNBaWQ6cyUyNWMlM0FyKyVDMyVBOQ=="
    assert "client_secret" not in oidc.requests[-1][2]


async def test_a_refresh_token_is_kept_where_no_other_comes(client, provider, oidc):
    oidc.answer_with("/token", JSONResponse({"access_token": "at"}))
    assert (await client.refresh(provider, "the-old-one")).refresh_token == "the-old-one"


@pytest.mark.parametrize(
    ("scope", "scopes"),
    [
        ("openid email", ("openid", "email")),
        ("read:user,user:email", ("read:user", "user:email")),
        (["a", 1, "b"], ("a", "b")),
        ("a b\0c", ("a",)),
        (["a\0", "", "b"], ("b",)),
        ("", ()),
        (None, ()),
        (7, ()),
    ],
)
def test_scopes_come_in_many_ways(clock, scope, scopes):
    assert read_tokens({"access_token": "at", "scope": scope}, now=clock()).scopes == scopes


@pytest.mark.parametrize(
    ("lifetime", "seconds"),
    [
        (3600, 3600),
        ("3600", 3600),
        (3600.9, 3600),
        (0, None),
        (-1, None),
        (None, None),
        ("soon", None),
        ([], None),
        (10**400, None),
        ("1e400", None),
        ("nan", None),
        (10**12, None),
    ],
)
def test_lifetimes_become_moments(clock, lifetime, seconds):
    tokens = read_tokens(
        {"access_token": "at", "expires_in": lifetime, "refresh_token_expires_in": lifetime}, now=clock()
    )
    expected = None if seconds is None else clock() + timedelta(seconds=seconds)
    assert (tokens.access_token_expires_at, tokens.refresh_token_expires_at) == (expected, expected)


async def test_lifetimes_are_of_our_clock(client, provider, oidc, clock):
    clock.advance(days=-1000)
    oidc.answer_with("/token", JSONResponse({"access_token": "at", "expires_in": 60}))
    assert (await exchange(client, provider)).access_token_expires_at == clock() + timedelta(seconds=60)


@pytest.mark.parametrize(
    "answer",
    [
        JSONResponse({}),
        JSONResponse([]),
        JSONResponse("at"),
        JSONResponse(None),
        JSONResponse({"access_token": ""}),
        JSONResponse({"access_token": 7}),
        JSONResponse({"access_token": ["at"]}),
        JSONResponse({"access_token": "at", "refresh_token": {}}),
        JSONResponse({"access_token": "at", "id_token": 1}),
        JSONResponse({"access_token": "a\0t"}),
        JSONResponse({"access_token": "at", "refresh_token": "r\0t"}),
        JSONResponse({"access_token": "at", "id_token": "i\0t"}),
        JSONResponse({"access_token": "at", "token_type": "mac"}),
        JSONResponse({"access_token": "at", "expires_in": [1]}),
        JSONResponse({"access_token": "at"}, 400),
        JSONResponse({"message": "no"}, 403),
        PlainTextResponse("access_token=at&token_type=bearer"),
        PlainTextResponse(""),
        PlainTextResponse("[" * 5000),
        PlainTextResponse('{"access_token": "\\ud800"}'),
        PlainTextResponse('{"access_token": "at", "expires_in": NaN}'),
        PlainTextResponse('{"access_token": "' + "x" * MAX_BODY + '"}'),
        RedirectResponse("/elsewhere"),
    ],
)
async def test_an_answer_without_tokens_is_a_failure(client, provider, oidc, answer):
    oidc.answer_with("/token", answer)
    with pytest.raises(ProviderFailed):
        await exchange(client, provider)
    assert oidc.count("/elsewhere") == 0


async def test_no_depth_of_an_answer_makes_us_fall_over(client, provider, oidc):
    """What one reader of JSON still takes may be too deep for the next."""
    for depth in range(800, 1000, 2):
        oidc.answer_with("/token", PlainTextResponse('{"error": ' + "[" * depth + "]" * depth + "}"))
        with pytest.raises(ProviderFailed):
            await exchange(client, provider)


@pytest.mark.parametrize("status", [200, 400, 401])
async def test_a_refusal_is_told_by_its_code(client, provider, oidc, status):
    oidc.answer_with("/token", JSONResponse({"error": "invalid_grant"}, status))
    with pytest.raises(ProviderFailed, match="invalid_grant"):
        await exchange(client, provider)


@pytest.mark.parametrize("error", [None, 7, {"message": "x"}, "a-secret-code", "", "x" * 5000])
async def test_any_other_refusal_is_told_without_its_words(client, provider, oidc, error):
    oidc.answer_with("/token", JSONResponse({"error": error, "error_description": "x"}, 400))
    with pytest.raises(ProviderFailed, match="an error of its own"):
        await exchange(client, provider)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
async def test_a_server_error_is_no_verdict(client, provider, oidc, status):
    oidc.answer_with("/token", JSONResponse({"error": "invalid_grant"}, status))
    with pytest.raises(ProviderUnreachable):
        await exchange(client, provider)


@pytest.mark.parametrize("status", [200, 302, 400, 500])
@pytest.mark.parametrize("way", ["client_secret_post", "client_secret_basic"])
async def test_no_secret_gets_into_an_error_or_a_log(make_client, oidc, caplog, status, way):
    caplog.set_level(logging.DEBUG)
    provider = GenericOAuth(
        id="corp",
        client_id="tests",
        client_secret=CLIENT_SECRET,
        discovery_url=oidc.discovery_url,
        client_authentication=way,
    )
    client = make_client(provider)
    echo = " ".join(SECRETS)
    oidc.answer_with("/token", JSONResponse({"error": echo, "error_description": echo}, status))
    said = []
    for ask in (exchange(client, provider), client.refresh(provider, REFRESH_TOKEN)):
        with pytest.raises(ProviderFailed) as caught:
            await ask
        said.append("".join(traceback.format_exception(caught.value)))
    text = caplog.text + "".join(said) + repr(client) + repr(provider)
    assert "127.0.0.1" in caplog.text
    assert [secret for secret in SECRETS if secret in text] == []

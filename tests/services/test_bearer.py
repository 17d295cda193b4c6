"""Session tokens in the Authorization header: which are ours, which hold."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import quote

import pytest

from asgi_auth import BearerOptions
from asgi_auth.crypto.signing import Signer
from asgi_auth.errors import InvalidToken
from tests.support import ADA, PASSWORD


@pytest.fixture
def bearer(services):
    return services.bearer_tokens


@pytest.fixture
def plain_bearer(make_auth):
    return make_auth().services.bearer_tokens


# extracting


@pytest.mark.parametrize(
    ("authorization", "token"),
    [
        (None, None),
        ("", None),
        ("Basic dXNlcjpwYXNz", None),
        ("Digest x", None),
        ("BearerX abc", None),
        ("Bearerabc", None),
        ("bear abc", None),
        (" Bearer abc", None),
        ("Bearer\tabc", None),
        ("Bearer", ""),
        ("bearer", ""),
        ("Bearer ", ""),
        ("Bearer    ", ""),
        ("Bearer abc", "abc"),
        ("bearer abc", "abc"),
        ("BEARER abc", "abc"),
        ("Bearer   abc  ", "abc"),
        ("Bearer abc def", "abc def"),
        ("Bearer abc.signature=", "abc.signature="),
        ("Bearer a.b.c", None),  # a JWT: somebody else's
        ("Bearer a.b.c.d", "a.b.c.d"),
        ("Bearer ..", None),
        ("Bearer .", "."),
    ],
)
def test_a_bearer_token_is_ours_unless_it_is_a_jwt(plain_bearer, authorization, token):
    assert plain_bearer.extract_bearer_token(authorization) == token


# validating


def test_a_raw_token_is_taken_as_it_is(plain_bearer):
    assert plain_bearer.validate_bearer_token("a" * 32) == "a" * 32


def test_a_signed_token_is_taken_with_or_without_percent_encoding(make_auth):
    services = make_auth().services
    signed = services.signer.sign("token")
    for offered in (signed, quote(signed, safe=""), quote(signed, safe="-_.!~*'()")):
        assert services.bearer_tokens.validate_bearer_token(offered) == "token"


@pytest.mark.parametrize(
    "offered",
    [
        "",
        "token.",
        ".signature",
        "token.signature",
        "token." + "A" * 43 + "=",
        "token%2E" + "A" * 43 + "%3D.x",
        "\x00",
        "a\nb",
        "a\u00e9",
        "\ud800",
        "a" * 4097,
        "a.b.c.d",
    ],
)
def test_a_token_that_could_not_be_one_is_refused(plain_bearer, offered):
    with pytest.raises(InvalidToken):
        plain_bearer.validate_bearer_token(offered)


def test_a_token_signed_by_somebody_else_is_refused(plain_bearer):
    with pytest.raises(InvalidToken):
        plain_bearer.validate_bearer_token(Signer(["another secret"]).sign("token"))


def test_where_a_signature_is_asked_for_a_raw_token_is_refused(make_auth):
    services = make_auth(bearer=BearerOptions(requires_signature=True)).services
    with pytest.raises(InvalidToken):
        services.bearer_tokens.validate_bearer_token("token")
    assert services.bearer_tokens.validate_bearer_token(services.signer.sign("token")) == "token"


# sessions


async def test_a_raw_and_a_signed_token_lead_to_the_same_session(bearer, services, ada):
    for offered in (ada.session.token, services.signer.sign(ada.session.token)):
        live = await bearer.get_session_from_bearer(offered)
        assert (live.session, live.user) == (ada.session, ada.user)


async def test_a_session_used_by_bearer_token_slides_too(bearer, ada, clock):
    clock.advance(days=2)
    assert (await bearer.get_session_from_bearer(ada.session.token, refreshes=False)).needs_refresh
    live = await bearer.get_session_from_bearer(ada.session.token)
    assert live.is_refreshed
    assert live.session.expires_at == clock() + timedelta(days=7)


async def test_a_token_without_a_session_is_refused(bearer, ada, clock):
    for offered in ("x" * 32, ada.session.id, ""):
        with pytest.raises(InvalidToken):
            await bearer.get_session_from_bearer(offered)
    clock.advance(days=8)
    with pytest.raises(InvalidToken):
        await bearer.get_session_from_bearer(ada.session.token)


async def test_a_session_is_revoked_by_its_token(bearer, services, ada):
    with pytest.raises(InvalidToken):
        await bearer.revoke_bearer_session(Signer(["another secret"]).sign(ada.session.token))
    assert await services.sessions.is_session_active(ada.session.id)
    assert await bearer.revoke_bearer_session(services.signer.sign(ada.session.token))
    assert not await bearer.revoke_bearer_session(ada.session.token)
    assert not await services.sessions.is_session_active(ada.session.id)


# answering


async def test_an_answer_that_starts_a_session_carries_its_signed_token(make_auth):
    services = make_auth().services
    session = (await services.passwords.sign_up(ADA["email"], PASSWORD, "Ada")).session
    headers = services.bearer_tokens.handle_bearer_response(session)
    assert headers["access-control-expose-headers"] == "set-auth-token"
    assert set(headers) == set(services.bearer_tokens.header_names)
    assert services.signer.unsign(headers["set-auth-token"]) == session.token


async def test_where_bearer_tokens_are_off_no_answer_carries_one(make_auth):
    services = make_auth(bearer=BearerOptions(is_enabled=False)).services
    session = (await services.passwords.sign_up(ADA["email"], PASSWORD, "Ada")).session
    assert services.bearer_tokens.handle_bearer_response(session) == {}

"""Whose tokens they are."""

from __future__ import annotations

import dataclasses

import pytest
from starlette.responses import JSONResponse, PlainTextResponse

from asgi_auth import SocialOptions
from asgi_auth.oauth.errors import ProviderFailed, ProviderUnreachable
from asgi_auth.oauth.tokens import Tokens
from asgi_auth.providers import Apple, GenericOAuth

AT = Tokens(access_token="an-access-token")


@pytest.fixture
def plain(oidc):
    """A provider of OAuth 2.0 alone."""
    oidc.answer_with("/userinfo", JSONResponse(oidc.person))
    return GenericOAuth(
        id="plain",
        client_id=oidc.client_id,
        client_secret=oidc.client_secret,
        authorization_url=f"{oidc.url}/authorize",
        token_url=f"{oidc.url}/token",
        user_info_url=f"{oidc.url}/userinfo",
    )


async def test_without_an_id_token_the_provider_is_asked(make_client, plain, oidc):
    profile = await make_client(plain).profile(plain, AT)
    assert (profile.id, profile.email) == ("grace-1", "grace@example.com")
    assert oidc.requests[-1][1]["authorization"] == "Bearer an-access-token"


async def test_an_id_token_that_nobody_can_verify_tells_nothing(make_client, plain, oidc):
    tokens = dataclasses.replace(AT, id_token=oidc.id_token(sub="mallory"))
    assert (await make_client(plain).profile(plain, tokens)).id == "grace-1"


async def test_who_it_is_does_not_depend_on_whether_an_id_token_came(make_client, oidc):
    """Whoever asks for the scope "openid" gets one, whose ``sub`` could be another person's ``id``."""
    path = "/.well-known/oauth-authorization-server"
    oidc.answer_with(path, oidc.right_answer("/.well-known/openid-configuration"))
    oidc.answer_with("/userinfo", JSONResponse({**oidc.person, "id": 7}))
    provider = GenericOAuth(id="corp", client_id=oidc.client_id, discovery_url=f"{oidc.url}{path}")
    for tokens in (AT, dataclasses.replace(AT, id_token=oidc.id_token())):
        assert (await make_client(provider).profile(provider, tokens)).id == "7"


async def test_an_id_token_that_is_wrong_is_not_passed_over(client, provider, oidc):
    tokens = dataclasses.replace(AT, id_token=oidc.id_token(aud="other"))
    with pytest.raises(ProviderFailed, match="another application"):
        await client.profile(provider, tokens)


async def test_a_nonce_without_an_id_token_proves_nothing(client, provider, oidc):
    with pytest.raises(ProviderFailed, match="nonce"):
        await client.profile(provider, AT, nonce="a-nonce")


async def test_an_id_token_without_an_address_is_completed(client, provider, oidc):
    oidc.answer_with("/userinfo", JSONResponse(oidc.person))
    tokens = dataclasses.replace(AT, id_token=oidc.id_token(email=None, email_verified=None))
    profile = await client.profile(provider, tokens)
    assert (profile.email, profile.is_email_verified) == ("grace@example.com", True)


async def test_what_is_signed_goes_before_what_is_not(client, provider, oidc):
    oidc.answer_with("/userinfo", JSONResponse({"sub": "grace-1", "email": "g@example.com", "name": "Unsigned"}))
    tokens = dataclasses.replace(AT, id_token=oidc.id_token(email=None, name="Signed"))
    assert (await client.profile(provider, tokens)).name == "Signed"


@pytest.mark.parametrize("email", [None, ""])
async def test_what_is_signed_vouches_for_no_address_that_is_not(client, provider, oidc, email):
    oidc.answer_with("/userinfo", JSONResponse({"sub": "grace-1", "email": "g@example.com", "email_verified": False}))
    tokens = dataclasses.replace(AT, id_token=oidc.id_token(email=email, email_verified=True))
    profile = await client.profile(provider, tokens)
    assert (profile.email, profile.is_email_verified) == ("g@example.com", False)


async def test_another_persons_access_token_adds_no_further_claims(make_client, provider, oidc):
    """Whoever signs in by an ID token brings the access token along, which may be anybody's."""
    asking = dataclasses.replace(provider, more_claims={"emails": f"{oidc.url}/emails"})
    oidc.answer_with("/emails", JSONResponse(["mallory@example.com"]))
    oidc.answer_with("/userinfo", JSONResponse({"sub": "mallory"}))
    with pytest.raises(ProviderFailed, match="another person"):
        await make_client(asking).profile(asking, dataclasses.replace(AT, id_token=oidc.id_token()))
    assert oidc.count("/emails") == 0


@pytest.mark.parametrize("person", [{"sub": "mallory"}, {}, {"sub": None}, {"sub": ["grace-1"]}])
async def test_another_persons_access_token_does_not_complete_it(client, provider, oidc, person):
    oidc.answer_with("/userinfo", JSONResponse({"email": "mallory@example.com", **person}))
    tokens = dataclasses.replace(AT, id_token=oidc.id_token(email=None))
    with pytest.raises(ProviderFailed, match="another person"):
        await client.profile(provider, tokens)


async def test_an_id_token_alone_is_enough(client, provider, oidc):
    profile = await client.profile(provider, Tokens(id_token=oidc.id_token()))
    assert (profile.id, oidc.count("/userinfo")) == ("grace-1", 0)


async def test_the_access_token_must_be_the_one_of_the_id_token(client, provider, oidc):
    tokens = dataclasses.replace(AT, id_token=oidc.id_token(at_hash="bm90LXRoaXMtb25l"))
    with pytest.raises(ProviderFailed, match="access token"):
        await client.profile(provider, tokens)


async def test_further_claims_are_asked_for_where_they_are(make_client, plain, oidc):
    more = {"emails": f"{oidc.url}/emails", "teams": f"{oidc.url}/teams"}
    provider = dataclasses.replace(plain, more_claims=more, user_info_headers={"x-client": "tests"})
    oidc.answer_with("/emails", JSONResponse(["grace@example.com"]))
    oidc.answer_with("/teams", JSONResponse({}, 403))
    profile = await make_client(provider).profile(provider, AT)
    assert profile.claims["emails"] == ["grace@example.com"]
    assert "teams" not in profile.claims
    assert all(headers["x-client"] == "tests" for _, headers, _ in oidc.requests)


@pytest.mark.parametrize("status", [429, 503])
async def test_further_claims_that_cannot_be_had_now_are_a_fault(make_client, plain, oidc, status):
    provider = dataclasses.replace(plain, more_claims={"emails": f"{oidc.url}/emails"})
    oidc.answer_with("/emails", PlainTextResponse("down", status))
    with pytest.raises(ProviderUnreachable):
        await make_client(provider).profile(provider, AT)


@pytest.mark.parametrize(
    "answer",
    [
        JSONResponse([]),
        JSONResponse({}),
        JSONResponse({"id": None, "sub": None}),
        JSONResponse({"id": "", "sub": ""}),
        JSONResponse({"id": True}),
        JSONResponse({"id": ["grace-1"]}),
        JSONResponse({"id": "grace-1", "email": 7}),
        JSONResponse({"id": "grace-1", "error": "invalid_auth"}),
        JSONResponse({"id": "grace-1"}, 401),
        JSONResponse({"id": "grace-1"}, 204),
        PlainTextResponse("grace"),
        PlainTextResponse('{"id": "grace-1", "name": "\\ud800"}'),
    ],
)
async def test_a_provider_that_does_not_say_who_it_is_has_failed(make_client, plain, oidc, answer):
    oidc.answer_with("/userinfo", answer)
    with pytest.raises(ProviderFailed):
        await make_client(plain).profile(plain, AT)


async def test_what_came_beside_the_callback_is_taken_as_the_provider_decides(make_client, oidc):
    apple = Apple(client_id=oidc.client_id, client_secret="x", jwks_url=f"{oidc.url}/jwks", issuers=(oidc.url,))
    tokens = Tokens(id_token=oidc.id_token(name=None))
    given = {"name": {"firstName": "Grace", "lastName": "Hopper"}, "email": "mallory@example.com"}
    profile = await make_client(apple).profile(apple, tokens, given=given)
    assert (profile.name, profile.email) == ("Grace Hopper", "grace@example.com")


def test_a_provider_is_found_by_its_id(client, provider):
    assert client.find("corp") is provider
    assert client.find("Corp") is None


async def test_an_auth_has_a_client_of_its_providers(make_auth, provider):
    auth = make_auth(social=SocialOptions(providers=(provider,), allows_private_addresses=True))
    assert auth.services.oauth.find("corp") is provider

"""A provider's discovery document: only its own, and only what it lacks is taken from it."""

from __future__ import annotations

import dataclasses

import pytest
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse

from asgi_auth.oauth.client import AuthorizationRequest
from asgi_auth.oauth.endpoints import discovered
from asgi_auth.oauth.errors import ProviderFailed, ProviderUnreachable
from asgi_auth.providers import GenericOAuth

PATH = "/.well-known/openid-configuration"
ASKING = AuthorizationRequest(state="a-state", redirect_uri="http://app.test/callback")


def document(url, **changes):
    names = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "jwks"}
    return {"issuer": url, **{name: f"{url}/{path}" for name, path in names.items()}, **changes}


@pytest.mark.parametrize(
    ("discovery_url", "issuer"),
    [
        ("https://idp.test/.well-known/openid-configuration", "https://idp.test"),
        ("https://idp.test/.well-known/openid-configuration", "https://idp.test/"),
        ("https://idp.test/realms/a/.well-known/openid-configuration", "https://idp.test/realms/a"),
        ("https://idp.test/realms/a/.well-known/openid-configuration", "https://idp.test/realms/a/"),
        ("https://idp.test/.well-known/oauth-authorization-server", "https://idp.test"),
        ("https://idp.test/.well-known/oauth-authorization-server/realms/a", "https://idp.test/realms/a"),
    ],
)
def test_a_document_is_where_its_issuer_has_it(discovery_url, issuer):
    provider = GenericOAuth(id="corp", client_id="tests", discovery_url=discovery_url)
    assert discovered(provider, document(issuer)).issuer == issuer


@pytest.mark.parametrize(
    "issuer",
    [
        None,
        "",
        "/",
        7,
        "https://evil.test",
        "http://idp.test/realms/a",
        "https://idp.test/realms/b",
        "https://idp.test",
        "https://IDP.test/realms/a",
        "https://idp.test/realms/a//",
        "https://idp.test:443/realms/a",
        "https://idp.test/realms/a?x",
    ],
)
def test_a_document_of_another_issuer_is_refused(issuer):
    provider = GenericOAuth(
        id="corp", client_id="tests", discovery_url="https://idp.test/realms/a/.well-known/openid-configuration"
    )
    with pytest.raises(ProviderFailed):
        discovered(provider, document("https://idp.test", issuer=issuer))


def test_a_declared_issuer_may_have_its_document_elsewhere():
    provider = GenericOAuth(
        id="corp", client_id="tests", discovery_url="https://idp.test/a/document", issuers=("https://sts.test",)
    )
    assert discovered(provider, document("https://sts.test")).issuer == "https://sts.test"


async def test_what_is_declared_is_not_asked_for(make_client, provider, oidc):
    provider = dataclasses.replace(provider, authorization_url="https://login.test/go")
    url = await make_client(provider).authorization_url(provider, ASKING)
    assert url.startswith("https://login.test/go?response_type=code&")


@pytest.mark.parametrize("endpoint", ["javascript:alert(1)", "data:text/html,x", "ftp://idp.test/", "/go", "", " "])
async def test_people_are_sent_to_web_pages_only(client, provider, oidc, endpoint):
    oidc.answer_with(PATH, JSONResponse(document(oidc.url, authorization_endpoint=endpoint)))
    with pytest.raises(ProviderFailed):
        await client.authorization_url(provider, ASKING)


@pytest.mark.parametrize(
    "answer",
    [
        PlainTextResponse("hello"),
        PlainTextResponse(""),
        PlainTextResponse("[" * 5000),
        JSONResponse([]),
        JSONResponse("text"),
        JSONResponse({}, 404),
        RedirectResponse("/elsewhere"),
    ],
)
async def test_what_is_no_document_is_refused(client, provider, oidc, answer):
    oidc.answer_with(PATH, answer)
    with pytest.raises(ProviderFailed):
        await client.authorization_url(provider, ASKING)
    assert oidc.count("/elsewhere") == 0


@pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri"])
async def test_an_endpoint_that_is_no_text_is_refused(client, provider, oidc, name):
    oidc.answer_with(PATH, JSONResponse(document(oidc.url, **{name: ["x"]})))
    with pytest.raises(ProviderFailed, match=name):
        await client.authorization_url(provider, ASKING)


@pytest.mark.parametrize("name", ["HTTP_PROXY", "ALL_PROXY"])
async def test_a_proxy_of_the_environment_sees_nothing(client, provider, monkeypatch, name):
    monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert await client.authorization_url(provider, ASKING)


async def test_an_endpoint_that_is_not_told_is_missed_by_name(client, provider, oidc):
    oidc.answer_with(PATH, JSONResponse({"issuer": oidc.url}))
    with pytest.raises(ProviderFailed, match="no authorization endpoint"):
        await client.authorization_url(provider, ASKING)
    with pytest.raises(ProviderFailed, match="no token endpoint"):
        await client.exchange(provider, code="x", redirect_uri="http://app.test/callback")


async def test_a_document_may_not_lead_to_private_addresses(make_client, provider, oidc):
    strict = make_client(provider, allows_private_addresses=False)
    with pytest.raises(ProviderUnreachable, match="only https"):
        await strict.authorization_url(provider, ASKING)
    assert oidc.requests == []


async def test_the_issuer_of_a_callback_is_compared_whole(client, provider, oidc):
    assert await client.is_issuer(provider, oidc.url)
    for issuer in ("", f"{oidc.url}/", "https://evil.test"):
        assert not await client.is_issuer(provider, issuer)

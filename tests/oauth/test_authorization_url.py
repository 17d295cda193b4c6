"""The URL that people are sent to a provider with."""

from __future__ import annotations

import dataclasses

import pytest

from asgi_auth.oauth.authorization import RESERVED_PARAMS, AuthorizationRequest, build_authorization_url
from asgi_auth.oauth.errors import ProviderFailed
from asgi_auth.providers import GenericOAuth, Google

CALLBACK = "http://localhost:4130/api/auth/callback"
# RFC 7636, appendix B
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
GENERIC = GenericOAuth(
    id="fake",
    client_id="fake-client",
    authorization_url="http://localhost:4130/authorize",
    token_url="http://localhost:4130/token",
    user_info_url="http://localhost:4130/userinfo",
    scopes=("openid", "email"),
)
GOOGLE = Google(client_id="google-client", client_secret="google-secret")


def url_of(provider, *, endpoint=None, **changes):
    request = AuthorizationRequest(
        **{"state": "STATE", "redirect_uri": f"{CALLBACK}/{provider.id}", "code_verifier": VERIFIER, **changes}
    )
    return build_authorization_url(provider, endpoint or provider.authorization_url, request)


def test_google_is_asked_as_better_auth_asks():
    assert url_of(GOOGLE, login_hint="a@b.c", scopes=("x", "email"), params={"prompt": "consent", "hd": "x y"}) == (
        "https://accounts.google.com/o/oauth2/v2/auth?response_type=code&client_id=google-client&state=STATE"
        "&scope=email+profile+openid+x+email&redirect_uri=http%3A%2F%2Flocalhost%3A4130%2Fapi%2Fauth%2Fcallback%2Fgoogle"
        f"&login_hint=a%40b.c&code_challenge_method=S256&code_challenge={CHALLENGE}&include_granted_scopes=true"
        "&prompt=consent&hd=x+y"
    )


def test_any_other_server_is_asked_as_better_auth_asks():
    assert url_of(GENERIC, login_hint="a@b.c", scopes=("x", "email"), params={"a": "b c", "login_hint": "q"}) == (
        "http://localhost:4130/authorize?response_type=code&client_id=fake-client&state=STATE"
        "&scope=x+email+openid+email&redirect_uri=http%3A%2F%2Flocalhost%3A4130%2Fapi%2Fauth%2Fcallback%2Ffake"
        f"&login_hint=q&code_challenge_method=S256&code_challenge={CHALLENGE}&a=b+c"
    )


def test_a_query_that_the_endpoint_has_is_kept_and_never_believed():
    url = url_of(GENERIC, endpoint="http://localhost:4130/authorize?keep=1&state=evil#part")
    assert url.startswith("http://localhost:4130/authorize?keep=1&state=STATE&response_type=code&")
    assert url.endswith("#part")


@pytest.mark.parametrize("name", sorted(RESERVED_PARAMS))
def test_no_further_parameter_changes_what_the_flow_rests_on(name):
    plain = url_of(GENERIC, nonce="N")
    assert url_of(GENERIC, nonce="N", params={name: "evil"}) == plain
    assert url_of(dataclasses.replace(GENERIC, authorization_params={name: "evil"}), nonce="N") == plain


def test_the_verifier_stays_here():
    assert VERIFIER not in url_of(GENERIC)
    assert VERIFIER not in repr(AuthorizationRequest(state="s", redirect_uri="r", code_verifier=VERIFIER))


def test_a_provider_without_pkce_gets_no_challenge():
    assert "code_challenge" not in url_of(dataclasses.replace(GENERIC, uses_pkce=False))


def test_a_nonce_is_sent_where_better_auth_has_it():
    assert "&login_hint=x&nonce=N&code_challenge_method=S256&" in url_of(GENERIC, nonce="N", login_hint="x")


def test_a_response_mode_is_asked_for():
    assert "&response_mode=form_post&" in url_of(dataclasses.replace(GENERIC, response_mode="form_post"))


def test_scopes_are_separated_as_the_provider_wants():
    assert "&scope=openid%2Cemail&" in url_of(dataclasses.replace(GENERIC, scope_separator=","))


def test_no_scope_is_no_parameter():
    assert "scope=" not in url_of(dataclasses.replace(GENERIC, scopes=()))


@pytest.mark.parametrize("value", ["a&state=evil", "a#b", "a b", "%00", "é", "\n", "a=b", "+"])
def test_no_value_leaves_its_parameter(value):
    url = url_of(GENERIC, state="STATE", login_hint=value)
    assert url.count("&") == url_of(GENERIC, login_hint="x").count("&")
    assert "#" not in url
    assert "evil" not in url or "%26state%3Devil" in url


def test_an_endpoint_that_is_no_url_is_refused():
    with pytest.raises(ProviderFailed):
        url_of(GENERIC, endpoint="not a url")

"""Any other server: what must be told of it, and who it says that somebody is."""

from __future__ import annotations

import dataclasses

import pytest

from asgi_auth import ConfigurationError
from asgi_auth.providers import GenericOAuth

URLS = {
    "authorization_url": "https://idp.test/authorize",
    "token_url": "https://idp.test/token",
    "user_info_url": "https://idp.test/userinfo",
}
PROVIDER = GenericOAuth(id="corp", client_id="tests", **URLS)


OPENID = GenericOAuth(
    id="corp", client_id="tests", discovery_url="https://idp.test/.well-known/openid-configuration", scopes=("email",)
)


def test_a_server_of_openid_connect_is_spoken_to_as_one():
    assert (OPENID.uses_nonce, OPENID.accepts_id_tokens, OPENID.scopes) == (True, True, ("openid", "email"))
    assert dataclasses.replace(OPENID, scopes=("email", "openid")).scopes == ("email", "openid")


def test_another_server_is_not():
    url = "https://idp.test/.well-known/oauth-authorization-server"
    for provider in (PROVIDER, GenericOAuth(id="corp", client_id="tests", discovery_url=url)):
        assert (provider.uses_nonce, provider.accepts_id_tokens, provider.scopes) == (False, False, ())


@pytest.mark.parametrize("missing", URLS)
def test_without_one_every_url_is_needed(missing):
    with pytest.raises(ConfigurationError, match=f"corp: .*{missing}"):
        GenericOAuth(id="corp", client_id="tests", **{name: url for name, url in URLS.items() if name != missing})


def test_id_tokens_need_keys_and_an_issuer():
    urls = {name: url for name, url in URLS.items() if name != "user_info_url"}
    with pytest.raises(ConfigurationError, match="issuers"):
        GenericOAuth(id="corp", client_id="tests", jwks_url="https://idp.test/jwks", **urls)
    GenericOAuth(id="corp", client_id="tests", jwks_url="https://idp.test/jwks", issuers=("https://idp.test",), **urls)


@pytest.mark.parametrize(
    ("claims", "person"),
    [
        ({"id": "a", "sub": "b"}, "a"),
        ({"sub": "b"}, "b"),
        ({"id": None, "sub": "b"}, "b"),
        ({"id": 7}, "7"),
        ({"id": 0}, "0"),
    ],
)
def test_who_it_is_tells_id_or_else_sub(claims, person):
    assert PROVIDER.profile(claims).id == person


def test_in_openid_connect_it_is_sub_alone():
    assert OPENID.profile({"id": "a", "sub": "b"}).id == "b"
    with pytest.raises(ValueError, match="sub"):
        OPENID.profile({"id": "a"})


@pytest.mark.parametrize("claims", [{}, {"id": "", "sub": "b"}, {"id": True}, {"id": {}}, {"sub": None}, {"id": 1.5}])
def test_without_either_it_is_nobody(claims):
    with pytest.raises(ValueError, match=r"id|sub"):
        PROVIDER.profile(claims)


def test_the_standard_claims_tell_the_rest():
    claims = {"sub": "b", "email": "a@b.test", "email_verified": True, "name": "A", "picture": "https://b.test/a.png"}
    profile = PROVIDER.profile(claims)
    assert (profile.email, profile.is_email_verified, profile.name) == ("a@b.test", True, "A")
    assert profile.image == "https://b.test/a.png"
    assert profile.claims == {**claims, "id": "b", "emailVerified": True, "image": "https://b.test/a.png"}


def test_the_claims_stay_what_they_were():
    assert PROVIDER.profile({"id": "a", "sub": "b"}).claims["sub"] == "b"
    assert PROVIDER.profile({"id": 7}).claims["id"] == 7
    assert OPENID.profile({"id": 7, "sub": "b"}).claims["id"] == 7


def test_a_profile_may_be_made_of_other_claims():
    named = dataclasses.replace(
        PROVIDER, map_profile=lambda profile: dataclasses.replace(profile, name=profile.claims["nickname"])
    )
    assert named.profile({"id": "a", "nickname": "Ace"}).name == "Ace"


def test_what_a_request_asks_for_comes_first():
    provider = dataclasses.replace(PROVIDER, scopes=("openid",), more_scopes=("team",))
    assert provider.requested_scopes(("x",)) == ("x", "openid", "team")

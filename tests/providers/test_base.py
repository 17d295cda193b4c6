"""What every provider has in common."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from asgi_auth import ConfigurationError, Timestamp
from asgi_auth.providers import Google, Provider

NOW = Timestamp.of(datetime(2026, 11, 22, tzinfo=UTC))
ADA = {"sub": "1", "email": "ada@example.com", "email_verified": True, "name": "Ada", "picture": "https://a.test/p.png"}


def make(**options):
    return Provider(id="own", client_id="me", **options)


def test_a_client_id_is_needed():
    with pytest.raises(ConfigurationError, match="google: client_id is missing"):
        Google(client_id="")


def test_no_secret_shows():
    assert "hidden" not in repr(make(client_secret="hidden"))


def test_scopes_are_the_providers_then_the_applications_then_the_requests():
    assert make(scopes=("a", "b"), more_scopes=("c",)).requested_scopes(["d"]) == ("a", "b", "c", "d")


def test_the_secret_is_the_one_that_was_given():
    assert make(client_secret="s").current_secret(NOW) == "s"


def test_parameters_of_the_applications_own_come_beside_the_providers():
    google = Google(client_id="me", authorization_params={"ux": "1"})
    assert google.authorization_params == {"include_granted_scopes": "true", "ux": "1"}
    assert replace(google, id="other").authorization_params == google.authorization_params


def test_only_the_declared_issuers_are_taken():
    provider = make(issuers=("https://id.test",))
    assert provider.is_issuer("https://id.test", {})
    assert not provider.is_issuer("https://id.test/", {})
    assert not make().is_issuer("https://id.test", {"iss": "https://id.test"})


def test_a_person_is_read_from_the_standard_claims():
    profile = make().profile(ADA)
    assert (profile.id, profile.email, profile.is_email_verified) == ("1", "ada@example.com", True)
    assert (profile.name, profile.image, profile.claims) == ("Ada", "https://a.test/p.png", ADA)


def test_what_came_through_the_browser_changes_nothing():
    assert make().with_given(ADA, {"email": "eve@example.com", "sub": "2"}) == ADA


def test_an_application_may_map_profiles_its_own_way():
    provider = make(map_profile=lambda profile: replace(profile, name=profile.claims["nickname"]))
    assert provider.profile({"sub": "1", "nickname": "Countess"}).name == "Countess"


@pytest.mark.parametrize("claims", [None, [], "text", 1, {}, {"sub": None}, {"sub": "1", "email": ["a@b.test"]}])
def test_who_says_too_little_describes_nobody(claims):
    with pytest.raises((KeyError, TypeError, ValueError)):
        make().profile(claims)

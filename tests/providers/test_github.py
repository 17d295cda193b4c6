"""GitHub: the address is the primary one of a second answer."""

import pytest

from asgi_auth.providers import GitHub

USER = {
    "login": "octocat",
    "id": 583231,
    "avatar_url": "https://avatars.githubusercontent.com/u/583231",
    "name": "The Octocat",
    "email": None,
}
EMAILS = [
    {"email": "old@example.com", "primary": False, "verified": True, "visibility": None},
    {"email": "octocat@example.com", "primary": True, "verified": True, "visibility": "private"},
]


def read(claims):
    return GitHub(client_id="me").profile(claims)


def test_what_is_asked_for():
    assert GitHub(client_id="me").requested_scopes() == ("read:user", "user:email")
    assert GitHub(client_id="me").option_params() == {}
    assert GitHub(client_id="me", prompt="select_account").option_params() == {"prompt": "select_account"}
    assert "emails" in GitHub(client_id="me").more_claims


def test_a_person_is_read_with_the_primary_address():
    profile = read(USER | {"emails": EMAILS})
    assert (profile.id, profile.email, profile.is_email_verified) == ("583231", "octocat@example.com", True)
    assert (profile.name, profile.image) == ("The Octocat", "https://avatars.githubusercontent.com/u/583231")


def test_the_public_address_is_not_taken_for_the_primary_one():
    assert read(USER | {"email": "public@example.com", "emails": EMAILS}).email == "octocat@example.com"


def test_an_unverified_primary_address_stays_unverified_beside_a_verified_one():
    emails = [EMAILS[0], EMAILS[1] | {"verified": False}]
    assert not read(USER | {"emails": emails}).is_email_verified


def test_without_the_list_the_public_address_counts_as_unverified():
    profile = read(USER | {"email": "public@example.com"})
    assert (profile.email, profile.is_email_verified) == ("public@example.com", False)


def test_without_a_name_the_login_is_the_name():
    assert read(USER | {"name": None}).name == "octocat"


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": None},
        {"id": True},
        {"emails": {"email": "a@b.test", "primary": True}},
        {"emails": ["a@b.test"]},
        {"emails": [{"email": 1, "primary": True}]},
        {"name": ["The Octocat"]},
        {"avatar_url": 5},
    ],
)
def test_a_wrong_shape_describes_nobody(wrong):
    with pytest.raises((KeyError, TypeError, ValueError)):
        read(USER | wrong)

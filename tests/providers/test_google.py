"""Google: scopes, parameters, and who is let in."""

import pytest

from asgi_auth.providers import Google

ADA = {
    "iss": "https://accounts.google.com",
    "sub": "110169484474386276334",
    "email": "ada@gmail.com",
    "email_verified": True,
    "name": "Ada Lovelace",
    "given_name": "Ada",
    "family_name": "Lovelace",
    "picture": "https://lh3.googleusercontent.com/a/ada=s96-c",
}


def test_what_is_asked_for():
    google = Google(client_id="me", prompt="select_account consent", access_type="offline", hd="example.com")
    assert google.requested_scopes() == ("email", "profile", "openid")
    assert list(google.option_params().items()) == [
        ("prompt", "select_account consent"),
        ("hd", "example.com"),
        ("access_type", "offline"),
    ]
    assert Google(client_id="me").option_params() == {}


def test_both_spellings_of_the_issuer_are_googles():
    google = Google(client_id="me")
    assert google.is_issuer("https://accounts.google.com", {})
    assert google.is_issuer("accounts.google.com", {})
    assert not google.is_issuer("http://accounts.google.com", {})


def test_a_person_is_read_from_the_id_token():
    profile = Google(client_id="me").profile(ADA)
    assert (profile.id, profile.email, profile.is_email_verified) == ("110169484474386276334", "ada@gmail.com", True)
    assert (profile.name, profile.image) == ("Ada Lovelace", "https://lh3.googleusercontent.com/a/ada=s96-c")


@pytest.mark.parametrize("verified", [False, "false", None, 1])
def test_an_address_is_verified_only_where_google_says_so(verified):
    assert not Google(client_id="me").profile(ADA | {"email_verified": verified}).is_email_verified


@pytest.mark.parametrize(("wanted", "domain"), [("example.com", "example.com"), ("*", "example.com")])
def test_people_of_the_workspace_are_let_in(wanted, domain):
    assert Google(client_id="me", hd=wanted).profile(ADA | {"hd": domain}).name == "Ada Lovelace"


@pytest.mark.parametrize(("wanted", "domain"), [("example.com", "evil.test"), ("example.com", None), ("*", None)])
def test_nobody_else_is_even_when_the_parameter_was_struck_from_the_url(wanted, domain):
    claims = ADA if domain is None else ADA | {"hd": domain}
    with pytest.raises(ValueError, match="Workspace"):
        Google(client_id="me", hd=wanted).profile(claims)

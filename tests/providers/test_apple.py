"""Apple: a client secret that is signed when it is needed, and a name that nobody signed."""

from datetime import UTC, datetime, timedelta

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from asgi_auth import ConfigurationError, Timestamp
from asgi_auth.providers import Apple
from tests.servers.provider_shapes import TEAM_KEY, shape_of

NOW = Timestamp.of(datetime(2026, 11, 22, 12, tzinfo=UTC))
TEAM = {"client_id": "com.example.web", "team_id": "TEAM123456", "key_id": "KEY1234567"}
PEM = TEAM_KEY.as_pem(private=True).decode()


def make(**options):
    return Apple(**{**TEAM, "private_key": PEM, **options})


def decode(secret):
    return jwt.decode(secret, TEAM_KEY, algorithms=["ES256"])


def test_the_secret_is_signed_by_the_teams_key():
    token = decode(make().current_secret(NOW))
    assert token.header["alg"] == "ES256"
    assert token.header["kid"] == "KEY1234567"
    assert token.claims == {
        "iss": "TEAM123456",
        "iat": NOW.timestamp() // 1,
        "exp": NOW.timestamp() // 1 + 3600,
        "aud": "https://appleid.apple.com",
        "sub": "com.example.web",
    }


def test_a_secret_is_kept_until_shortly_before_it_expires():
    apple = make()
    first = apple.current_secret(NOW)
    assert apple.current_secret(NOW + timedelta(minutes=49)) == first
    later = NOW + timedelta(minutes=50)
    assert apple.current_secret(later) != first
    assert decode(apple.current_secret(later)).claims["exp"] == later.timestamp() // 1 + 3600


def test_a_secret_of_the_future_is_not_used_when_the_clock_is_set_back():
    apple = make()
    apple.current_secret(NOW)
    earlier = NOW - timedelta(hours=1)
    assert decode(apple.current_secret(earlier)).claims["iat"] == earlier.timestamp() // 1


def test_a_secret_made_elsewhere_is_used_as_it_is():
    assert Apple(client_id="com.example.web", client_secret="made.else.where").current_secret(NOW) == "made.else.where"


def test_neither_key_nor_secret_shows():
    apple = make()
    secret = apple.current_secret(NOW)
    shown = repr(apple)
    assert "PRIVATE KEY" not in shown
    assert secret not in shown
    assert "_key" not in shown


@pytest.mark.parametrize("missing", ["team_id", "key_id"])
def test_a_key_needs_its_names(missing):
    with pytest.raises(ConfigurationError, match="team_id and key_id"):
        make(**{missing: None})


@pytest.mark.parametrize(
    "key",
    [
        "",
        "not a key",
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        TEAM_KEY.as_pem(private=False).decode(),
        ECKey.generate_key("P-384").as_pem(private=True).decode(),
        RSAKey.generate_key(2048).as_pem(private=True).decode(),
    ],
    ids=["empty", "text", "broken", "public", "P-384", "RSA"],
)
def test_a_key_of_another_kind_is_refused_when_it_is_configured_and_not_shown(key):
    with pytest.raises(ConfigurationError, match="P-256") as refusal:
        make(private_key=key)
    assert refusal.value.__cause__ is None
    assert not key or key not in str(refusal.value)


def test_the_name_is_taken_from_beside_the_id_token():
    apple, person = make(), shape_of("apple").person
    given = {"name": {"firstName": "Ada", "lastName": "Lovelace"}, "email": "ada@example.com"}
    assert apple.profile(apple.with_given(person, given)).name == "Ada Lovelace"
    assert apple.profile(apple.with_given(person, {"name": {"firstName": "Ada"}})).name == "Ada"


def test_nothing_but_the_name_is():
    apple, person = make(), shape_of("apple").person
    forged = {"sub": "somebody-else", "email": "victim@example.com", "email_verified": True, "name": {"firstName": "E"}}
    profile = apple.profile(apple.with_given(person, forged))
    assert (profile.id, profile.email) == (person["sub"], person["email"])


@pytest.mark.parametrize(
    "given", [{}, {"name": None}, {"name": "Ada"}, {"name": []}, {"name": {"firstName": ["Ada"]}}, {"name": {"a": "b"}}]
)
def test_a_name_in_another_shape_is_no_name(given):
    apple, person = make(), shape_of("apple").person
    assert apple.profile(apple.with_given(person, given)).name == ""


@pytest.mark.parametrize(("said", "is_verified"), [("true", True), (True, True), ("false", False), (False, False)])
def test_the_address_is_verified_as_apple_says_in_either_form(said, is_verified):
    assert make().profile({**shape_of("apple").person, "email_verified": said}).is_email_verified is is_verified

"""What cannot work is refused when it is configured, in words that say what would."""

from __future__ import annotations

from datetime import timedelta

import pytest

from asgi_auth import ConfigurationError, User
from asgi_auth.features.jwt import Jwt, JwtOptions, JWTService
from tests.features.jwt.stored_keys import part
from tests.support import BASE_URL

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [
        ("issuer", "", "jwt.issuer"),
        ("audience", "", "jwt.audience"),
        ("audience", (), "jwt.audience"),
        ("audience", ("a", ""), "jwt.audience"),
        ("lifetime", timedelta(), "whole seconds"),
        ("lifetime", timedelta(milliseconds=1500), "whole seconds"),
        ("lifetime", 900, "jwt.lifetime: timedelta"),
        ("algorithm", "HS256", '"ES512"'),
        ("algorithm", "none", '"ES512"'),
        ("curve", "P-256", '"Ed448"'),
        ("modulus_length", 1024, "2048 to 8192"),
        ("rotation_interval", timedelta(), "at least 1 second"),
        ("grace", -SECOND, "not negative"),
        ("jwks_path", "jwks", '"/jwks"'),
        ("jwks_path", "/jwks/{id}", '"/jwks"'),
        ("jwks_path", "/jwks/", '"/jwks"'),
        ("define_payload", {"a": 1}, "a callable"),
        ("refresh_lifetime", timedelta(), "at least 1 second"),
    ],
)
def test_an_option_that_cannot_work_is_refused(option, value, sentence):
    with pytest.raises(ConfigurationError, match=sentence):
        JwtOptions(**{option: value})


@pytest.mark.parametrize("wrong", [JwtOptions, {"lifetime": SECOND}, [JwtOptions()], {}, "jwt"])
def test_options_are_an_instance(wrong):
    with pytest.raises(ConfigurationError, match=r"options are an instance: Jwt\(JwtOptions\("):
        Jwt(wrong)


def test_sessions_cannot_be_checked_that_no_token_names():
    with pytest.raises(ConfigurationError, match="include_session"):
        JwtOptions(check_session=True, include_session=False)


def test_sessions_cannot_be_checked_of_subjects_that_are_not_their_users():
    with pytest.raises(ConfigurationError, match="get_subject"):
        JwtOptions(check_session=True, get_subject=lambda user, _: user.email)


def test_without_a_base_url_somebody_has_to_say_who_the_issuer_is(make_auth):
    with pytest.raises(ConfigurationError, match=r"base_url.*JwtOptions\(issuer="):
        make_auth(features=[Jwt()])


@pytest.mark.parametrize(
    ("options", "base_url", "issuer", "audience"),
    [
        ({}, "http://app.test/api/auth", "http://app.test", "http://app.test"),
        ({"issuer": "https://id.test"}, None, "https://id.test", "https://id.test"),
        ({"issuer": "https://id.test"}, BASE_URL, "https://id.test", BASE_URL),
        ({"audience": "api"}, BASE_URL, BASE_URL, "api"),
        ({"audience": ("api", "web")}, BASE_URL, BASE_URL, ["api", "web"]),
    ],
)
async def test_tokens_say_who_they_are_from_and_for(make_jwt, options, base_url, issuer, audience):
    service = make_jwt(options, base_url=base_url).services.get(JWTService)
    token = await service.sign_jwt({"sub": "ada"})
    said = part(token, 1)
    assert (said["iss"], said["aud"]) == (issuer, audience)
    assert (await service.verify_jwt(token)).subject == "ada"


class Experienced(User, frozen=True, kw_only=True):
    """Somebody with a field that would pass for a claim."""

    exp: int = 0


def test_a_field_of_the_user_does_not_pass_for_a_claim(make_jwt):
    with pytest.raises(ConfigurationError, match=r"field exp.*define_payload"):
        make_jwt(user_model=Experienced)
    make_jwt({"define_payload": lambda user, _: {"points": user.exp}}, user_model=Experienced)


def test_it_is_installed_once(make_auth):
    with pytest.raises(ConfigurationError, match="once each"):
        make_auth(features=[Jwt(), Jwt()], base_url=BASE_URL)


def test_what_other_algorithms_there_are_is_said():
    with pytest.raises(ConfigurationError, match=r'jwt\.algorithm: "EdDSA", "ES256", "ES512", "PS256" or "RS256"'):
        JwtOptions(algorithm="EdDSA2")

"""Every option is checked when it is built, and cannot be changed afterwards."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest

from asgi_auth import (
    AuthConfig,
    BearerOptions,
    ClientAddressOptions,
    ConfigurationError,
    CookieOptions,
    CookieOverride,
    CsrfOptions,
    DatabaseOptions,
    HashingOptions,
    PasswordOptions,
    RequestOptions,
    Secret,
    SessionOptions,
)

DAY = timedelta(days=1)
OPTIONS = [
    BearerOptions,
    ClientAddressOptions,
    CookieOptions,
    CookieOverride,
    CsrfOptions,
    DatabaseOptions,
    HashingOptions,
    PasswordOptions,
    RequestOptions,
    SessionOptions,
]


@pytest.mark.parametrize("kind", OPTIONS)
def test_every_option_has_a_default_and_none_can_be_changed(kind):
    options = kind()
    assert options == kind()
    for field in dataclasses.fields(options):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(options, field.name, getattr(options, field.name))


@pytest.mark.parametrize("kind", [*OPTIONS, AuthConfig])
def test_options_are_given_by_name(kind):
    with pytest.raises(TypeError):
        kind("x")


@pytest.mark.parametrize("kind", [kind for kind in OPTIONS if kind is not CookieOverride and dataclasses.fields(kind)])
def test_every_option_is_explained(kind):
    explained = kind.__doc__
    assert all(f"{field.name}:" in explained for field in dataclasses.fields(kind))


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (SessionOptions, {"lifetime": timedelta()}),
        (SessionOptions, {"lifetime": timedelta(milliseconds=999)}),
        (SessionOptions, {"lifetime": 401 * DAY}),
        (SessionOptions, {"lifetime": -DAY}),
        (SessionOptions, {"short_lifetime": timedelta()}),
        (SessionOptions, {"refresh_after": -DAY}),
        (SessionOptions, {"fresh_for": -DAY}),
        (SessionOptions, {"max_per_user": 0}),
        (SessionOptions, {"max_per_user": -1}),
        (PasswordOptions, {"min_length": 0}),
        (PasswordOptions, {"min_length": 9, "max_length": 8}),
        (PasswordOptions, {"max_length": 4097}),
        (CookieOptions, {"prefix": ""}),
        (CookieOptions, {"prefix": "two words"}),
        (CookieOptions, {"prefix": "a;b"}),
        (CookieOptions, {"prefix": "a=b"}),
        (CookieOptions, {"prefix": "a\r\nb"}),
        (CookieOptions, {"prefix": "é"}),
        (CookieOptions, {"overrides": {"session_token": CookieOverride(name="a,b")}}),
        (RequestOptions, {"max_body": 0}),
        (RequestOptions, {"max_depth": 0}),
        (RequestOptions, {"max_depth": 201}),
        (RequestOptions, {"body_timeout": timedelta()}),
        (RequestOptions, {"disabled_paths": frozenset({"sign-up/email"})}),
        (ClientAddressOptions, {"trusted_proxies": ("10.0.0.0/8", "nonsense")}),
        (ClientAddressOptions, {"trusted_proxies": ("10.0.0.0/33",)}),
        (HashingOptions, {"workers": 0}),
        (HashingOptions, {"max_queue": -1}),
        (HashingOptions, {"cost": 0}),
        (HashingOptions, {"cost": 1}),
        (HashingOptions, {"cost": 1000}),
        (HashingOptions, {"cost": 131072}),
        (DatabaseOptions, {"pool_size": 0}),
        (DatabaseOptions, {"read_timeout": timedelta()}),
        (DatabaseOptions, {"timeout": timedelta()}),
    ],
)
def test_what_cannot_work_is_refused(kind, wrong):
    with pytest.raises(ConfigurationError):
        kind(**wrong)


@pytest.mark.parametrize(
    ("kind", "edge"),
    [
        (SessionOptions, {"lifetime": timedelta(seconds=1)}),
        (SessionOptions, {"lifetime": 400 * DAY, "refresh_after": timedelta(), "fresh_for": timedelta()}),
        (SessionOptions, {"max_per_user": 1}),
        (PasswordOptions, {"min_length": 1, "max_length": 1}),
        (PasswordOptions, {"max_length": 4096}),
        (CookieOptions, {"prefix": "my_app-1.0!"}),
        (RequestOptions, {"max_body": 1, "max_depth": 200}),
        (ClientAddressOptions, {"trusted_proxies": ("10.0.0.1/8", "::1", "fd00::/8")}),
        (HashingOptions, {"workers": 1, "max_queue": 0, "cost": 65536}),
        (DatabaseOptions, {"pool_size": 1, "timeout": timedelta(milliseconds=1)}),
    ],
)
def test_what_can_work_is_taken(kind, edge):
    options = kind(**edge)
    assert {name: getattr(options, name) for name in edge} == edge


def test_defaults_are_better_auths():
    session, password, cookies = SessionOptions(), PasswordOptions(), CookieOptions()
    assert (session.lifetime, session.short_lifetime, session.refresh_after) == (7 * DAY, DAY, DAY)
    assert (session.fresh_for, session.max_per_user, session.is_refreshed) == (DAY, None, True)
    assert (password.min_length, password.max_length, password.signs_in_after_sign_up) == (8, 128, True)
    assert (cookies.prefix, cookies.same_site, cookies.spans_subdomains) == ("better-auth", "Lax", False)
    assert HashingOptions().cost == 16384


def test_a_secret_shows_itself_nowhere():
    secret = Secret("do-not-tell", 2)
    assert "do-not-tell" not in repr(secret) + str(secret) + f"{secret}"
    assert "2" in repr(secret)


def test_a_blocklist_is_not_poured_into_logs():
    assert "hunter2" not in repr(PasswordOptions(blocklist=frozenset({"hunter2"})))

"""The options of letters, accounts, providers, limits and the cookie cache: checked, and decided by the presets."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest

from asgi_auth import (
    AccountOptions,
    AuthConfig,
    ConfigurationError,
    CookieCacheOptions,
    DeletionOptions,
    EmailOptions,
    MailOptions,
    OpenApiOptions,
    PasswordOptions,
    RateLimit,
    RateLimitOptions,
    SocialOptions,
)
from asgi_auth.providers.base import Provider

SECRET = "a-secret-that-is-long-enough-0123456789"
SITE = "https://example.com"
MINUTE = timedelta(minutes=1)
OPTIONS = [
    AccountOptions,
    CookieCacheOptions,
    DeletionOptions,
    EmailOptions,
    MailOptions,
    OpenApiOptions,
    RateLimitOptions,
    SocialOptions,
]
NO_IDS = ("credential", "", ".", "..", "a/b", "a b", "x?y", "x#y", "%2e", "\u00e9", "google\n")
GOOGLE = Provider(id="google", client_id="1")


async def send(mail):
    """Send nothing."""


def config(**fields):
    return AuthConfig(**{"secret": SECRET, "database": "sqlite://", **fields})


@pytest.mark.parametrize("kind", OPTIONS)
def test_every_option_has_a_default_and_none_can_be_changed(kind):
    options = kind()
    for field in dataclasses.fields(options):
        with pytest.raises((dataclasses.FrozenInstanceError, TypeError)):
            setattr(options, field.name, None)


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (EmailOptions, {"answers_strangers_after": -MINUTE}),
        (MailOptions, {"sender": "smtp"}),
        (MailOptions, {"max_pending": 0}),
        (MailOptions, {"closing_time": -MINUTE}),
        (EmailOptions, {"verification_lifetime": timedelta()}),
        (PasswordOptions, {"reset_lifetime": timedelta()}),
        (DeletionOptions, {"lifetime": timedelta()}),
        (CookieCacheOptions, {"lifetime": timedelta()}),
        (CookieCacheOptions, {"lifetime": timedelta(days=401)}),
        (CookieCacheOptions, {"strategy": "plain"}),
        (CookieCacheOptions, {"version": ""}),
        (RateLimitOptions, {"rules": {"sign-in": None}}),
        (RateLimitOptions, {"storage": "disk"}),
        (SocialOptions, {"providers": (GOOGLE, GOOGLE)}),
        (SocialOptions, {"timeout": timedelta()}),
        *((SocialOptions, {"providers": (Provider(id=name, client_id="1"),)}) for name in NO_IDS),
    ],
)
def test_what_cannot_work_is_refused(kind, wrong):
    with pytest.raises(ConfigurationError):
        kind(**wrong)


@pytest.mark.parametrize("wrong", [(0, MINUTE), (1, timedelta())])
def test_a_limit_lets_something_through_in_some_time(wrong):
    with pytest.raises(ConfigurationError):
        RateLimit(*wrong)


@pytest.mark.parametrize("name", ["authorization_url", "token_url", "user_info_url", "discovery_url", "jwks_url"])
def test_providers_are_spoken_to_by_https_outside_ones_own_network(name):
    plain = Provider(id="corp", client_id="1", **{name: "http://127.0.0.1:9000/x"})
    with pytest.raises(ConfigurationError, match=f"{name} of corp"):
        SocialOptions(providers=(plain,))
    SocialOptions(providers=(plain,), allows_private_addresses=True)
    for odd in ("file:///etc/passwd", "/x", "", "javascript:x"):
        with pytest.raises(ConfigurationError, match=f"{name} of corp"):
            SocialOptions(providers=(Provider(id="corp", client_id="1", **{name: odd}),), allows_private_addresses=True)


def test_a_provider_needs_a_client():
    with pytest.raises(ConfigurationError):
        Provider(id="google", client_id="")


def test_a_providers_secret_does_not_show():
    assert "hush" not in repr(Provider(id="google", client_id="1", client_secret="hush"))


def test_letters_need_a_base_url_because_a_host_header_is_anybodys_word():
    with pytest.raises(ConfigurationError, match="base_url"):
        config(mail=MailOptions(sender=send))
    assert config(mail=MailOptions(sender=send), base_url=SITE).mail.sender is send


@pytest.mark.parametrize(
    "options",
    [
        {"deletion": DeletionOptions(is_confirmed=True)},
        {"email": EmailOptions(confirms_change=True)},
        {"email": EmailOptions(verifies_on_sign_up=True)},
        {"email": EmailOptions(verifies_on_sign_in=True)},
    ],
)
def test_what_waits_for_a_letter_needs_somebody_who_sends_it(options):
    with pytest.raises(ConfigurationError, match=r"mail\.sender is needed for "):
        config(**options)
    assert config(**options, mail=MailOptions(sender=send), base_url=SITE)


def test_production_does_not_write_letters_and_their_secrets_to_its_log():
    with pytest.raises(ConfigurationError, match="log of production"):
        AuthConfig.production(secret=SECRET, database="sqlite://", base_url=SITE, mail=MailOptions(sender="log"))


def test_development_writes_letters_to_the_log_and_nothing_else_does():
    assert AuthConfig.development(secret=SECRET, database="sqlite://").mail.sender == "log"
    assert config().mail.sender is None
    assert AuthConfig.production(secret=SECRET, database="sqlite://", base_url=SITE).mail.sender is None


def test_everything_is_limited_but_test_suites():
    assert config().rate_limits.is_enabled
    assert AuthConfig.production(secret=SECRET, database="sqlite://", base_url=SITE).rate_limits.is_enabled
    assert not AuthConfig.testing().rate_limits.is_enabled
    assert AuthConfig.testing(rate_limits=RateLimitOptions(is_enabled=True)).rate_limits.is_enabled


@pytest.mark.parametrize(
    "limits", [config(rate_limits="compatible"), AuthConfig.compatible(secret=SECRET, database="sqlite://")]
)
def test_compatible_limits_are_better_auths_alone(limits):
    options = limits.rate_limits
    assert (options.failed_sign_ins, options.failed_sign_ins_per_account, options.mails_per_address) == (None,) * 3
    assert options.is_enabled
    assert options.general == RateLimit(100, timedelta(seconds=10))


def test_limits_are_counted_in_redis_where_there_is_one_and_nothing_else_is_said():
    assert config().rate_limits.storage == "memory"
    assert config(redis="redis://127.0.0.1/0").rate_limits.storage == "redis"
    assert config(redis="redis://127.0.0.1/0", rate_limits="compatible").rate_limits.storage == "redis"
    chosen = RateLimitOptions(storage="database")
    assert config(redis="redis://127.0.0.1/0", rate_limits=chosen).rate_limits.storage == "database"


def test_our_own_limits():
    options = config().rate_limits
    assert options.failed_sign_ins == RateLimit(5, 15 * MINUTE)
    assert options.failed_sign_ins_per_account == RateLimit(20, 60 * MINUTE)
    assert options.mails_per_address == RateLimit(5, 60 * MINUTE)


def test_a_reset_ends_sessions_in_production_or_where_asked():
    production = AuthConfig.production(secret=SECRET, database="sqlite://", base_url=SITE)
    assert production.password.revokes_sessions_on_reset
    assert not config().password.revokes_sessions_on_reset
    assert config(password=PasswordOptions(revokes_sessions_on_reset=True)).password.revokes_sessions_on_reset


def test_the_endpoints_are_described_everywhere_but_in_production():
    assert config().openapi.is_enabled
    assert not AuthConfig.production(secret=SECRET, database="sqlite://", base_url=SITE).openapi.is_enabled


def test_lifetimes_are_better_auths():
    hour, day = timedelta(hours=1), timedelta(days=1)
    assert (PasswordOptions().reset_lifetime, EmailOptions().verification_lifetime) == (hour, hour)
    assert (DeletionOptions().lifetime, CookieCacheOptions().lifetime) == (day, timedelta(minutes=5))

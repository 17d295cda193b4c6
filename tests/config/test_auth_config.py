"""AuthConfig: what is refused, what presets decide, and that no secret ever shows."""

from __future__ import annotations

import dataclasses
import traceback

import pytest

from asgi_auth import (
    AuthConfig,
    ConfigurationError,
    CookieOptions,
    CsrfOptions,
    DatabaseOptions,
    HashingOptions,
    PasswordOptions,
    Secret,
    SessionOptions,
)

SECRET = "a-secret-that-is-long-enough-0123456789"
OTHER = "another-secret-that-is-long-enough-0123"
SITE = "https://example.com"


def config(**fields):
    return AuthConfig(**{"secret": SECRET, "database": "sqlite://", **fields})


def test_a_secret_and_a_database_are_all_it_needs():
    assert config().base_path == "/api/auth"
    assert config() == config()
    with pytest.raises(dataclasses.FrozenInstanceError):
        config().secret = OTHER


# secrets


@pytest.mark.parametrize(
    "wrong",
    [
        {"secret": None},
        {"secret": ""},
        {"secret": "x" * 31},
        {"secret": "x" * 64},
        {"secret": "abcab" * 10},
        {"secret": "better-auth-secret-12345678901234567890"},
        {"secrets": (Secret(SECRET, 1),)},
        {"secrets": (Secret(OTHER, 1), Secret(OTHER + "x", 1))},
        {"secrets": (Secret(OTHER, -1),)},
        {"secrets": (Secret("short", 1),)},
        {"secrets": (Secret("", 1),)},
    ],
)
def test_secrets_that_are_missing_weak_known_or_repeated_are_refused(wrong):
    with pytest.raises(ConfigurationError) as caught:
        config(**wrong)
    told = str(caught.value)
    given = [wrong.get("secret"), *(secret.value for secret in wrong.get("secrets", ()))]
    assert not any(secret in told for secret in given if secret)


def test_tests_may_use_any_secret_but_none():
    assert AuthConfig.testing(secret="x").all_secrets == (Secret("x"),)
    with pytest.raises(ConfigurationError):
        AuthConfig.testing(secret="")


def test_all_secrets_are_newest_first_and_the_plain_one_last():
    secrets = (Secret(OTHER, 2), Secret(OTHER + "x", 1))
    assert config(secrets=secrets).all_secrets == (*secrets, Secret(SECRET))
    assert config(secrets=secrets, secret=None).all_secrets == secrets


@pytest.mark.parametrize(
    "fields",
    [
        {"secret": "do-not-tell-anybody-0123456789abcdef"},
        {"secrets": (Secret("do-not-tell-anybody-0123456789abcdef", 1),)},
        {"database": "postgresql://ada:do-not-tell-anybody@db.test/app"},
    ],
)
def test_nothing_secret_shows_in_a_configuration(fields):
    built = config(**fields)
    assert "do-not-tell" not in repr(built) + str(built)


@pytest.mark.parametrize(
    "database",
    [
        "mysql://ada:do-not-tell@db.test/app",
        "do-not-tell",
        "",
        "://do-not-tell",
        "postgresql://ada:do-not-tell[@db.test/app",
        "postgresql://ada:do/not-tell-do-not-tell@db.test/app",
        "postgresql://ada:do-not-tell\u2100@db.test/app",
    ],
)
def test_a_database_that_is_none_is_refused_without_repeating_its_url(database):
    with pytest.raises(ConfigurationError) as caught:
        config(database=database)
    assert "do-not-tell" not in "".join(map(str, (caught.value, repr(caught.value))))
    shown = "".join(traceback.format_exception(caught.value))
    assert "do-not-tell" not in shown


@pytest.mark.parametrize(
    "database",
    ["sqlite://", "sqlite:///app.db", "sqlite+aiosqlite:///app.db", "postgres://db.test/a", "postgresql+asyncpg://h/a"],
)
def test_databases_are_sqlite_and_postgres_by_any_of_their_names(database):
    assert config(database=database).database == database


# places


@pytest.mark.parametrize(
    "path",
    ["", "/", "api/auth", "/api/auth/", "//api", "/api//auth", "/api/../auth", "/./auth", "/a?b", "/a b", "/%61"],
)
def test_a_base_path_that_is_none_is_refused(path):
    with pytest.raises(ConfigurationError):
        config(base_path=path)


@pytest.mark.parametrize("path", ["/auth", "/api/auth", "/a/b/c", "/v1.0/auth"])
def test_a_base_path_may_be_any_path(path):
    assert config(base_path=path).base_path == path


@pytest.mark.parametrize("url", ["", "example.com", "ftp://example.com", "https://", "//example.com", f"{SITE}/app"])
def test_a_base_url_that_is_none_is_refused(url):
    with pytest.raises(ConfigurationError):
        config(base_url=url)


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        (None, None),
        (SITE, SITE),
        (f"{SITE}/", SITE),
        (f"{SITE}/api/auth", SITE),
        ("HTTPS://Example.COM:443", SITE),
        ("http://localhost:3000", "http://localhost:3000"),
    ],
)
def test_the_origin_is_read_from_the_base_url(url, origin):
    assert config(base_url=url).origin == origin


def test_trusted_origins_are_a_tuple():
    for wrong in ("https://a.test", ["https://a.test"], None):
        with pytest.raises(ConfigurationError):
            config(trusted_origins=wrong)
        with pytest.raises(ConfigurationError):
            AuthConfig.development(secret=SECRET, database="sqlite://", trusted_origins=wrong)


@pytest.mark.parametrize(
    ("built", "is_secure"),
    [
        (config(), False),
        (config(base_url=SITE), True),
        (config(base_url="http://example.com"), False),
        (config(environment="production"), True),
        (config(environment="production", base_url="http://example.com"), False),
        (config(cookies=CookieOptions(is_secure=True)), True),
        (config(base_url=SITE, cookies=CookieOptions(is_secure=False)), False),
    ],
)
def test_cookies_are_secure_as_told_else_by_the_base_url_else_in_production(built, is_secure):
    assert built.has_secure_cookies is is_secure


def test_cookies_that_span_subdomains_need_a_domain_to_span():
    with pytest.raises(ConfigurationError):
        config(cookies=CookieOptions(spans_subdomains=True))
    for options in ({"base_url": SITE}, {"cookies": CookieOptions(spans_subdomains=True, domain="example.com")}):
        assert config(**{"cookies": CookieOptions(spans_subdomains=True), **options}).cookies.spans_subdomains


# presets


def test_the_environment_is_one_of_three():
    with pytest.raises(ConfigurationError):
        config(environment="prod")


def test_development_trusts_this_machine_and_whom_you_say():
    built = AuthConfig.development(secret=SECRET, database="sqlite://", trusted_origins=("https://a.test",))
    assert {"http://localhost:*", "http://127.0.0.1:*", "https://a.test"} <= set(built.trusted_origins)
    assert built.environment == "development"
    assert built.database_options.creates_schema


def test_production_is_strict():
    built = AuthConfig.production(secret=SECRET, database="sqlite://", base_url=SITE)
    assert built.environment == "production"
    assert not built.database_options.creates_schema
    assert {"123456", "password"} <= built.password.blocklist
    assert built.session.require_fresh_for == {"email", "password"}
    assert built.trusted_origins == ()


@pytest.mark.parametrize("url", [None, "", "http://example.com"])
def test_production_needs_https(url):
    with pytest.raises(ConfigurationError, match="https"):
        AuthConfig.production(secret=SECRET, database="sqlite://", base_url=url)


def test_production_refuses_what_only_tests_may_use():
    with pytest.raises(ConfigurationError):
        AuthConfig.production(secret="only-for-tests", database="sqlite://", base_url=SITE)


def test_testing_is_cheap_and_needs_nothing():
    built = AuthConfig.testing()
    assert (built.environment, built.database, built.hashing.cost) == ("testing", "sqlite://", 2)
    assert built.csrf == CsrfOptions()


def test_compatible_has_better_auths_rules():
    built = AuthConfig.compatible(secret=SECRET, database="sqlite://")
    assert not built.csrf.protects_application
    assert built.csrf.checks_auth_origin
    assert not built.client_address.uses_peer
    assert built.password.blocklist == frozenset()
    assert built.session.require_fresh_for == frozenset()


@pytest.mark.parametrize(
    "preset", [AuthConfig.development, AuthConfig.production, AuthConfig.testing, AuthConfig.compatible]
)
def test_every_argument_overrules_a_preset(preset):
    given = {
        "csrf": CsrfOptions(allows_missing_origin=True),
        "database_options": DatabaseOptions(pool_size=3),
        "hashing": HashingOptions(cost=4),
        "password": PasswordOptions(min_length=12),
        "session": SessionOptions(max_per_user=3),
    }
    built = preset(secret=SECRET, database="sqlite://", base_url=SITE, **given)
    assert (built.csrf, built.hashing) == (given["csrf"], given["hashing"])
    assert (built.database_options.pool_size, built.password.min_length, built.session.max_per_user) == (3, 12, 3)


def test_options_of_ones_own_keep_what_production_decides():
    given = {
        "database_options": DatabaseOptions(pool_size=3),
        "password": PasswordOptions(min_length=12),
        "session": SessionOptions(max_per_user=3),
    }
    built = AuthConfig.production(secret=SECRET, database="sqlite://", base_url=SITE, **given)
    assert built.database_options.creates_schema is False
    assert "password1" in built.password.blocklist
    assert built.session.require_fresh_for == {"email", "password"}


def test_what_production_decides_can_be_decided_otherwise():
    built = AuthConfig.production(
        secret=SECRET,
        database="sqlite://",
        base_url=SITE,
        database_options=DatabaseOptions(creates_schema=True),
        password=PasswordOptions(blocklist=frozenset()),
        session=SessionOptions(require_fresh_for=frozenset()),
    )
    assert built.database_options.creates_schema is True
    assert not built.password.blocklist
    assert not built.session.require_fresh_for


def test_the_same_arguments_can_be_used_twice():
    fields = {"secret": SECRET, "base_url": SITE, "trusted_origins": ("https://a.test",)}
    for preset in (AuthConfig.development, AuthConfig.production, AuthConfig.testing, AuthConfig.compatible):
        assert preset(database="sqlite://", **fields) == preset(database="sqlite://", **fields)

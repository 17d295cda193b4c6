"""The environment: our own variables, Better Auth's beside them, arguments above both."""

from __future__ import annotations

from datetime import timedelta

import pytest

from asgi_auth import AuthConfig, ConfigurationError, Secret, SessionOptions

OLD = "old-secret-0123456789-abcdefghijklmnop"
NEW = "new-secret-0123456789-abcdefghijklmnop"
NEEDED = {
    "ASGI_AUTH_SECRET": NEW,
    "ASGI_AUTH_URL": "https://example.com",
    "ASGI_AUTH_DATABASE": "sqlite:///ours.db",
}


def read(variables=None, /, **fields):
    return AuthConfig.from_env({**NEEDED, **(variables or {})}, **fields)


def without(*names):
    return {name: value for name, value in NEEDED.items() if name not in names}


def test_what_is_needed_makes_a_production_configuration():
    config = read()
    assert config.environment == "production"
    assert config.all_secrets == (Secret(NEW),)
    assert (config.base_url, config.database) == ("https://example.com", "sqlite:///ours.db")
    assert (config.base_path, config.app_name) == ("/api/auth", "asgi_auth")
    assert config.session.lifetime == timedelta(days=7)


def test_a_deployment_of_better_auth_works_unchanged():
    config = AuthConfig.from_env(
        {
            "BETTER_AUTH_SECRET": OLD,
            "BETTER_AUTH_URL": "https://example.com",
            "BETTER_AUTH_TRUSTED_ORIGINS": "https://a.test, https://*.b.test,",
            "DATABASE_URL": "postgres://db.test/app",
        }
    )
    assert config.all_secrets == (Secret(OLD),)
    assert config.base_url == "https://example.com"
    assert config.trusted_origins == ("https://a.test", "https://*.b.test")
    assert config.database == "postgres://db.test/app"


def test_the_systems_environment_is_read_where_none_is_given(monkeypatch):
    for name, value in NEEDED.items():
        monkeypatch.setenv(name, value)
    assert AuthConfig.from_env().all_secrets == (Secret(NEW),)


@pytest.mark.parametrize(
    ("ours", "theirs", "field", "one", "other"),
    [
        ("ASGI_AUTH_SECRET", "BETTER_AUTH_SECRET", "all_secrets", NEW, OLD),
        ("ASGI_AUTH_URL", "BETTER_AUTH_URL", "base_url", "https://ours.test", "https://theirs.test"),
        ("ASGI_AUTH_DATABASE", "DATABASE_URL", "database", "sqlite:///ours.db", "sqlite:///theirs.db"),
        ("ASGI_AUTH_TRUSTED_ORIGINS", "BETTER_AUTH_TRUSTED_ORIGINS", "trusted_origins", "https://a.b", "https://c.d"),
    ],
)
def test_our_own_variables_come_first(ours, theirs, field, one, other):
    expected = {"all_secrets": (Secret(one),), "trusted_origins": (one,)}.get(field, one)
    assert getattr(read({ours: one, theirs: other}), field) == expected


def test_blank_variables_count_as_unset():
    config = read({"ASGI_AUTH_SECRET": "  ", "BETTER_AUTH_SECRET": f" {OLD} ", "ASGI_AUTH_APP_NAME": ""})
    assert config.all_secrets == (Secret(OLD),)
    assert config.app_name == "asgi_auth"


@pytest.mark.parametrize("name", NEEDED)
def test_what_is_missing_is_named(name):
    with pytest.raises(ConfigurationError, match=name):
        AuthConfig.from_env(without(name))


@pytest.mark.parametrize("preset", ["development", "production", "testing", "compatible"])
def test_the_preset_is_chosen_by_name(preset):
    config = read({"ASGI_AUTH_ENV": preset})
    assert config.environment == ("development" if preset == "compatible" else preset)
    assert config.csrf.protects_application is (preset != "compatible")
    assert config.database_options.creates_schema is (preset != "production")


def test_a_preset_that_is_none_is_refused():
    with pytest.raises(ConfigurationError, match="ASGI_AUTH_ENV"):
        read({"ASGI_AUTH_ENV": "prod"})


def test_the_rest_is_read_too():
    config = read({"ASGI_AUTH_BASE_PATH": "/auth", "ASGI_AUTH_APP_NAME": "Shop", "ASGI_AUTH_SESSION_DAYS": "0.5"})
    assert (config.base_path, config.app_name) == ("/auth", "Shop")
    assert config.session.lifetime == timedelta(hours=12)


def test_a_lifetime_from_the_environment_leaves_the_presets_other_rules():
    assert read({"ASGI_AUTH_SESSION_DAYS": "30"}).session.require_fresh_for == read().session.require_fresh_for != set()


@pytest.mark.parametrize("days", ["a week", "nan", "inf", "1e99", "-1", "0", "401"])
def test_days_that_are_none_are_refused(days):
    with pytest.raises(ConfigurationError):
        read({"ASGI_AUTH_SESSION_DAYS": days})


# secrets


def test_versioned_secrets_come_first_and_the_plain_one_still_counts():
    for name in ("ASGI_AUTH_SECRETS", "BETTER_AUTH_SECRETS"):
        config = read({name: f"2:{OLD}x , 1:{OLD}", "ASGI_AUTH_SECRET": NEW})
        assert config.all_secrets == (Secret(OLD + "x", 2), Secret(OLD, 1), Secret(NEW))


def test_a_plain_secret_that_is_versioned_too_counts_once():
    config = read({"ASGI_AUTH_SECRETS": f"1:{NEW}", "ASGI_AUTH_SECRET": NEW})
    assert config.all_secrets == (Secret(NEW, 1),)


def test_a_secret_may_hold_colons():
    assert read({"ASGI_AUTH_SECRETS": f"1:{OLD}:x"}).all_secrets[0] == Secret(f"{OLD}:x", 1)


@pytest.mark.parametrize(
    "text", [OLD, f":{OLD}", f"v1:{OLD}", f"-1:{OLD}", f"1:{OLD},{NEW}", "1:", f"1:{OLD},1:{NEW}x"]
)
def test_versioned_secrets_of_another_form_are_refused_without_being_told(text):
    with pytest.raises(ConfigurationError) as caught:
        read({"ASGI_AUTH_SECRETS": text})
    assert OLD not in str(caught.value)
    assert NEW not in str(caught.value)


# arguments


def test_arguments_overrule_the_environment():
    session = SessionOptions(max_per_user=1)
    config = read(
        {"ASGI_AUTH_APP_NAME": "Shop", "ASGI_AUTH_SESSION_DAYS": "3"},
        app_name="Mall",
        base_url="https://mall.test",
        session=session,
    )
    assert (config.app_name, config.base_url) == ("Mall", "https://mall.test")
    assert (config.session.max_per_user, config.session.lifetime) == (1, session.lifetime)


def test_a_secret_given_overrules_those_of_the_environment():
    assert read({"ASGI_AUTH_SECRETS": f"1:{OLD}"}, secret=OLD + "x").all_secrets == (Secret(OLD + "x"),)
    assert read(secrets=(Secret(OLD, 1),)).all_secrets == (Secret(OLD, 1),)
    assert AuthConfig.from_env(without("ASGI_AUTH_SECRET"), secret=OLD).all_secrets == (Secret(OLD),)


def test_a_test_suite_needs_no_environment_at_all():
    assert AuthConfig.from_env({"ASGI_AUTH_ENV": "testing"}).database == "sqlite://"

"""What the environment says: ASGI_AUTH_* variables, and Better Auth's own so that its deployments work unchanged."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from asgi_auth.config.fields import ConfigFields
from asgi_auth.config.options import SessionOptions
from asgi_auth.config.secrets import Secret, parse_versioned
from asgi_auth.errors import ConfigurationError

ENVIRONMENTS = ("development", "production", "testing", "compatible")


def first(environ: Mapping[str, str], *names: str) -> str | None:
    """The first of these variables that is set and not blank."""
    return next((environ[name].strip() for name in names if environ.get(name, "").strip()), None)


def read_secrets(environ: Mapping[str, str]) -> tuple[Secret, ...]:
    """All configured secrets, newest first: the versioned ones, then the plain one they replaced."""
    versioned = first(environ, "ASGI_AUTH_SECRETS", "BETTER_AUTH_SECRETS")
    plain = first(environ, "ASGI_AUTH_SECRET", "BETTER_AUTH_SECRET", "AUTH_SECRET")
    secrets = parse_versioned(versioned) if versioned else ()
    if plain is not None and plain not in {secret.value for secret in secrets}:
        return (*secrets, Secret(plain))
    return secrets


def read_trusted_origins(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Comma-separated origins or patterns."""
    listed = first(environ, "ASGI_AUTH_TRUSTED_ORIGINS", "BETTER_AUTH_TRUSTED_ORIGINS") or ""
    return tuple(origin.strip() for origin in listed.split(",") if origin.strip())


def read_preset(environ: Mapping[str, str]) -> str:
    """The name of the preset; "production" unless ASGI_AUTH_ENV says otherwise."""
    preset = first(environ, "ASGI_AUTH_ENV") or "production"
    if preset not in ENVIRONMENTS:
        raise ConfigurationError(f"ASGI_AUTH_ENV must be one of {', '.join(ENVIRONMENTS)}")
    return preset


def read_database(environ: Mapping[str, str], *, default: str | None = None) -> str:
    """The database's URL; raises ConfigurationError where there is none, and no default."""
    database = first(environ, "ASGI_AUTH_DATABASE", "ASGI_AUTH_DATABASE_URL", "DATABASE_URL") or default
    if database is None:
        raise ConfigurationError("ASGI_AUTH_DATABASE is not set")
    return database


def read_fields(environ: Mapping[str, str]) -> ConfigFields:
    """Everything else that is set."""
    fields: ConfigFields = {
        "secrets": read_secrets(environ),
        "trusted_origins": read_trusted_origins(environ),
        "base_url": first(environ, "ASGI_AUTH_URL", "BETTER_AUTH_URL"),
    }
    base_path = first(environ, "ASGI_AUTH_BASE_PATH")
    app_name = first(environ, "ASGI_AUTH_APP_NAME")
    days = first(environ, "ASGI_AUTH_SESSION_DAYS")
    redis = first(environ, "ASGI_AUTH_REDIS", "ASGI_AUTH_REDIS_URL")
    if redis is not None:
        fields["redis"] = redis
    if base_path is not None:
        fields["base_path"] = base_path
    if app_name is not None:
        fields["app_name"] = app_name
    if days is not None:
        fields["session"] = SessionOptions(lifetime=_days(days))
    return fields


def _days(text: str) -> timedelta:
    try:
        return timedelta(days=float(text))
    except (ValueError, OverflowError):
        raise ConfigurationError("ASGI_AUTH_SESSION_DAYS is a number of days") from None

"""AuthConfig: every decision about an Auth, in one frozen value."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal, Self
from urllib.parse import urlsplit

import ada_url

from asgi_auth.config import environment, presets
from asgi_auth.config.options import (
    BearerOptions,
    ClientAddressOptions,
    CookieOptions,
    CsrfOptions,
    DatabaseOptions,
    HashingOptions,
    PasswordOptions,
    RequestOptions,
    SessionOptions,
)
from asgi_auth.config.secrets import Secret, check_secrets
from asgi_auth.errors import ConfigurationError
from asgi_auth.models import Session, User

Environment = Literal["development", "production", "testing"]


@dataclass(frozen=True, kw_only=True)
class AuthConfig:
    """Everything there is to decide, checked when it is built.

    Attributes:
        secret: what cookies are signed and stored secrets encrypted with; at least 32 characters.
        secrets: instead of ``secret``, or beside it: newest first. All of them verify, the first signs.
        database: URL, ``sqlite:///app.db`` or ``postgresql://user:password@host/name``.
        base_url: the origin people see, ``https://example.com``; None takes it from each request.
        base_path: where the endpoints live below it (default "/api/auth").
        app_name: the service's name, where a person or a realm needs one.
        trusted_origins: further origins that may send cookies, wildcards allowed (``https://*.example.com``).
        environment: set by the presets (default "development" rules, without its trusted origins).
        user_model: a subclass of User with the application's own fields.
        session_model: a subclass of Session with the application's own fields.
        error_url: where browsers are sent with ``?error=CODE``; None shows a plain page.

    Raises:
        ConfigurationError: when a value cannot work; secrets are never part of its message.
    """

    secret: str | None = field(default=None, repr=False)
    secrets: tuple[Secret, ...] = ()
    database: str = field(repr=False)
    base_url: str | None = None
    base_path: str = "/api/auth"
    app_name: str = "asgi_auth"
    trusted_origins: tuple[str, ...] = ()
    environment: Environment = "development"
    user_model: type[User] = User
    session_model: type[Session] = Session
    error_url: str | None = None
    session: SessionOptions = field(default_factory=SessionOptions)
    password: PasswordOptions = field(default_factory=PasswordOptions)
    bearer: BearerOptions = field(default_factory=BearerOptions)
    cookies: CookieOptions = field(default_factory=CookieOptions)
    csrf: CsrfOptions = field(default_factory=CsrfOptions)
    request: RequestOptions = field(default_factory=RequestOptions)
    client_address: ClientAddressOptions = field(default_factory=ClientAddressOptions)
    hashing: HashingOptions = field(default_factory=HashingOptions)
    database_options: DatabaseOptions = field(default_factory=DatabaseOptions)

    def __post_init__(self) -> None:
        if not isinstance(self.trusted_origins, tuple):
            raise ConfigurationError("trusted_origins is a tuple of origins")
        check_secrets(self.all_secrets, allow_weak=self.environment == "testing")
        self._check_base_path()
        self._check_base_url()
        self._check_database()

    @property
    def all_secrets(self) -> tuple[Secret, ...]:
        """Every secret, newest first: ``secrets``, then ``secret``."""
        return self.secrets if self.secret is None else (*self.secrets, Secret(self.secret))

    @property
    def origin(self) -> str | None:
        """The origin of ``base_url``; None where each request decides."""
        return None if self.base_url is None else str(ada_url.URL(self.base_url).origin)

    @property
    def has_secure_cookies(self) -> bool:
        """Whether cookies are Secure and named ``__Secure-``: as told, else by ``base_url``, else in production."""
        if self.cookies.is_secure is not None:
            return self.cookies.is_secure
        if self.base_url is not None:
            return self.base_url.lower().startswith("https://")
        return self.environment == "production"

    def _check_base_path(self) -> None:
        segments = self.base_path.split("/")[1:]
        if not self.base_path.startswith("/") or not all(segments) or {".", ".."} & set(segments):
            raise ConfigurationError("base_path looks like /api/auth: no slash at its end, no empty or dot segments")

    def _check_base_url(self) -> None:
        if self.base_url is None:
            return
        if not ada_url.check_url(self.base_url) or not self.base_url.lower().startswith(("http://", "https://")):
            raise ConfigurationError("base_url looks like https://example.com")
        if ada_url.URL(self.base_url).pathname not in ("", "/", self.base_path):
            raise ConfigurationError("base_url is an origin; the path of the endpoints goes into base_path")

    def _check_database(self) -> None:
        scheme = urlsplit(self.database).scheme.split("+")[0]
        if scheme not in ("sqlite", "postgres", "postgresql"):
            raise ConfigurationError("database is a URL: sqlite:///app.db or postgresql://user@host/name")

    @classmethod
    def development(cls, **options: Any) -> Self:
        """For one's own machine: localhost and 127.0.0.1 are trusted alike, missing tables are created."""
        extra = tuple(options.pop("trusted_origins", ()))
        return cls(environment="development", trusted_origins=(*presets.LOCAL_ORIGINS, *extra), **options)

    @classmethod
    def production(cls, *, base_url: str, **options: Any) -> Self:
        """For the public: an https origin is required, and tables are expected to be there already."""
        if not base_url.lower().startswith("https://"):
            raise ConfigurationError("production needs an https base_url")
        options.setdefault("database_options", presets.PRODUCTION_DATABASE)
        return cls(environment="production", base_url=base_url, **options)

    @classmethod
    def testing(cls, **options: Any) -> Self:
        """For test suites: cheap password hashes, any secret, an in-memory database unless one is named."""
        options.setdefault("secret", "only-for-tests")
        options.setdefault("database", "sqlite://")
        options.setdefault("hashing", presets.TESTING_HASHING)
        return cls(environment="testing", **options)

    @classmethod
    def compatible(cls, **options: Any) -> Self:
        """Better Auth's own rules wherever there is a switch for ours: for moving over, and for comparing."""
        options.setdefault("csrf", presets.COMPATIBLE_CSRF)
        options.setdefault("client_address", presets.COMPATIBLE_CLIENT_ADDRESS)
        return cls(**options)

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None, **options: Any) -> Self:
        """Read the environment; arguments overrule it.

        ASGI_AUTH_ENV names the preset (default production). ASGI_AUTH_SECRET, ASGI_AUTH_SECRETS, ASGI_AUTH_URL and
        ASGI_AUTH_TRUSTED_ORIGINS come before BETTER_AUTH_SECRET, BETTER_AUTH_SECRETS, BETTER_AUTH_URL and
        BETTER_AUTH_TRUSTED_ORIGINS; the database is ASGI_AUTH_DATABASE, else DATABASE_URL. Also read:
        ASGI_AUTH_BASE_PATH, ASGI_AUTH_APP_NAME, ASGI_AUTH_SESSION_DAYS.
        """
        environ = os.environ if environ is None else environ
        values = {**_from_environment(environ), **options}
        preset = environment.read_preset(environ)
        if preset == "production" and "base_url" not in values:
            raise ConfigurationError("ASGI_AUTH_URL (or BETTER_AUTH_URL) is not set")
        build = {
            "development": cls.development,
            "production": cls.production,
            "testing": cls.testing,
            "compatible": cls.compatible,
        }[preset]
        return build(**values)


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {
        "secrets": environment.read_secrets(environ),
        "database": environment.read_database(environ),
        "trusted_origins": environment.read_trusted_origins(environ),
        "base_url": environment.first(environ, "ASGI_AUTH_URL", "BETTER_AUTH_URL"),
        "base_path": environment.first(environ, "ASGI_AUTH_BASE_PATH"),
        "app_name": environment.first(environ, "ASGI_AUTH_APP_NAME"),
        "session": _session_options(environment.first(environ, "ASGI_AUTH_SESSION_DAYS")),
    }
    return {name: value for name, value in values.items() if value is not None}


def _session_options(days: str | None) -> SessionOptions | None:
    if days is None:
        return None
    try:
        return SessionOptions(lifetime=timedelta(days=float(days)))
    except ValueError:
        raise ConfigurationError("ASGI_AUTH_SESSION_DAYS is a number of days") from None

"""AuthConfig: every decision about an Auth, in one frozen value."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Self, Unpack
from urllib.parse import urlsplit

import ada_url

from asgi_auth.config import environment, presets
from asgi_auth.config.fields import ConfigFields
from asgi_auth.config.options import (
    AccountOptions,
    BearerOptions,
    CacheOptions,
    ClientAddressOptions,
    CookieCacheOptions,
    CookieOptions,
    CsrfOptions,
    DatabaseOptions,
    DeletionOptions,
    EmailOptions,
    HashingOptions,
    MailOptions,
    OpenApiOptions,
    PasswordOptions,
    RateLimitOptions,
    RedisOptions,
    RequestOptions,
    SecondaryStorageOptions,
    SessionOptions,
    SocialOptions,
)
from asgi_auth.config.options.checks import check_types
from asgi_auth.config.secrets import Secret, check_secrets
from asgi_auth.errors import ConfigurationError
from asgi_auth.models import Session, User

PLAIN_SEGMENT = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._~-]*")

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
        is_compatible: set by ``compatible()``: features keep Better Auth's rules too (default False).
        user_model: a subclass of User with the application's own fields.
        session_model: a subclass of Session with the application's own fields.
        error_url: where browsers are sent with ``?error=CODE``; None shows a plain page.
        session: see SessionOptions.
        password: see PasswordOptions.
        bearer: see BearerOptions.
        cookies: see CookieOptions.
        csrf: see CsrfOptions.
        request: see RequestOptions.
        client_address: see ClientAddressOptions.
        hashing: see HashingOptions.
        mail: see MailOptions.
        email: see EmailOptions.
        deletion: see DeletionOptions.
        accounts: see AccountOptions.
        social: see SocialOptions.
        cookie_cache: see CookieCacheOptions.
        rate_limits: see RateLimitOptions; "compatible" for Better Auth's own rules alone.
        openapi: see OpenApiOptions.
        database_options: see DatabaseOptions.
        cache: see CacheOptions.
        redis: URL, ``redis://user:password@host:6379/0`` or ``rediss://``: a cache that all processes share, the faster
            way to hear of changes, and counters for rate limits; None does without (default None).
        redis_options: see RedisOptions.
        secondary_storage: see SecondaryStorageOptions.
        audit_log: log what matters to security, each fact once, as ``asgi_auth.audit`` (default True).

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
    is_compatible: bool = False
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
    mail: MailOptions = field(default_factory=MailOptions)
    email: EmailOptions = field(default_factory=EmailOptions)
    deletion: DeletionOptions = field(default_factory=DeletionOptions)
    accounts: AccountOptions = field(default_factory=AccountOptions)
    social: SocialOptions = field(default_factory=SocialOptions)
    cookie_cache: CookieCacheOptions = field(default_factory=CookieCacheOptions)
    rate_limits: RateLimitOptions | Literal["compatible"] = field(default_factory=RateLimitOptions)
    openapi: OpenApiOptions = field(default_factory=OpenApiOptions)
    database_options: DatabaseOptions = field(default_factory=DatabaseOptions)
    cache: CacheOptions = field(default_factory=CacheOptions)
    redis: str | None = field(default=None, repr=False)
    redis_options: RedisOptions = field(default_factory=RedisOptions)
    secondary_storage: SecondaryStorageOptions = field(default_factory=SecondaryStorageOptions)
    audit_log: bool = True

    def __post_init__(self) -> None:
        if not isinstance(self.trusted_origins, tuple):
            raise ConfigurationError("trusted_origins is a tuple of origins")
        check_types(self, "", kind=AuthConfig)
        check_secrets(self.all_secrets, allow_weak=self.environment == "testing")
        self._resolve()
        self._check_base_path()
        self._check_base_url()
        self._check_database()
        self._check_redis()
        self._check_mail()
        if self.cookies.spans_subdomains and self.cookies.domain is None and self.base_url is None:
            raise ConfigurationError("cookies.spans_subdomains needs cookies.domain, or a base_url to take it from")

    @property
    def all_secrets(self) -> tuple[Secret, ...]:
        """Every secret, newest first: ``secrets``, then ``secret``."""
        return self.secrets if self.secret is None else (*self.secrets, Secret(self.secret))

    @property
    def origin(self) -> str | None:
        """The origin of ``base_url``; None where each request decides."""
        return None if self.base_url is None else str(ada_url.URL(self.base_url).origin)

    @property
    def endpoints_url(self) -> str | None:
        """Where people find the endpoints: ``origin`` and ``base_path``; None where each request decides."""
        return None if self.origin is None else f"{self.origin}{self.base_path}"

    @property
    def has_secure_cookies(self) -> bool:
        """Whether cookies are Secure and named ``__Secure-``: as told, else by ``base_url``, else in production."""
        if self.cookies.is_secure is not None:
            return self.cookies.is_secure
        if self.base_url is not None:
            return self.base_url.lower().startswith("https://")
        return self.environment == "production"

    @property
    def limits(self) -> RateLimitOptions:
        """``rate_limits``, whichever way they were given."""
        return presets.resolved_rate_limits(
            self.rate_limits, environment=self.environment, has_redis=self.redis is not None
        )

    def _resolve(self) -> None:
        is_production = self.environment == "production"
        object.__setattr__(self, "password", presets.resolved_password(self.password, is_production=is_production))
        object.__setattr__(self, "session", presets.resolved_session(self.session, is_production=is_production))
        database = presets.resolved_database(self.database_options, is_production=is_production)
        object.__setattr__(self, "database_options", database)
        object.__setattr__(self, "rate_limits", self.limits)
        object.__setattr__(self, "cookie_cache", presets.resolved_cookie_cache(self.cookie_cache))
        openapi = presets.resolved_openapi(self.openapi, is_production=is_production)
        object.__setattr__(self, "openapi", openapi)

    def _check_base_path(self) -> None:
        segments = self.base_path.split("/")[1:]
        if not self.base_path.startswith("/") or not all(map(PLAIN_SEGMENT.fullmatch, segments)):
            raise ConfigurationError(
                "base_path looks like /api/auth: segments of letters, digits, - and _, no slash at its end"
            )

    def _check_base_url(self) -> None:
        if self.base_url is None:
            return
        if not ada_url.check_url(self.base_url) or not self.base_url.lower().startswith(("http://", "https://")):
            raise ConfigurationError("base_url looks like https://example.com")
        if ada_url.URL(self.base_url).pathname not in ("", "/", self.base_path):
            raise ConfigurationError("base_url is an origin; the path of the endpoints goes into base_path")

    def _check_mail(self) -> None:
        if callable(self.mail.sender) and self.base_url is None:
            # Links made of a request's Host header would carry tokens to whoever sent that request.
            raise ConfigurationError("mail.sender needs a base_url: what the links in letters begin with")
        if self.mail.sender == "log" and self.environment == "production":
            raise ConfigurationError('mail.sender="log" would write the secrets in letters to the log of production')
        if self.mail.sender is None:
            self._check_needs_no_mail()

    def _check_needs_no_mail(self) -> None:
        """Refuse what would wait for ever for a letter that nobody sends."""
        needs = {
            "deletion.is_confirmed": self.deletion.is_confirmed,
            "email.confirms_change": self.email.confirms_change,
            "email.verifies_on_sign_up": self.email.verifies_on_sign_up,
            "email.verifies_on_sign_in": self.email.verifies_on_sign_in,
        }
        asked = ", ".join(option for option, is_set in needs.items() if is_set)
        if asked:
            raise ConfigurationError(f"mail.sender is needed for {asked}")

    def _check_redis(self) -> None:
        if self.redis is None and (self.secondary_storage.is_enabled or self.limits.storage == "redis"):
            raise ConfigurationError('secondary_storage and rate_limits.storage="redis" need redis')
        if self.redis is not None and not self.redis.startswith(("redis://", "rediss://", "unix://")):
            raise ConfigurationError("redis is a URL: redis://user:password@host:6379/0")

    def _check_database(self) -> None:
        try:
            parts = urlsplit(self.database)
            scheme, _ = parts.scheme.split("+")[0], parts.port
        except ValueError:  # its message would quote the URL
            scheme = ""
        if scheme not in ("sqlite", "postgres", "postgresql"):
            raise ConfigurationError("database is a URL: sqlite:///app.db or postgresql://user@host/name")

    @classmethod
    def development(cls, *, database: str, **fields: Unpack[ConfigFields]) -> Self:
        """For one's own machine: localhost and 127.0.0.1 are trusted alike, letters are written to the log."""
        extra = fields.get("trusted_origins", ())
        if isinstance(extra, tuple):
            fields["trusted_origins"] = (*presets.LOCAL_ORIGINS, *extra)
        fields.setdefault("mail", presets.DEVELOPMENT_MAIL)
        return cls(database=database, environment="development", **fields)

    @classmethod
    def production(cls, *, database: str, **fields: Unpack[ConfigFields]) -> Self:
        """For the public: an https ``base_url`` is required, and tables are expected to be there already."""
        if not (fields.get("base_url") or "").lower().startswith("https://"):
            raise ConfigurationError("production needs an https base_url (ASGI_AUTH_URL, BETTER_AUTH_URL)")
        return cls(database=database, environment="production", **fields)

    @classmethod
    def testing(cls, *, database: str = "sqlite://", **fields: Unpack[ConfigFields]) -> Self:
        """For test suites: cheap password hashes, any secret, an in-memory database unless one is named."""
        if not fields.get("secrets"):
            fields.setdefault("secret", "only-for-tests")
        fields.setdefault("hashing", presets.TESTING_HASHING)
        return cls(database=database, environment="testing", **fields)

    @classmethod
    def compatible(cls, *, database: str, **fields: Unpack[ConfigFields]) -> Self:
        """Better Auth's own rules wherever there is a switch for ours: for moving over, and for comparing."""
        fields.setdefault("csrf", presets.COMPATIBLE_CSRF)
        fields.setdefault("cookies", presets.COMPATIBLE_COOKIES)
        fields.setdefault("client_address", presets.COMPATIBLE_CLIENT_ADDRESS)
        fields.setdefault("rate_limits", "compatible")
        fields.setdefault("is_compatible", True)
        cookie_cache = fields.get("cookie_cache", CookieCacheOptions())
        if isinstance(cookie_cache, CookieCacheOptions):
            fields["cookie_cache"] = presets.compatible_cookie_cache(cookie_cache)
        return cls(database=database, **fields)

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None, **fields: Unpack[ConfigFields]) -> Self:
        """Read the environment; arguments overrule it.

        ASGI_AUTH_ENV names the preset (default production). ASGI_AUTH_SECRET, ASGI_AUTH_SECRETS, ASGI_AUTH_URL and
        ASGI_AUTH_TRUSTED_ORIGINS come before BETTER_AUTH_SECRET, BETTER_AUTH_SECRETS, BETTER_AUTH_URL and
        BETTER_AUTH_TRUSTED_ORIGINS; the database is ASGI_AUTH_DATABASE, else DATABASE_URL. Also read:
        ASGI_AUTH_BASE_PATH, ASGI_AUTH_APP_NAME, ASGI_AUTH_SESSION_DAYS, ASGI_AUTH_REDIS.
        """
        environ = os.environ if environ is None else environ
        read = environment.read_fields(environ)
        if fields.get("secret") is not None:
            read["secrets"] = ()
        read.update(fields)
        preset = environment.read_preset(environ)
        database = environment.read_database(environ, default="sqlite://" if preset == "testing" else None)
        match preset:
            case "development":
                return cls.development(database=database, **read)
            case "testing":
                return cls.testing(database=database, **read)
            case "compatible":
                return cls.compatible(database=database, **read)
            case _:
                return cls.production(database=database, **read)

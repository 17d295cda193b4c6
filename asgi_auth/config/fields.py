"""The arguments of AuthConfig's presets, typed."""

from __future__ import annotations

from typing import Literal, TypedDict

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
from asgi_auth.config.secrets import Secret
from asgi_auth.models import Session, User


class ConfigFields(TypedDict, total=False):
    """What every preset takes beside ``database``; AuthConfig says what each is."""

    secret: str | None
    secrets: tuple[Secret, ...]
    base_url: str | None
    base_path: str
    app_name: str
    trusted_origins: tuple[str, ...]
    is_compatible: bool
    user_model: type[User]
    session_model: type[Session]
    error_url: str | None
    session: SessionOptions
    password: PasswordOptions
    bearer: BearerOptions
    cookies: CookieOptions
    csrf: CsrfOptions
    request: RequestOptions
    client_address: ClientAddressOptions
    hashing: HashingOptions
    mail: MailOptions
    email: EmailOptions
    deletion: DeletionOptions
    accounts: AccountOptions
    social: SocialOptions
    cookie_cache: CookieCacheOptions
    rate_limits: RateLimitOptions | Literal["compatible"]
    openapi: OpenApiOptions
    database_options: DatabaseOptions
    cache: CacheOptions
    redis: str | None
    redis_options: RedisOptions
    secondary_storage: SecondaryStorageOptions
    audit_log: bool

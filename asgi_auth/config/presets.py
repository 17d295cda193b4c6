"""What the presets of AuthConfig set; everything else keeps its default, and every argument overrules them."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from asgi_auth.config.common_passwords import common_passwords
from asgi_auth.config.options import (
    ClientAddressOptions,
    CookieCacheOptions,
    CookieOptions,
    CsrfOptions,
    DatabaseOptions,
    HashingOptions,
    MailOptions,
    OpenApiOptions,
    PasswordOptions,
    RateLimitOptions,
    SessionOptions,
)
from asgi_auth.config.options.session import FreshFor

LOCAL_ORIGINS = ("http://localhost:*", "http://127.0.0.1:*", "http://localhost", "http://127.0.0.1")
"""A page opened as localhost and as 127.0.0.1 is the same page to a developer, not to a browser."""

TESTING_HASHING = HashingOptions(cost=2, max_queue=1024)
"""Tests hash a thousand times; the format is the same."""

DEVELOPMENT_MAIL = MailOptions(sender="log")

COMPATIBLE_CSRF = CsrfOptions(protects_application=False)
COMPATIBLE_COOKIES = CookieOptions(forbids_caching=False)
COMPATIBLE_CLIENT_ADDRESS = ClientAddressOptions(uses_peer=False)
COMPATIBLE_RATE_LIMITS = RateLimitOptions(
    failed_sign_ins=None, failed_sign_ins_per_account=None, mails_per_address=None
)


def resolved_password(options: PasswordOptions, *, is_production: bool) -> PasswordOptions:
    """What is left open, decided, for production by OWASP ASVS 5.0.

    Nobody chooses a password that is guessed first (6.2.4), and a reset ends the sessions of whoever knew the old
    password (7.4.3).
    """
    if options.blocklist is None:
        options = replace(options, blocklist=common_passwords() if is_production else frozenset())
    if options.revokes_sessions_on_reset is None:
        options = replace(options, revokes_sessions_on_reset=is_production)
    return options


def resolved_session(options: SessionOptions, *, is_production: bool) -> SessionOptions:
    """What is left open, decided: in production a session left open yesterday changes no credential (ASVS 7.5.1)."""
    if options.require_fresh_for is not None:
        return options
    credentials: frozenset[FreshFor] = frozenset({"email", "password"})
    return replace(options, require_fresh_for=credentials if is_production else frozenset())


def resolved_database(options: DatabaseOptions, *, is_production: bool) -> DatabaseOptions:
    """What is left open, decided: in production tables are made by a migration, by someone allowed to."""
    if options.creates_schema is not None:
        return options
    return replace(options, creates_schema=not is_production)


def resolved_rate_limits(
    options: RateLimitOptions | Literal["compatible"], *, environment: str, has_redis: bool
) -> RateLimitOptions:
    """What is left open, decided: everything is limited but test suites, and counted where all processes can."""
    if not isinstance(options, RateLimitOptions):
        options = COMPATIBLE_RATE_LIMITS
    if options.storage is None:
        options = replace(options, storage="redis" if has_redis else "memory")
    if options.is_enabled is not None:
        return options
    return replace(options, is_enabled=environment != "testing")


def resolved_cookie_cache(options: CookieCacheOptions) -> CookieCacheOptions:
    """What is left open, decided: what is revoked is revoked."""
    return options if options.instant_revocation is not None else replace(options, instant_revocation=True)


def compatible_cookie_cache(options: CookieCacheOptions) -> CookieCacheOptions:
    """What is left open, decided as Better Auth does: the cookie counts for its lifetime, whatever happens."""
    return options if options.instant_revocation is not None else replace(options, instant_revocation=False)


def resolved_openapi(options: OpenApiOptions, *, is_production: bool) -> OpenApiOptions:
    """What is left open, decided: a map of the endpoints is for those who build."""
    return options if options.is_enabled is not None else replace(options, is_enabled=not is_production)

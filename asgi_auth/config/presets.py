"""What the presets of AuthConfig set; everything else keeps its default, and every argument overrules them."""

from __future__ import annotations

from dataclasses import replace

from asgi_auth.config.common_passwords import common_passwords
from asgi_auth.config.options import (
    ClientAddressOptions,
    CsrfOptions,
    DatabaseOptions,
    HashingOptions,
    PasswordOptions,
    SessionOptions,
)

LOCAL_ORIGINS = ("http://localhost:*", "http://127.0.0.1:*", "http://localhost", "http://127.0.0.1")
"""A page opened as localhost and as 127.0.0.1 is the same page to a developer, not to a browser."""

TESTING_HASHING = HashingOptions(cost=2, max_queue=1024)
"""Tests hash a thousand times; the format is the same."""

COMPATIBLE_CSRF = CsrfOptions(protects_application=False)
COMPATIBLE_CLIENT_ADDRESS = ClientAddressOptions(uses_peer=False)


def resolved_password(options: PasswordOptions, *, is_production: bool) -> PasswordOptions:
    """What is left open, decided: in production nobody chooses a password that is guessed first (ASVS 6.2.4)."""
    if options.blocklist is not None:
        return options
    return replace(options, blocklist=common_passwords() if is_production else frozenset())


def resolved_session(options: SessionOptions, *, is_production: bool) -> SessionOptions:
    """What is left open, decided: in production a session left open yesterday changes no password (ASVS 7.5.1)."""
    if options.require_fresh_for is not None:
        return options
    return replace(options, require_fresh_for=frozenset({"password"}) if is_production else frozenset())


def resolved_database(options: DatabaseOptions, *, is_production: bool) -> DatabaseOptions:
    """What is left open, decided: in production tables are made by a migration, by someone allowed to."""
    if options.creates_schema is not None:
        return options
    return replace(options, creates_schema=not is_production)

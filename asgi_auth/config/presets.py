"""What the presets of AuthConfig set; everything else keeps its default, and every argument overrules them."""

from __future__ import annotations

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

PRODUCTION_DATABASE = DatabaseOptions(creates_schema=False)
"""Tables are made by a migration, by someone allowed to."""

PRODUCTION_PASSWORD = PasswordOptions(blocklist=common_passwords())
"""Nobody chooses a password that is guessed first (OWASP ASVS 6.2.4)."""

PRODUCTION_SESSION = SessionOptions(require_fresh_for=frozenset({"password"}))
"""A session left open yesterday does not change the password today (OWASP ASVS 7.5.1)."""

TESTING_HASHING = HashingOptions(cost=2, max_queue=1024)
"""Tests hash a thousand times; the format is the same."""

COMPATIBLE_CSRF = CsrfOptions(protects_application=False)
COMPATIBLE_CLIENT_ADDRESS = ClientAddressOptions(uses_peer=False)

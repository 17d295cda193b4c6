"""What the user of the library may decide."""

from asgi_auth.config.auth_config import AuthConfig
from asgi_auth.config.options import (
    BearerOptions,
    ClientAddressOptions,
    CookieOptions,
    CookieOverride,
    CsrfOptions,
    DatabaseOptions,
    HashingOptions,
    PasswordOptions,
    RequestOptions,
    SessionOptions,
)
from asgi_auth.config.secrets import Secret

__all__ = [
    "AuthConfig",
    "BearerOptions",
    "ClientAddressOptions",
    "CookieOptions",
    "CookieOverride",
    "CsrfOptions",
    "DatabaseOptions",
    "HashingOptions",
    "PasswordOptions",
    "RequestOptions",
    "Secret",
    "SessionOptions",
]

"""Authentication for any ASGI application, speaking Better Auth's protocol."""

from asgi_auth.auth import Auth
from asgi_auth.clock import Timestamp
from asgi_auth.config import (
    AuthConfig,
    BearerOptions,
    ClientAddressOptions,
    CookieOptions,
    CookieOverride,
    CsrfOptions,
    DatabaseOptions,
    HashingOptions,
    PasswordOptions,
    RequestOptions,
    Secret,
    SessionOptions,
)
from asgi_auth.context import ANONYMOUS, AuthContext, Proof, auth_context
from asgi_auth.crypto.hash_pool import PasswordHasher
from asgi_auth.errors import (
    AuthError,
    ConfigurationError,
    Forbidden,
    InvalidRequest,
    NotAuthenticated,
    NotFound,
    Unavailable,
)
from asgi_auth.feature import Feature
from asgi_auth.fields import FieldRules
from asgi_auth.guards import (
    Guard,
    Protect,
    all_of,
    either,
    require_authenticated,
    require_bearer,
    require_session,
    require_user,
)
from asgi_auth.infrastructure.metrics import Metrics
from asgi_auth.middleware import (
    BearerMiddleware,
    CredentialMiddleware,
    CSRFMiddleware,
    SessionMiddleware,
    extract_bearer_token,
)
from asgi_auth.models import Account, Record, Session, User, Verification
from asgi_auth.services.registry import Services
from asgi_auth.services.session import Device

__all__ = [
    "ANONYMOUS",
    "Account",
    "Auth",
    "AuthConfig",
    "AuthContext",
    "AuthError",
    "BearerMiddleware",
    "BearerOptions",
    "CSRFMiddleware",
    "ClientAddressOptions",
    "ConfigurationError",
    "CookieOptions",
    "CookieOverride",
    "CredentialMiddleware",
    "CsrfOptions",
    "DatabaseOptions",
    "Device",
    "Feature",
    "FieldRules",
    "Forbidden",
    "Guard",
    "HashingOptions",
    "InvalidRequest",
    "Metrics",
    "NotAuthenticated",
    "NotFound",
    "PasswordHasher",
    "PasswordOptions",
    "Proof",
    "Protect",
    "Record",
    "RequestOptions",
    "Secret",
    "Services",
    "Session",
    "SessionMiddleware",
    "SessionOptions",
    "Timestamp",
    "Unavailable",
    "User",
    "Verification",
    "all_of",
    "auth_context",
    "either",
    "extract_bearer_token",
    "require_authenticated",
    "require_bearer",
    "require_session",
    "require_user",
]

"""Authentication for any ASGI application, speaking Better Auth's protocol."""

from asgi_auth.auth import Auth
from asgi_auth.clock import Timestamp
from asgi_auth.config import (
    AccountOptions,
    AuthConfig,
    BearerOptions,
    ClientAddressOptions,
    CookieCacheOptions,
    CookieOptions,
    CookieOverride,
    CsrfOptions,
    DatabaseOptions,
    DeletionOptions,
    EmailOptions,
    HashingOptions,
    MailOptions,
    OpenApiOptions,
    PasswordOptions,
    RateLimit,
    RateLimitOptions,
    RequestOptions,
    Secret,
    SessionOptions,
    SocialOptions,
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
from asgi_auth.infrastructure.health import HealthCheck
from asgi_auth.infrastructure.metrics import Metrics
from asgi_auth.infrastructure.smtp import SmtpSender
from asgi_auth.mails import (
    ConfirmEmailChangeMail,
    DeleteAccountMail,
    ExistingUserMail,
    LinkMail,
    Mail,
    ResetPasswordMail,
    VerifyEmailMail,
)
from asgi_auth.middleware import (
    BearerMiddleware,
    CredentialMiddleware,
    CSRFMiddleware,
    SessionMiddleware,
    extract_bearer_token,
)
from asgi_auth.models import Account, Record, Session, User, Verification
from asgi_auth.services.email_letters import Lead
from asgi_auth.services.registry import Services
from asgi_auth.services.session import Device

__all__ = [
    "ANONYMOUS",
    "Account",
    "AccountOptions",
    "Auth",
    "AuthConfig",
    "AuthContext",
    "AuthError",
    "BearerMiddleware",
    "BearerOptions",
    "CSRFMiddleware",
    "ClientAddressOptions",
    "ConfigurationError",
    "ConfirmEmailChangeMail",
    "CookieCacheOptions",
    "CookieOptions",
    "CookieOverride",
    "CredentialMiddleware",
    "CsrfOptions",
    "DatabaseOptions",
    "DeleteAccountMail",
    "DeletionOptions",
    "Device",
    "EmailOptions",
    "ExistingUserMail",
    "Feature",
    "FieldRules",
    "Forbidden",
    "Guard",
    "HashingOptions",
    "HealthCheck",
    "InvalidRequest",
    "Lead",
    "LinkMail",
    "Mail",
    "MailOptions",
    "Metrics",
    "NotAuthenticated",
    "NotFound",
    "OpenApiOptions",
    "PasswordHasher",
    "PasswordOptions",
    "Proof",
    "Protect",
    "RateLimit",
    "RateLimitOptions",
    "Record",
    "RequestOptions",
    "ResetPasswordMail",
    "Secret",
    "Services",
    "Session",
    "SessionMiddleware",
    "SessionOptions",
    "SmtpSender",
    "SocialOptions",
    "Timestamp",
    "Unavailable",
    "User",
    "Verification",
    "VerifyEmailMail",
    "all_of",
    "auth_context",
    "either",
    "extract_bearer_token",
    "require_authenticated",
    "require_bearer",
    "require_session",
    "require_user",
]

"""Authentication for any ASGI application, speaking Better Auth's protocol."""

from asgi_auth.auth import Auth
from asgi_auth.clock import Timestamp
from asgi_auth.config import (
    AccountOptions,
    AuthConfig,
    BearerOptions,
    CacheLifetimes,
    CacheOptions,
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
    RedisOptions,
    RequestOptions,
    SecondaryStorageOptions,
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
from asgi_auth.infrastructure.log_redaction import redact
from asgi_auth.infrastructure.metrics import Metrics, MetricSpec
from asgi_auth.infrastructure.opentelemetry import OpenTelemetryMetrics
from asgi_auth.infrastructure.prometheus import PrometheusMetrics
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
from asgi_auth.services.audit import AuditEntry
from asgi_auth.services.email_letters import Lead
from asgi_auth.services.registry import Services
from asgi_auth.services.session import Device

__all__ = [
    "ANONYMOUS",
    "Account",
    "AccountOptions",
    "AuditEntry",
    "Auth",
    "AuthConfig",
    "AuthContext",
    "AuthError",
    "BearerMiddleware",
    "BearerOptions",
    "CSRFMiddleware",
    "CacheLifetimes",
    "CacheOptions",
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
    "MetricSpec",
    "Metrics",
    "NotAuthenticated",
    "NotFound",
    "OpenApiOptions",
    "OpenTelemetryMetrics",
    "PasswordHasher",
    "PasswordOptions",
    "PrometheusMetrics",
    "Proof",
    "Protect",
    "RateLimit",
    "RateLimitOptions",
    "Record",
    "RedisOptions",
    "RequestOptions",
    "ResetPasswordMail",
    "SecondaryStorageOptions",
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
    "redact",
    "require_authenticated",
    "require_bearer",
    "require_session",
    "require_user",
]

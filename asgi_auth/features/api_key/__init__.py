"""API keys: made, kept, listed, changed and verified, for users and for organizations."""

from asgi_auth.features.api_key.errors import (
    ApiKeyDisabled,
    ApiKeyExpired,
    ApiKeyLacksPermission,
    ApiKeyNotFound,
    ApiKeyRateLimited,
    ApiKeyTooShort,
    CustomLifetimeDisabled,
    InsufficientPermissions,
    InvalidApiKey,
    InvalidGetterResult,
    InvalidMetadata,
    InvalidNameLength,
    InvalidOwner,
    InvalidPrefixLength,
    LifetimeTooLong,
    LifetimeTooShort,
    MetadataDisabled,
    NameRequired,
    NoDefaultConfiguration,
    NotMemberOfOrganization,
    NoValuesToUpdate,
    OrganizationIdRequired,
    OrganizationsMissing,
    RefillAmountMissing,
    RefillIntervalMissing,
    ServerOnlyProperty,
    SessionRequired,
    UsageExceeded,
)
from asgi_auth.features.api_key.events import (
    ApiKeyCreated,
    ApiKeyDeleted,
    ApiKeyRevoked,
    ApiKeyUpdated,
)
from asgi_auth.features.api_key.feature import (
    ApiKeys,
)
from asgi_auth.features.api_key.middleware import (
    ApiKeyMiddleware,
)
from asgi_auth.features.api_key.models import (
    ApiKeyList,
    CreatedApiKey,
)
from asgi_auth.features.api_key.options import (
    ApiKeyOptions,
)
from asgi_auth.features.api_key.rules import (
    ApiKeyChanges,
    NewApiKey,
)
from asgi_auth.features.api_key.service import (
    ApiKeyService,
)
from asgi_auth.features.api_key.source import (
    ApiKeySource,
    extract_api_key,
)

__all__ = [
    "ApiKeyChanges",
    "ApiKeyCreated",
    "ApiKeyDeleted",
    "ApiKeyDisabled",
    "ApiKeyExpired",
    "ApiKeyLacksPermission",
    "ApiKeyList",
    "ApiKeyMiddleware",
    "ApiKeyNotFound",
    "ApiKeyOptions",
    "ApiKeyRateLimited",
    "ApiKeyRevoked",
    "ApiKeyService",
    "ApiKeySource",
    "ApiKeyTooShort",
    "ApiKeyUpdated",
    "ApiKeys",
    "CreatedApiKey",
    "CustomLifetimeDisabled",
    "InsufficientPermissions",
    "InvalidApiKey",
    "InvalidGetterResult",
    "InvalidMetadata",
    "InvalidNameLength",
    "InvalidOwner",
    "InvalidPrefixLength",
    "LifetimeTooLong",
    "LifetimeTooShort",
    "MetadataDisabled",
    "NameRequired",
    "NewApiKey",
    "NoDefaultConfiguration",
    "NoValuesToUpdate",
    "NotMemberOfOrganization",
    "OrganizationIdRequired",
    "OrganizationsMissing",
    "RefillAmountMissing",
    "RefillIntervalMissing",
    "ServerOnlyProperty",
    "SessionRequired",
    "UsageExceeded",
    "extract_api_key",
]

"""API keys: made, kept, listed, changed and verified, for users and for organizations."""

from asgi_auth.features.api_key.events import ApiKeyCreated, ApiKeyDeleted, ApiKeyRevoked, ApiKeyUpdated
from asgi_auth.features.api_key.feature import ApiKeys
from asgi_auth.features.api_key.middleware import ApiKeyMiddleware
from asgi_auth.features.api_key.models import ApiKeyList, CreatedApiKey
from asgi_auth.features.api_key.options import ApiKeyOptions
from asgi_auth.features.api_key.service import ApiKeyService
from asgi_auth.features.api_key.source import ApiKeySource, extract_api_key

__all__ = [
    "ApiKeyCreated",
    "ApiKeyDeleted",
    "ApiKeyList",
    "ApiKeyMiddleware",
    "ApiKeyOptions",
    "ApiKeyRevoked",
    "ApiKeyService",
    "ApiKeySource",
    "ApiKeyUpdated",
    "ApiKeys",
    "CreatedApiKey",
    "extract_api_key",
]

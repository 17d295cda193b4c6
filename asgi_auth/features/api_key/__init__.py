"""API keys: made, kept, listed, changed and verified, for users and for organizations."""

from asgi_auth.features.api_key.events import ApiKeyCreated, ApiKeyDeleted, ApiKeyRevoked, ApiKeyUpdated
from asgi_auth.features.api_key.feature import ApiKeys
from asgi_auth.features.api_key.models import ApiKeyList, CreatedApiKey
from asgi_auth.features.api_key.options import ApiKeyOptions
from asgi_auth.features.api_key.service import ApiKeyService

__all__ = [
    "ApiKeyCreated",
    "ApiKeyDeleted",
    "ApiKeyList",
    "ApiKeyOptions",
    "ApiKeyRevoked",
    "ApiKeyService",
    "ApiKeyUpdated",
    "ApiKeys",
    "CreatedApiKey",
]

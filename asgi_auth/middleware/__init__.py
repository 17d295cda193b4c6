"""Identification, as raw ASGI: each middleware extracts a credential and lets a service judge it."""

from asgi_auth.middleware.base import CredentialMiddleware, CredentialSource
from asgi_auth.middleware.bearer import BearerMiddleware, BearerSource, extract_bearer_token
from asgi_auth.middleware.csrf import CSRFMiddleware
from asgi_auth.middleware.session import SessionMiddleware, SessionSource

__all__ = [
    "BearerMiddleware",
    "BearerSource",
    "CSRFMiddleware",
    "CredentialMiddleware",
    "CredentialSource",
    "SessionMiddleware",
    "SessionSource",
    "extract_bearer_token",
]

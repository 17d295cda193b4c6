"""JSON Web Tokens: issued here, and verified, ours and those of other issuers (RFC 7519)."""

from asgi_auth.features.jwt.claims import TokenRules
from asgi_auth.features.jwt.errors import InvalidRefreshToken, SigningKeyUnreadable
from asgi_auth.features.jwt.events import RefreshTokenReused, SigningKeyCreated
from asgi_auth.features.jwt.feature import Jwt
from asgi_auth.features.jwt.issuers import Issuer
from asgi_auth.features.jwt.keys import KeySource, KnownKey, TrustedIssuer
from asgi_auth.features.jwt.middleware import JWTMiddleware
from asgi_auth.features.jwt.models import TokenPair
from asgi_auth.features.jwt.options import JwtOptions
from asgi_auth.features.jwt.service import JWTService
from asgi_auth.features.jwt.source import JWTSource, extract_jwt
from asgi_auth.features.jwt.verifier import JWTVerifier, VerifiedToken

__all__ = [
    "InvalidRefreshToken",
    "Issuer",
    "JWTMiddleware",
    "JWTService",
    "JWTSource",
    "JWTVerifier",
    "Jwt",
    "JwtOptions",
    "KeySource",
    "KnownKey",
    "RefreshTokenReused",
    "SigningKeyCreated",
    "SigningKeyUnreadable",
    "TokenPair",
    "TokenRules",
    "TrustedIssuer",
    "VerifiedToken",
    "extract_jwt",
]

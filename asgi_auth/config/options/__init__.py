"""One frozen dataclass for each concern, checked when it is built."""

from asgi_auth.config.options.accounts import AccountOptions
from asgi_auth.config.options.bearer import BearerOptions
from asgi_auth.config.options.cache import CacheLifetimes, CacheOptions
from asgi_auth.config.options.client_address import ClientAddressOptions
from asgi_auth.config.options.cookie_cache import CookieCacheOptions
from asgi_auth.config.options.cookies import CookieOptions, CookieOverride
from asgi_auth.config.options.csrf import CsrfOptions
from asgi_auth.config.options.database import DatabaseOptions
from asgi_auth.config.options.deletion import DeletionOptions
from asgi_auth.config.options.email import EmailOptions
from asgi_auth.config.options.hashing import HashingOptions
from asgi_auth.config.options.mail import MailOptions
from asgi_auth.config.options.openapi import OpenApiOptions
from asgi_auth.config.options.password import PasswordOptions
from asgi_auth.config.options.rate_limits import LONGEST_WINDOW, RateLimit, RateLimitOptions
from asgi_auth.config.options.redis import RedisOptions
from asgi_auth.config.options.request import RequestOptions
from asgi_auth.config.options.secondary_storage import SecondaryStorageOptions
from asgi_auth.config.options.session import FreshFor, SessionOptions
from asgi_auth.config.options.social import SocialOptions

__all__ = [
    "LONGEST_WINDOW",
    "AccountOptions",
    "BearerOptions",
    "CacheLifetimes",
    "CacheOptions",
    "ClientAddressOptions",
    "CookieCacheOptions",
    "CookieOptions",
    "CookieOverride",
    "CsrfOptions",
    "DatabaseOptions",
    "DeletionOptions",
    "EmailOptions",
    "FreshFor",
    "HashingOptions",
    "MailOptions",
    "OpenApiOptions",
    "PasswordOptions",
    "RateLimit",
    "RateLimitOptions",
    "RedisOptions",
    "RequestOptions",
    "SecondaryStorageOptions",
    "SessionOptions",
    "SocialOptions",
]

"""What is decided about API keys."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final, Literal

from asgi_auth.asgi.types import Scope
from asgi_auth.config import RateLimit
from asgi_auth.config.options.checks import check_types, require
from asgi_auth.crypto.tokens import LETTERS, hash_token, random_string

DEFAULT_ID: Final = "default"

COMPATIBLE_RATE_LIMIT: Final = RateLimit(10, timedelta(days=1))
"""Better Auth's own (its contract)."""

RATE_LIMIT: Final = RateLimit(10_000, timedelta(minutes=1))

PREFIX_CHARACTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")

OTHERS_HEADERS: Final = frozenset({"authorization", "cookie"})
"""Every bearer token and every cookie would be a key there, and a bad one."""

LONGEST: Final = timedelta(days=36_525)

Permissions = Mapping[str, Sequence[str]]
"""Actions by resource: ``{"files": ["read", "write"]}``."""

DefaultPermissions = Permissions | Callable[[str], Permissions | Awaitable[Permissions | None] | None]
"""What new keys may do; or a function of their owner's id that tells."""

KeyGenerator = Callable[[int, str], str | Awaitable[str]]
"""Given how many letters and the prefix ("" for none), it makes the whole key, its prefix included."""

KeyGetter = Callable[[Scope], str | None]
"""Given the scope of a request, the key that it offers, or None."""

KeyValidator = Callable[[str], bool | Awaitable[bool]]
"""Given a key that a request offers, whether it may be one at all; asked before anybody looks for it."""

References = Literal["user", "organization"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeyOptions:
    """One configuration of API keys; an application may have several.

    Attributes:
        config_id: its name, which each of its keys carries (default "default").
        header_names: the request headers that may hold a key; not those of another kind of credential (default
            ("x-api-key",)).
        key_length: letters of a key beside its prefix, 32 to 256; requests with shorter ones are refused unlooked at
            (default 64).
        default_prefix: what keys begin with that are asked for without a prefix (default None: nothing).
        min_prefix_length: characters of a prefix that is asked for, at least (default 1).
        max_prefix_length: likewise, at most (default 32).
        min_name_length: of a name, at least, in UTF-16 code units, as JavaScript counts (default 1).
        max_name_length: likewise, at most (default 32).
        requires_name: every key needs a name (default False).
        allows_metadata: clients may keep an object of their own with a key, of at most 16 KiB of JSON (default False).
        stores_start: the first characters of a key are kept readable, for its owner to recognise it by (default True).
        start_length: how many of them, the prefix included, 1 to a quarter of ``key_length`` (default 6).
        hashes_keys: only the hash of a key is stored (default True). False is for a database in which Better Auth
            has stored keys as they are: whoever reads it has all of them.
        default_permissions: what a new key may do that is given none, or a function of its owner's id that tells
            (default None: nothing is said).
        default_lifetime: of a key that is asked for without one (default None: it does not end).
        allows_custom_lifetime: clients may ask for a lifetime (default True).
        min_lifetime: the shortest that may be asked for (default 1 day).
        max_lifetime: the longest (default 365 days).
        limits_requests: requests with one key are limited (default True).
        rate_limit: of a new key (default None: 10,000 a minute; 10 a day with ``AuthConfig.compatible()``). A window
            begins with the first request in it; with ``compatible()`` anew with each that is let through, so that a
            client that never pauses for a window is let through no more often than that in all.
        references: whose its keys are: a "user"'s, or an "organization"'s (default "user").
        enables_sessions: on the endpoints of authentication a user's key acts as a session of that user (default
            False). It never reaches what manages credentials.
        generator: makes keys in place of our own (default None).
        getter: finds the key of a request in place of the headers (default None). It may look in a URL or a cookie:
            beside cookies the origin of unsafe requests and handshakes is checked then.
        validator: decides whether what a request offers may be a key at all (default None: by its length, and without
            a generator by its letters, which are those of a prefix).
    """

    config_id: str = DEFAULT_ID
    header_names: tuple[str, ...] = ("x-api-key",)
    key_length: int = 64
    default_prefix: str | None = None
    min_prefix_length: int = 1
    max_prefix_length: int = 32
    min_name_length: int = 1
    max_name_length: int = 32
    requires_name: bool = False
    allows_metadata: bool = False
    stores_start: bool = True
    start_length: int = 6
    hashes_keys: bool = True
    default_permissions: DefaultPermissions | None = None
    default_lifetime: timedelta | None = None
    allows_custom_lifetime: bool = True
    min_lifetime: timedelta = timedelta(days=1)
    max_lifetime: timedelta = timedelta(days=365)
    limits_requests: bool = True
    rate_limit: RateLimit | None = None
    references: References = "user"
    enables_sessions: bool = False
    generator: KeyGenerator | None = None
    getter: KeyGetter | None = None
    validator: KeyValidator | None = None

    def __post_init__(self) -> None:
        check_types(self, "ApiKeyOptions")
        require(self.config_id, "ApiKeyOptions.config_id: not empty")
        require(
            self.header_names and all(map(_is_header, self.header_names)),
            'ApiKeyOptions.header_names: names, but not "authorization" and "cookie"',
        )
        require(32 <= self.key_length <= 256, "ApiKeyOptions.key_length: 32 to 256")
        require(1 <= self.start_length <= self.key_length // 4, "ApiKeyOptions.start_length: 1 to key_length / 4")
        self._check_lengths()
        self._check_lifetimes()
        is_organizations = self.references == "organization"
        require(not (is_organizations and self.enables_sessions), "ApiKeyOptions.enables_sessions: for users' keys")

    def _check_lengths(self) -> None:
        lengths = {
            "name_length": (self.min_name_length, self.max_name_length),
            "prefix_length": (self.min_prefix_length, self.max_prefix_length),
        }
        for name, (least, most) in lengths.items():
            require(0 <= least <= most, f"ApiKeyOptions.max_{name}: not below min_{name}, which is not negative")
        prefix = self.default_prefix
        require(
            prefix is None or (prefix and PREFIX_CHARACTERS.issuperset(prefix)),
            "ApiKeyOptions.default_prefix: letters, digits, _ and -",
        )

    def _check_lifetimes(self) -> None:
        require(self.min_lifetime > timedelta(), "ApiKeyOptions.min_lifetime: positive")
        require(
            self.min_lifetime <= self.max_lifetime <= LONGEST,
            "ApiKeyOptions.max_lifetime: not below min_lifetime, and 100 years at most",
        )
        require(
            self.default_lifetime is None or timedelta() < self.default_lifetime <= LONGEST,
            "ApiKeyOptions.default_lifetime: positive, and 100 years at most",
        )

    @property
    def limit(self) -> RateLimit:
        """The rate limit of a new key."""
        return self.rate_limit or RATE_LIMIT

    def stored(self, key: str) -> str:
        """What a key of this configuration is found by in the table."""
        return hash_token(key) if self.hashes_keys else key

    def resolved(self, *, is_compatible: bool) -> ApiKeyOptions:
        """With what is left open decided."""
        if self.rate_limit is not None:
            return self
        return replace(self, rate_limit=COMPATIBLE_RATE_LIMIT if is_compatible else RATE_LIMIT)


def random_key(length: int, prefix: str) -> str:
    """A key: its prefix, and letters a-zA-Z of the system's generator (Better Auth contract)."""
    return prefix + random_string(length, LETTERS)


def _is_header(name: str) -> bool:
    is_name = bool(name) and name.isascii() and name.replace("-", "").replace("_", "").isalnum()
    return is_name and name.lower() not in OTHERS_HEADERS

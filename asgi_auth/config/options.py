"""One frozen dataclass for each concern, checked when it is built."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from asgi_auth.errors import ConfigurationError

MAX_COOKIE_LIFETIME = timedelta(days=400)
"""Browsers keep no cookie for longer (RFC 6265bis, 5.5)."""


MAX_HASH_COST = 65536

SameSite = Literal["Lax", "Strict", "None"]
FreshFor = Literal["password"]


def _require(condition: object, sentence: str) -> None:
    if not condition:
        raise ConfigurationError(sentence)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOptions:
    """How long sessions live.

    Attributes:
        lifetime: of a session and its cookie (default 7 days, 400 days at most).
        short_lifetime: of a session whose user did not want to be remembered (default 1 day).
        refresh_after: a session used this long after its last refresh is extended to its full lifetime (default
            1 day; zero extends it at each use).
        fresh_for: how long after signing in the routes that ask for a fresh session let it pass (default 1 day;
            zero asks for nothing).
        is_refreshed: whether sessions slide at all (default True).
        defers_refresh: GET /get-session writes nothing and tells the client to POST instead (default False).
        max_per_user: the oldest sessions end when a user has more than this many (default None: no limit).
        require_fresh_for: what asks for a fresh session beside the routes that always do: "password" for changing it
            (default None: that in production, else nothing).
        tracks_activity: ``updatedAt`` follows a session's use, written at most once a minute and never while a
            request waits (default False).
    """

    lifetime: timedelta = timedelta(days=7)
    short_lifetime: timedelta = timedelta(days=1)
    refresh_after: timedelta = timedelta(days=1)
    fresh_for: timedelta = timedelta(days=1)
    is_refreshed: bool = True
    defers_refresh: bool = False
    max_per_user: int | None = None
    require_fresh_for: frozenset[FreshFor] | None = None
    tracks_activity: bool = False

    def __post_init__(self) -> None:
        _require(
            timedelta(seconds=1) <= self.lifetime <= MAX_COOKIE_LIFETIME,
            "session.lifetime: 1 second to 400 days",
        )
        _require(self.short_lifetime >= timedelta(seconds=1), "session.short_lifetime: at least 1 second")
        _require(self.refresh_after >= timedelta(), "session.refresh_after: not negative")
        _require(self.fresh_for >= timedelta(), "session.fresh_for: not negative")
        _require(self.max_per_user is None or self.max_per_user > 0, "session.max_per_user: None or at least 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordOptions:
    """Signing up and in with e-mail and password.

    Attributes:
        is_enabled: whether passwords are a way in at all (default True).
        allows_sign_up: whether strangers may create an account (default True).
        min_length: in UTF-16 code units, as JavaScript counts (default 8).
        max_length: likewise (default 128).
        signs_in_after_sign_up: a new user is signed in at once (default True).
        requires_verified_email: nobody signs in before the address is verified (default False).
        blocklist: passwords nobody may choose, in lower case; compared without regard to case (default None:
            ``common_passwords()`` in production, else none).
    """

    is_enabled: bool = True
    allows_sign_up: bool = True
    min_length: int = 8
    max_length: int = 128
    signs_in_after_sign_up: bool = True
    requires_verified_email: bool = False
    blocklist: frozenset[str] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        _require(0 < self.min_length <= self.max_length, "password.min_length: at least 1, at most max_length")
        _require(self.max_length <= 4096, "password.max_length: 4096 at most")


@dataclass(frozen=True, slots=True, kw_only=True)
class CookieOverride:
    """What is different about one cookie; None leaves it as CookieOptions say.

    Attributes:
        name: the whole name but for ``__Secure-``.
        path: the paths it is sent to.
        domain: the host whose sub-domains get it too.
        same_site: "Lax", "Strict" or "None".
    """

    name: str | None = None
    path: str | None = None
    domain: str | None = None
    same_site: SameSite | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CookieOptions:
    """Names and attributes of the cookies.

    Attributes:
        prefix: the first part of each name (default "better-auth").
        is_secure: Secure and ``__Secure-``; None (default) decides by ``base_url``.
        spans_subdomains: cookies carry Domain, and so reach sub-domains (default False: this host only).
        domain: that Domain (default None: the host of ``base_url``).
        same_site: default "Lax"; "None" makes them Secure.
        is_partitioned: CHIPS (default False); makes them Secure.
        overrides: what is different about single cookies, by key ("session_token", "dont_remember").
    """

    prefix: str = "better-auth"
    is_secure: bool | None = None
    spans_subdomains: bool = False
    domain: str | None = None
    same_site: SameSite = "Lax"
    is_partitioned: bool = False
    overrides: Mapping[str, CookieOverride] = field(default_factory=dict)

    def __post_init__(self) -> None:
        names = [override.name for override in self.overrides.values() if override.name is not None]
        for name in (self.prefix, *names):
            _require(_is_token(name), "cookie names are tokens (RFC 6265, 4.1.1): no spaces, no separators")


def _is_token(name: str) -> bool:
    separators = '()<>@,;:\\"/[]?={} \t'
    return bool(name) and all(33 <= ord(char) < 127 and char not in separators for char in name)


@dataclass(frozen=True, slots=True, kw_only=True)
class BearerOptions:
    """Session tokens in the Authorization header (RFC 6750).

    Attributes:
        is_enabled: whether ``auth.wrap`` and the endpoints take them, and answers that start a session carry one
            in ``set-auth-token`` (default True).
        requires_signature: only signed tokens, as ``set-auth-token`` gives them, are taken (default False: raw ones
            too, as Better Auth does).
    """

    is_enabled: bool = True
    requires_signature: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CsrfOptions:
    """Where requests may come from.

    Attributes:
        checks_auth_origin: the endpoints refuse cookie-bearing requests from untrusted origins (default True).
        protects_application: ``auth.wrap`` does the same for the application's own unsafe requests (default True).
        allows_missing_origin: an application's cookie-borne unsafe request without Origin, Referer and
            Sec-Fetch-Site passes (default False).
    """

    checks_auth_origin: bool = True
    protects_application: bool = True
    allows_missing_origin: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestOptions:
    """Limits on what the endpoints read.

    Attributes:
        max_body: bytes (default 1 MiB); more is 413.
        max_depth: nesting of a JSON body (default 32); more is 400.
        body_timeout: until the whole body has arrived (default 10 seconds); longer is 408.
        disabled_paths: endpoints that answer 404, without the base path ("/sign-up/email").
    """

    max_body: int = 1024 * 1024
    max_depth: int = 32
    body_timeout: timedelta = timedelta(seconds=10)
    disabled_paths: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        _require(self.max_body > 0, "request.max_body: positive")
        _require(0 < self.max_depth <= 200, "request.max_depth: 1 to 200")
        _require(self.body_timeout > timedelta(), "request.body_timeout: positive")
        _require(all(path.startswith("/") for path in self.disabled_paths), "request.disabled_paths start with /")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientAddressOptions:
    """How a client's IP address is found.

    Attributes:
        trusted_proxies: networks (CIDR) whose forwarded-for headers are believed, right to left to the first hop
            outside of them (default none).
        headers: looked at in order (default X-Forwarded-For).
        uses_peer: the socket's peer is the client unless it is a trusted proxy (default True). False is Better
            Auth's rule: the header alone, whoever sent it.
    """

    trusted_proxies: tuple[str, ...] = ()
    headers: tuple[str, ...] = ("x-forwarded-for",)
    uses_peer: bool = True

    def __post_init__(self) -> None:
        for network in self.trusted_proxies:
            try:
                ipaddress.ip_network(network, strict=False)
            except ValueError:
                raise ConfigurationError(f"client_address.trusted_proxies: {network!r} is no network") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class HashingOptions:
    """The pool in which passwords are hashed.

    Attributes:
        workers: threads; each hash takes 32 MiB and a core (default None: one per usable core).
        max_queue: hashes that may wait; more are refused with 503 (default 64).
        cost: N of new scrypt hashes, a power of two up to 65536, which takes 128 MiB (default 16384: the only one that
            Better Auth verifies too).
    """

    workers: int | None = None
    max_queue: int = 64
    cost: int = 16384

    def __post_init__(self) -> None:
        _require(self.workers is None or self.workers > 0, "hashing.workers: None or at least 1")
        _require(self.max_queue >= 0, "hashing.max_queue: not negative")
        _require(
            2 <= self.cost <= MAX_HASH_COST and self.cost & (self.cost - 1) == 0,
            "hashing.cost: a power of two, at most 65536",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseOptions:
    """How the database is used.

    Attributes:
        pool_size: connections; for SQLite the readers beside the one writer (default 10, SQLite 4).
        timeout: for a connection, and on Postgres for a statement (default 5 seconds); longer is 503.
        creates_schema: missing tables and columns are created at start-up; False refuses to start without them (default
            None: False in production, where a migration makes them, else True).
    """

    pool_size: int | None = None
    timeout: timedelta = timedelta(seconds=5)
    creates_schema: bool | None = None

    def __post_init__(self) -> None:
        _require(self.pool_size is None or self.pool_size > 0, "database_options.pool_size: None or at least 1")
        _require(self.timeout > timedelta(), "database_options.timeout: positive")

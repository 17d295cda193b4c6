"""The session in a cookie of its own, so that reading it costs no query."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from asgi_auth.config.options.checks import check_types, require
from asgi_auth.config.options.session import MAX_COOKIE_LIFETIME


@dataclass(frozen=True, slots=True, kw_only=True)
class CookieCacheOptions:
    """The session and its user in a cookie of their own (``session_data``), so that reading them costs no query.

    Middlewares, GET /get-session and endpoints that only read are answered from it. Endpoints that change something or
    give tokens away ask the database.

    A user or session with fields that are not returned (``FieldRules(returned=False)``) is not whole in the cookie:
    then GET /get-session alone is answered from it. With ``session.tracks_activity`` the use of a session is noted when
    the database is read; to note it changes the session, so with ``instant_revocation`` cookies hardly ever count then.

    Attributes:
        is_enabled: whether it is used (default False).
        lifetime: how long such a cookie counts (default 5 minutes). Sessions are extended when the database is read:
            keep it shorter than ``session.lifetime`` less ``session.refresh_after``.
        strategy: "compact" is the shortest, "jwt" can be verified by others who know the secret, "jwe" tells nothing
            to whoever holds it (default "compact").
        instant_revocation: a cookie does not count any more once its session or user has changed, wherever that
            happened; nor does one that was made before this process began to listen for changes, nor any while it
            cannot hear of them (default None: True but in ``AuthConfig.compatible``). Without it a revoked session, a
            deleted user and a changed role live on in the cookie for its lifetime, as in Better Auth; with any other
            service that reads the cookie they do in any case.
        version: cookies of another version do not count: change it to empty all caches at once (default "1").
    """

    is_enabled: bool = False
    lifetime: timedelta = timedelta(minutes=5)
    strategy: Literal["compact", "jwt", "jwe"] = "compact"
    instant_revocation: bool | None = None
    version: str = "1"

    def __post_init__(self) -> None:
        check_types(self, "cookie_cache")
        require(
            timedelta(seconds=1) <= self.lifetime <= MAX_COOKIE_LIFETIME, "cookie_cache.lifetime: 1 second to 400 days"
        )
        require(self.version, "cookie_cache.version: not empty")

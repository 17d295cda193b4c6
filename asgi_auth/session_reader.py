"""Sessions as requests present them: read from the cookie cache where it counts, else from the sessions' service."""

from __future__ import annotations

from dataclasses import dataclass, field

from asgi_auth.asgi.types import Scope
from asgi_auth.cookies.cache import CookieCache
from asgi_auth.cookies.session import SessionCookies
from asgi_auth.infrastructure.metrics import SESSION_CACHE_HIT
from asgi_auth.services.registry import Services
from asgi_auth.services.session import LiveSession


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheUse:
    """What a read may do with what is remembered.

    Attributes:
        is_read: a cookie that counts is taken for the truth, and so is what the server remembers; False asks the store
            of record, whatever they say.
        is_written: what the database said is written into a new cookie.
        needs_all: a cookie without the fields that are not returned is of no use.
    """

    is_read: bool = True
    is_written: bool = True
    needs_all: bool = True


CACHE_USED = CacheUse()
CACHE_NOT_READ = CacheUse(is_read=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadSession:
    """A session that holds, and the Set-Cookie values that reading it has led to."""

    live: LiveSession
    set_cookies: tuple[bytes, ...] = field(default=(), repr=False)


class SessionReader:
    """Reads sessions by their tokens, with the cookies of the request at hand."""

    def __init__(self, services: Services, cookies: SessionCookies) -> None:
        self._sessions = services.sessions
        self._metrics = services.metrics
        self._cookies = cookies
        self.cache = CookieCache(services, cookies.data)

    async def read(
        self, token: str, scope: Scope, *, refreshes: bool = True, cache: CacheUse = CACHE_USED
    ) -> ReadSession:
        """The session of a token; raises InvalidToken.

        From the cookie it sets no cookie. From the service it is extended where ``refreshes`` and due, unless the
        browser is to forget it; then its cookies follow.
        """
        is_judged = cache.is_read and self.cache.is_enabled and (self.cache.is_whole or not cache.needs_all)
        cached = self.cache.find(token, scope) if is_judged else None
        if cached is not None:
            self._metrics.increment(SESSION_CACHE_HIT, layer="cookie")
            return ReadSession(live=cached)
        live = await self._sessions.get_session(token, refreshes=False, reads_record=not cache.is_read)
        if not self.cache.is_enabled and not live.needs_refresh:  # the most common read asks no further
            return ReadSession(live=live)
        is_remembered = self._cookies.is_remembered(scope)
        if refreshes and is_remembered:
            live = await self._sessions.refresh_due(live)
        is_written = cache.is_written and is_remembered
        cookies = self.cookies_after(live, scope, is_written=is_written, is_rejected=is_judged)
        return ReadSession(live=live, set_cookies=tuple(cookies))

    def cookies_after(
        self, live: LiveSession, scope: Scope, *, is_written: bool, is_rejected: bool = False
    ) -> list[bytes]:
        """Set-Cookie values that follow a read of the service."""
        cookies = list(self._cookies.refresh(live.session)) if live.is_refreshed else []
        if is_rejected:
            cookies += self.cache.clear_rejected(scope)
        if is_written:
            cookies += self.cache.write(live.session, live.user, scope=scope, is_remembered=True)
        return list(dict.fromkeys(cookies))

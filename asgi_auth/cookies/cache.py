"""The cookie cache: a session and its user in a cookie (``session_data``), so that reading them costs no query."""

from __future__ import annotations

from datetime import timedelta
from typing import Generic, TypeVar

import msgspec

from asgi_auth.asgi.chunked_cookies import ChunkedCookie
from asgi_auth.asgi.types import Scope
from asgi_auth.crypto.session_cache import CachedSession, session_cache_codec
from asgi_auth.crypto.tokens import equal
from asgi_auth.fields import fields_of, wire
from asgi_auth.models import Record, Session, User, decode_hook
from asgi_auth.services.registry import Services
from asgi_auth.services.session import LiveSession

R = TypeVar("R", bound=Record)

FORGOTTEN_LIFETIME = timedelta(seconds=60)
"""How long the cache counts, at most, in a browser that is to forget its session (Better Auth contract)."""


class CookieCache:
    """What one configuration keeps of sessions in ``cookie``, and what of it counts.

    It is written from what the database has just said, never from a cookie: otherwise a revoked session could renew
    itself for ever. Fields that are not returned (``FieldRules(returned=False)``) are not in it.
    """

    def __init__(self, services: Services, cookie: ChunkedCookie) -> None:
        options = services.config.cookie_cache
        self.is_enabled = options.is_enabled
        self._options = options
        self._cookie = cookie
        self._clock = services.clock
        self._heard = services.remembering.heard
        self._codec = session_cache_codec(options.strategy, [secret.value for secret in services.config.all_secrets])
        self._sessions = _Shown(services.engine.sessions.record)
        self._users = _Shown(services.engine.users.record)

    @property
    def is_whole(self) -> bool:
        """Whether sessions and users have no field that is missing in the cookie."""
        return self._sessions.is_whole and self._users.is_whole

    def find(self, token: str, scope: Scope) -> LiveSession | None:
        """The session of a token and its user as the request's cookie has them, or None where that does not count.

        It counts if one of the secrets made it, for this very token, in this version and less than its lifetime ago,
        if the session has not expired, if every field is there and of its type, and, with ``instant_revocation``, if
        neither the session nor its user can have changed since. Never raises.
        """
        value = self._cookie.read(scope)
        if value is None:
            return None
        now = self._clock()
        cached = self._codec.decode(value, now=now)
        if cached is None or cached.version != self._options.version:
            return None
        live = self._decoded(cached)
        if live is None or not equal(live.session.token, token) or live.session.expires_at < now:
            return None
        return live if self._is_vouched_for(live, age=now - cached.updated_at) else None

    def _is_vouched_for(self, live: LiveSession, *, age: timedelta) -> bool:
        if self._heard is None:
            return True
        return self._heard.vouches_for((("session", live.session.id), ("user", live.user.id)), age=age)

    def write(self, session: Session, user: User, *, scope: Scope, is_remembered: bool) -> list[bytes]:
        """Set-Cookie values that hold a session and its user, read just now; none where the cache is off."""
        if not self.is_enabled:
            return []
        lifetime = self._lifetime(is_remembered=is_remembered)
        value = self._codec.encode(
            session=wire(session),
            user=wire(user),
            now=self._clock(),
            lifetime=lifetime,
            version=self._options.version,
        )
        return self._cookie.write(value, scope=scope, max_age=int(lifetime.total_seconds()) if is_remembered else None)

    def clear_received(self, scope: Scope) -> list[bytes]:
        """Set-Cookie values that remove what a request brought of it."""
        return self._cookie.clear_received(scope)

    def clear_rejected(self, scope: Scope) -> list[bytes]:
        """The same for a cookie that did not count: the bare name is among them, even if it came in chunks."""
        return self._cookie.clear(scope) if self._cookie.names(scope) else []

    def _lifetime(self, *, is_remembered: bool) -> timedelta:
        lifetime = self._options.lifetime
        # Of the strategies only this one makes the difference (Better Auth's behaviour).
        is_short = not is_remembered and self._options.strategy == "compact"
        return min(lifetime, FORGOTTEN_LIFETIME) if is_short else lifetime

    def _decoded(self, cached: CachedSession) -> LiveSession | None:
        try:
            session, user = self._sessions.decode(cached.session), self._users.decode(cached.user)
        except (msgspec.MsgspecError, ValueError, TypeError, RecursionError):
            return None
        return LiveSession(session=session, user=user, is_cached=True) if session.user_id == user.id else None


class _Shown(Generic[R]):
    """The JSON of a record with its returned fields, none of them left out, whatever defaults they have."""

    def __init__(self, record: type[R]) -> None:
        every = fields_of(record)
        shown = [field for field in every if field.rules.returned]
        self.is_whole = len(shown) == len(every)
        self._record = record
        self._names = [field.name for field in shown]
        form = msgspec.defstruct(
            record.__name__,
            [(field.name, field.type) for field in shown],
            rename={field.name: field.wire_name for field in shown},
        )
        self._decoder = msgspec.json.Decoder(form, dec_hook=decode_hook)

    def decode(self, data: msgspec.Raw) -> R:
        """The record; other fields have their defaults. Raises ValueError, or TypeError where one has none."""
        found = self._decoder.decode(data)
        return self._record(**{name: getattr(found, name) for name in self._names})

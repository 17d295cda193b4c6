"""Sessions: one code path for creating, reading, listing and revoking them."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import msgspec

from asgi_auth.clock import Clock, Timestamp
from asgi_auth.config import FreshFor, SessionOptions
from asgi_auth.context import Cell, Standing
from asgi_auth.crypto.tokens import generate_id
from asgi_auth.engine import Engine, IntegrityViolation
from asgi_auth.errors import Conflict, InvalidToken, SessionNotCreated, SessionNotFresh
from asgi_auth.events import EndReason, EventBus, SessionRevoked
from asgi_auth.infrastructure.cache.tiered import Found, Load, TieredCache
from asgi_auth.infrastructure.metrics import SESSION_CACHE_HIT, SESSION_CACHE_MISS, Metrics
from asgi_auth.models import Session, SessionWithUser, User
from asgi_auth.services.activity import WRITE_EVERY, ActivityRecorder
from asgi_auth.services.input_fields import InputFields
from asgi_auth.services.session_metadata import SessionMetadata
from asgi_auth.services.session_storage import SessionStorage

TOKEN_LENGTH = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """What is known of the device at the other end; "" where nothing is."""

    ip_address: str = ""
    user_agent: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSession:
    """A session that holds, with its user.

    Attributes:
        is_refreshed: its expiry has just been moved, so that its cookie has to be sent again.
        needs_refresh: it is due, but was only to be read.
        is_cached: it was read from the client's cookie cache; the database may know better by now.
        standing: for how long its token stands for it unless something changes; None where nobody would know.
    """

    session: Session
    user: User
    is_refreshed: bool = False
    needs_refresh: bool = False
    is_cached: bool = False
    standing: Standing | None = None


class SessionService:
    """The sessions of one Auth. Get, refresh and activity go by token; everything else by id."""

    def __init__(
        self,
        engine: Engine,
        options: SessionOptions,
        *,
        storage: SessionStorage,
        cache: TieredCache[SessionWithUser],
        cache_by_id: TieredCache[SessionWithUser],
        clock: Clock,
        metrics: Metrics,
        events: EventBus,
    ) -> None:
        self._engine = engine
        self._options = options
        self._storage = storage
        self._cache = cache
        self._cache_by_id = cache_by_id
        self._slack = options.lifetime - options.refresh_after
        self._clock = clock
        self._metrics = metrics
        self._events = events
        self._activity = ActivityRecorder(engine, storage, clock=clock)
        self.input_fields = InputFields(engine.sessions.record, Session)

    async def create(self, user: User, *, device: Device | None = None, is_remembered: bool = True) -> Session:
        """Start a session; raises SessionNotCreated where the user is gone.

        Ways in do not call this but ``SignInService.complete``: the one door.
        """
        now = self._clock()
        device = device or Device()
        session = self._engine.sessions.record(
            expires_at=now + (self._options.lifetime if is_remembered else self._options.short_lifetime),
            token=generate_id(TOKEN_LENGTH),
            created_at=now,
            updated_at=now,
            ip_address=device.ip_address,
            user_agent=device.user_agent,
            user_id=user.id,
            id=generate_id(),
        )
        try:
            await self._storage.add(session, user)
        except IntegrityViolation:
            raise SessionNotCreated from None
        return session

    async def get_session(self, token: str, *, refreshes: bool = True, reads_record: bool = False) -> LiveSession:
        """The session of a token, with its user; raises InvalidToken where there is none that holds.

        It costs no query where it is known, else one read. ``reads_record`` asks the store of record, whatever is
        known: for what changes credentials or gives some away. With ``refreshes`` a session that is due is extended
        (one more statement). An expired one is deleted.
        """
        load = partial(self._storage.find_with_user, token)
        known, cell = await self._find(self._cache, token, load, reads_record=reads_record)
        live = await self._judged(known, cell)
        return await self.refresh_due(live) if refreshes else live

    async def _judged(self, known: SessionWithUser, cell: Cell | None) -> LiveSession:
        session, now = known.session, self._clock()
        if session.expires_at < now:
            await self._storage.remove_token(session.token)
            raise InvalidToken
        if self._options.tracks_activity:
            self._activity.record(session)
        is_due = self._options.is_refreshed and session.expires_at <= self._due_before(now)
        standing = None if is_due or cell is None else Standing(cell, self._stands_until(session))
        return LiveSession(session=session, user=known.user, needs_refresh=is_due, standing=standing)

    async def continue_session(self, session_id: str, *, user_id: str) -> LiveSession:
        """A user's session by its id as the store of record has it, extended if it is due; raises InvalidToken.

        For another credential by which a session is in use, such as a refresh token: ``session.token`` is "".
        """
        found = await self._storage.find_with_user_by_id(session_id, user_id=user_id)
        if found is None:
            raise InvalidToken
        live = await self.refresh_due(await self._judged(found, None))
        return replace(live, session=msgspec.structs.replace(live.session, token=""))

    async def get_session_by_id(self, session_id: str, *, user_id: str) -> LiveSession:
        """A user's session by its id, with the user; raises InvalidToken where there is none that holds.

        For what names a session without being its credential, as a JWT does: ``session.token`` is "", so that nobody
        who knows an id gets the secret. It costs no query where it is known, else one read. It is not extended, nor is
        its use noted. An expired one is deleted.
        """
        load = partial(self._find_by_id, session_id, user_id)
        key = f"{len(session_id)}:{session_id}:{user_id}"
        known, cell = await self._find(self._cache_by_id, key, load)
        if known.session.expires_at < self._clock():
            await self._storage.remove(session_id)
            raise InvalidToken
        standing = None if cell is None else Standing(cell, known.session.expires_at.timestamp())
        return LiveSession(session=known.session, user=known.user, standing=standing)

    async def _find_by_id(self, session_id: str, user_id: str) -> SessionWithUser | None:
        found = await self._storage.find_with_user_by_id(session_id, user_id=user_id)
        if found is None:
            return None
        return SessionWithUser(session=msgspec.structs.replace(found.session, token=""), user=found.user)

    async def _find(
        self, cache: TieredCache[SessionWithUser], key: str, load: Load[SessionWithUser], *, reads_record: bool = False
    ) -> tuple[SessionWithUser, Cell | None]:
        if self._engine.is_in_transaction:
            found = Found(await load(), "record")
        else:
            found = await (cache.find_record if reads_record else cache.find)(key, load)
            if not reads_record:
                name = SESSION_CACHE_MISS if found.layer == "record" else SESSION_CACHE_HIT
                self._metrics.increment(name, layer=found.layer)
        if found.value is None:
            raise InvalidToken
        return found.value, found.cell

    def _stands_until(self, session: Session) -> float:
        """When the use of a session leads to a write, in seconds since 1970: then it has to be judged again."""
        until = session.expires_at
        if self._options.is_refreshed:
            until -= self._slack
        if self._options.tracks_activity:
            until = min(until, session.updated_at + WRITE_EVERY)
        return until.timestamp()

    async def refresh_due(self, live: LiveSession) -> LiveSession:
        """Extend a session that was only read, if it is due; raises InvalidToken where it is gone."""
        return await self._refreshed(live) if live.needs_refresh else live

    async def refresh_session(self, token: str) -> Session:
        """Extend a session to its full lifetime now, due or not; raises InvalidToken."""
        live = await self.get_session(token, refreshes=False, reads_record=True)
        always = self._clock() + self._options.lifetime
        return (await self._refreshed(live, before=always)).session

    async def _refreshed(self, live: LiveSession, *, before: Timestamp | None = None) -> LiveSession:
        now, token = self._clock(), live.session.token
        changed = await self._storage.extend(
            token, before=before or self._due_before(now), expires_at=now + self._options.lifetime, now=now
        )
        if changed is not None:
            return LiveSession(session=changed, user=live.user, is_refreshed=True)
        # Someone else refreshed it in the meantime, or revoked it; only a fresh look tells which.
        found = await self._storage.find_with_user(token)
        if found is None:
            raise InvalidToken
        return LiveSession(session=found.session, user=found.user)

    def _due_before(self, now: Timestamp) -> Timestamp:
        return now + self._slack

    def require_fresh(self, session: Session) -> None:
        """Raise SessionNotFresh for a session that is older than ``fresh_for``."""
        fresh_for = self._options.fresh_for
        if fresh_for and self._clock() - session.created_at >= fresh_for:
            raise SessionNotFresh

    def require_fresh_for(self, change: FreshFor, session: Session) -> None:
        """Raise SessionNotFresh for a session that is too old for a change that ``require_fresh_for`` names."""
        if change in (self._options.require_fresh_for or ()):
            self.require_fresh(session)

    async def list_user_sessions(self, user_id: str) -> list[Session]:
        """A user's sessions that hold, oldest first, 100 at most."""
        return list(await self._storage.list_live(user_id, self._clock()))

    async def revoke_session(self, session_id: str) -> bool:
        """End one session; False where there was none."""
        return await self._end(self._storage.remove(session_id))

    async def revoke_token(self, token: str, *, user_id: str | None = None, reason: EndReason = "revoked") -> bool:
        """End the session of a token, if it is that user's; False where there was none."""
        return await self._end(self._storage.remove_token(token, user_id=user_id), reason)

    async def revoke_all_user_sessions(self, user_id: str) -> int:
        """End all of a user's sessions; returns how many there were."""
        return await self._end_all(self._storage.remove_all(user_id))

    async def revoke_other_sessions(self, user_id: str, token: str) -> int:
        """End all of a user's sessions but the one of this token; returns how many there were."""
        return await self._end_all(self._storage.remove_others(user_id, token))

    async def enforce_session_limit(self, user_id: str, max_sessions: int) -> int:
        """End a user's oldest sessions until at most ``max_sessions`` are left; returns how many ended."""
        removing = self._storage.remove_oldest(user_id, keep=max_sessions, now=self._clock())
        return await self._end_all(removing, "limit")

    async def update_session(self, session_id: str, **values: object) -> Session:
        """Set fields of a session, by Python name; raises InvalidToken where it is gone, Conflict where they clash."""
        try:
            changed = await self._storage.change(session_id, {**values, "updated_at": self._clock()})
        except IntegrityViolation:
            raise Conflict from None
        if changed is None:
            raise InvalidToken
        return changed

    async def update_session_activity(self, token: str) -> None:
        """Note that a session is in use: ``updatedAt`` follows within seconds, at most once a minute."""
        found = await self._storage.find_with_user(token)
        if found is not None:
            self._activity.record(found.session)

    async def get_session_metadata(self, session_id: str) -> SessionMetadata | None:
        """What may be shown of a session, or None where there is none."""
        session = await self._storage.find(session_id)
        return None if session is None else SessionMetadata.of(session)

    async def is_session_active(self, session_id: str) -> bool:
        """Whether a session exists and has not expired."""
        session = await self._storage.find(session_id)
        return session is not None and session.expires_at >= self._clock()

    async def close(self) -> None:
        """Write what is still to be written."""
        await self._activity.close()

    async def _end(self, taking: Coroutine[Any, Any, Session | None], reason: EndReason = "revoked") -> bool:
        async def ending() -> int:
            session = await taking
            return await self._announce(() if session is None else (session,), reason)

        return bool(await self._engine.uninterrupted(ending()))

    async def _end_all(self, removing: Coroutine[Any, Any, Sequence[Session]], reason: EndReason = "revoked") -> int:
        async def ending() -> int:
            return await self._announce(await removing, reason)

        return await self._engine.uninterrupted(ending())

    async def _announce(self, sessions: Sequence[Session], reason: EndReason) -> int:
        for session in sessions:
            event = SessionRevoked(session_id=session.id, user_id=session.user_id, reason=reason)
            await self._engine.after_commit(partial(self._events.publish, event))
        return len(sessions)

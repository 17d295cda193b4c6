"""Endpoints of sessions: which there are, and ending them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from asgi_auth.crypto.tokens import equal
from asgi_auth.endpoints.answers import SessionAndUser, Status, UpdatedSession
from asgi_auth.endpoints.call import Call
from asgi_auth.endpoints.errors import MethodNotAllowed
from asgi_auth.endpoints.responses import Answer
from asgi_auth.endpoints.routing import Endpoints, get, post
from asgi_auth.endpoints.schema import Body, Coerced
from asgi_auth.errors import NoFieldsToUpdate
from asgi_auth.fields import wire
from asgi_auth.models import Session
from asgi_auth.services.session import LiveSession
from asgi_auth.session_reader import CACHE_NOT_READ, CacheUse

NOT_STORED: Mapping[str, str] = {"cache-control": "no-store", "pragma": "no-cache"}


class RevokeSession(Body, frozen=True, kw_only=True):
    """POST /revoke-session."""

    token: str


class UpdateSession(Body, frozen=True, kw_only=True):
    """POST /update-session: the session's additional fields."""

    shapes = ("record",)
    extends = Session


class SessionQuery(Body, frozen=True, kw_only=True):
    """The query of /get-session; any text but "" is true."""

    disable_cookie_cache: Annotated[bool, Coerced()] = False
    disable_refresh: Annotated[bool, Coerced()] = False


class SessionEndpoints(Endpoints):
    """The sessions of the one who asks."""

    @get("/get-session", answers=SessionAndUser | None)
    async def get_session(self, call: Call, query: SessionQuery) -> Answer:
        """The session and its user, or null; extended if it is due."""
        _forbid_storing(call)
        defers = call.web.config.session.defers_refresh
        # Only what is returned is needed: a cookie without the rest is as good as the database.
        # What stands in for a session is in no cookie cache, and told whatever is said of that.
        is_read = call.has_stand_in or not query.disable_cookie_cache
        cache = CacheUse(is_read=is_read, is_written=not query.disable_refresh, needs_all=False)
        live = await call.find_session(refreshes=not (defers or query.disable_refresh), cache=cache)
        return _session_answer(call, live, tells_need=defers)

    @post("/get-session", answers=SessionAndUser | None, ignores_body=True)
    async def refresh_session(self, call: Call) -> Answer:
        """The same, where GET has left extending to this one."""
        if call.has_stand_in:
            return _session_answer(call, await call.find_session(), tells_need=False)
        _forbid_storing(call)
        if not call.web.config.session.defers_refresh:
            raise MethodNotAllowed
        # The cookie cache, which GET may have just written, would keep it from being extended for as long as it counts.
        return _session_answer(call, await call.find_session(cache=CACHE_NOT_READ), tells_need=False)

    @get("/list-sessions", answers=list[Session])
    async def list_sessions(self, call: Call) -> Answer:
        """All of the user's sessions that hold; asks for a fresh session, because it gives tokens away."""
        live = await call.session(is_sensitive=True)
        call.services.sessions.require_fresh(live.session)
        sessions = await call.services.sessions.list_user_sessions(live.user.id)
        return Answer(body=[wire(session) for session in sessions], is_private=True)

    @post("/revoke-session", answers=Status)
    async def revoke_session(self, call: Call, body: RevokeSession) -> Answer:
        """End one of the user's own sessions; the answer never tells whether there was one."""
        live = await call.session(is_sensitive=True)
        await call.services.sessions.revoke_token(body.token, user_id=live.user.id)
        if equal(body.token, live.session.token):
            call.end_session()
        return Answer(body={"status": True})

    @post("/revoke-sessions", answers=Status)
    async def revoke_sessions(self, call: Call) -> Answer:
        """End all of the user's sessions, this one included."""
        live = await call.session(is_sensitive=True)
        await call.services.sessions.revoke_all_user_sessions(live.user.id)
        call.end_session()
        return Answer(body={"status": True})

    @post("/revoke-other-sessions", answers=Status)
    async def revoke_other_sessions(self, call: Call) -> Answer:
        """End all of the user's sessions but this one."""
        live = await call.session(is_sensitive=True)
        await call.services.sessions.revoke_other_sessions(live.user.id, live.session.token)
        return Answer(body={"status": True})

    @post("/update-session", answers=UpdatedSession)
    async def update_session(self, call: Call, body: UpdateSession) -> Answer:  # noqa: ARG002  (its fields are declared elsewhere)
        """Change additional fields of the session."""
        live = await call.session(is_sensitive=True)
        values = call.services.sessions.input_fields.for_update(call.record())
        if not values:
            raise NoFieldsToUpdate
        session = await call.services.sessions.update_session(live.session.id, **values)
        call.start_session(session, user=live.user, is_remembered=call.is_remembered)
        return Answer(body={"session": wire(session)}, is_private=True)


def _forbid_storing(call: Call) -> None:
    # What another credential stands in for is no stored session: of it the contract says nothing.
    if not call.has_stand_in:
        call.headers.update(NOT_STORED)


def _session_answer(call: Call, live: LiveSession | None, *, tells_need: bool) -> Answer:
    if live is None:
        return Answer(body=None, is_private=call.has_stand_in)
    if not call.has_stand_in:
        call.shown = live
    body: dict[str, object] = {"session": wire(live.session), "user": wire(live.user)}
    if tells_need and not live.is_cached:
        body["needsRefresh"] = live.needs_refresh
    return Answer(body=body, is_private=call.has_stand_in)

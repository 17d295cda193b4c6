"""Sessions in Redis, under Better Auth's keys."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from hmac import compare_digest
from typing import Any, Final

from asgi_auth.clock import Clock, Timestamp
from asgi_auth.errors import Unavailable
from asgi_auth.infrastructure.redis_client import RedisClient
from asgi_auth.infrastructure.secondary_storage.records import SessionForm, seconds_until, unreadable
from asgi_auth.infrastructure.secondary_storage.scripts import FIND, LIST, PUT, REMOVE
from asgi_auth.models import Session, SessionWithUser, User

ACTIVE: Final = "active-sessions-"
REVOKED: Final = "revoked-sessions-before-"

TOKEN = re.compile(r"[A-Za-z0-9]{32}")
"""What a session's token looks like, ours and Better Auth's: no other key of this Redis may be taken for one."""

SHORTEST_MARK = timedelta(days=1)
ATTEMPTS = 16
"""How often a change is tried anew because somebody else has just changed the same session."""

SCANNED = 500

Read = tuple[bytes, SessionWithUser]
Change = Callable[[SessionWithUser], Mapping[str, object] | None]
Rewrite = Callable[[bytes, SessionWithUser], bytes | None]


class RedisSessions:
    """The sessions in one Redis; a Better Auth server may share it.

    Every method raises Unavailable where Redis does not answer, or holds what cannot be read.

    Args:
        redis: where they are.
        form: how they are written.
        clock: the present moment.
        lifetime: how long a session lasts: what revokes all of a user's has to be remembered for as long.
    """

    def __init__(self, redis: RedisClient, form: SessionForm, *, clock: Clock, lifetime: timedelta) -> None:
        self._redis = redis
        self._form = form
        self._clock = clock
        self._mark_seconds = int(max(lifetime, SHORTEST_MARK).total_seconds())

    async def put(self, session: Session, user: User) -> None:
        """Write a new session."""
        await self._put(session, self._form.write(session, user))

    async def find(self, token: str) -> SessionWithUser | None:
        """A session that is there and not revoked, whether or not it has expired."""
        found = await self._read(token)
        return None if found is None else found[1]

    async def is_revoked(self, session: Session) -> bool:
        """Whether all sessions of its user were revoked after it began."""
        return _is_before(session, await self._redis.command("GET", REVOKED + session.user_id) or b"")

    async def find_token(self, session_id: str) -> str | None:
        """The token of a session that is known by its id alone."""
        named = await self._named(session_id)
        if named is not None:
            return named.session.token
        # Better Auth writes no such name: somebody else's session is looked for everywhere.
        async for session in self._all():
            if session.id == session_id:
                await self._give_name(session)
                return session.token
        return None

    async def find_by_id(self, session_id: str, *, user_id: str) -> SessionWithUser | None:
        """A user's session that is there and not revoked, whether or not it has expired."""
        named = await self._named(session_id)
        if named is not None:
            return named if named.user.id == user_id else None
        for _, found in await self._read_all(user_id):
            if found.session.id == session_id:
                await self._give_name(found.session)
                return found
        return None

    async def list(self, user_id: str) -> Sequence[Session]:
        """A user's sessions that are there and not revoked, whether or not they have expired; oldest first."""
        return [found.session for _, found in await self._read_all(user_id)]

    async def users(self) -> AsyncIterator[str]:
        """The ids of all users who have sessions, some perhaps twice."""
        cursor: Any = 0
        while True:
            cursor, keys = await self._redis.command("SCAN", cursor, "MATCH", f"{ACTIVE}*", "COUNT", SCANNED)
            for key in keys:
                yield _text(key).removeprefix(ACTIVE)
            if not int(cursor):
                return

    async def change(self, token: str, change: Change) -> Session | None:
        """Set what ``change`` makes of a session; None where it is gone, or ``change`` says None."""

        def rewrite(data: bytes, found: SessionWithUser) -> bytes | None:
            values = change(found)
            return None if values is None else self._form.changed(data, values)

        return await self._rewrite(token, rewrite)

    async def give_user(self, user: User) -> None:
        """Write a user as it is now into all of its sessions."""
        stale = [found for _, found in await self._read_all(user.id) if found.user != user]
        for found in stale:
            await self._rewrite(found.session.token, lambda data, _: self._form.with_user(data, user))

    async def remove(self, user_id: str, tokens: Sequence[str]) -> Sequence[Session]:
        """Delete these sessions of a user."""
        return await self._remove(user_id, tokens)

    async def remove_all(self, user_id: str, *, before: Timestamp, tokens: Sequence[str] = ()) -> Sequence[Session]:
        """Delete a user's sessions, these as well if its list does not name them; none that began before is good."""
        return await self._remove(user_id, tokens, mark=str(before.milliseconds), which="listed")

    async def remove_others(self, user_id: str, token: str, *, tokens: Sequence[str] = ()) -> Sequence[Session]:
        """Delete a user's sessions except one, these as well if its list does not name them."""
        return await self._remove(user_id, tokens, which="listed", kept=token)

    async def _remove(
        self, user_id: str, tokens: Sequence[str], *, mark: str = "", which: str = "", kept: str = ""
    ) -> Sequence[Session]:
        now = self._clock().milliseconds
        arguments: list[str | bytes | float] = [user_id, now, mark, self._mark_seconds, which, kept, *tokens]
        answer = await self._redis.evaluate(REMOVE, (ACTIVE + user_id, REVOKED + user_id), arguments)
        return [found.session for _, found in self._read_pairs(answer)]

    async def _read(self, token: str) -> Read | None:
        if TOKEN.fullmatch(token) is None:
            return None
        answer = await self._redis.evaluate(FIND, (token,), (REVOKED,))
        if not answer:
            return None
        data, owner, mark = answer
        found = self._form.read(data)
        if _text(owner) != found.session.user_id:
            raise unreadable("session")
        is_good = _has_token(found, token.encode()) and not _is_before(found.session, mark)
        return (data, found) if is_good else None

    async def _read_all(self, user_id: str) -> Sequence[Read]:
        mark, *pairs = await self._redis.evaluate(LIST, (ACTIVE + user_id, REVOKED + user_id))
        found = [
            (data, one)
            for data, one in self._read_pairs(pairs)
            if one.user.id == user_id and not _is_before(one.session, mark)
        ]
        return sorted(found, key=lambda pair: (pair[1].session.created_at, pair[1].session.id))

    def _read_pairs(self, pairs: Sequence[bytes]) -> Sequence[Read]:
        """What can be read of these; one that cannot must not stand in the way of the others."""
        read = []
        for key, data in zip(pairs[::2], pairs[1::2], strict=True):
            with suppress(Unavailable):  # logged
                found = self._form.read(data)
                if _has_token(found, key):
                    read.append((data, found))
        return read

    async def _rewrite(self, token: str, rewrite: Rewrite) -> Session | None:
        for _ in range(ATTEMPTS):
            read = await self._read(token)
            data = None if read is None else rewrite(*read)
            if read is None or data is None:
                return None
            session = self._form.read(data).session
            if await self._put(session, data, expected=read[0]):
                return session
        raise Unavailable

    async def _put(self, session: Session, data: bytes, *, expected: bytes = b"") -> bool:
        now = self._clock()
        arguments = (
            expected,
            data,
            seconds_until(session.expires_at, now),
            session.token,
            session.expires_at.milliseconds,
            now.milliseconds,
        )
        keys = (session.token, ACTIVE + session.user_id, self._name(session.id))
        return bool(await self._redis.evaluate(PUT, keys, arguments))

    async def _named(self, session_id: str) -> SessionWithUser | None:
        token = await self._redis.command("GET", self._name(session_id))
        found = None if token is None else await self.find(_text(token))
        return found if found is not None and found.session.id == session_id else None

    async def _give_name(self, session: Session) -> None:
        await self._redis.command("SET", self._name(session.id), session.token, "EX", self._mark_seconds)

    async def _all(self) -> AsyncIterator[Session]:
        async for user_id in self.users():
            for session in await self.list(user_id):
                yield session

    def _name(self, session_id: str) -> str:
        """Our own key beside Better Auth's: which token a session's id stands for."""
        return f"{self._redis.prefix}:session-token:{session_id}"


def _is_before(session: Session, mark: bytes) -> bool:
    if not mark:
        return False
    try:
        return session.created_at.milliseconds < int(mark)
    except ValueError:
        raise unreadable("revoked-sessions-before") from None


def _has_token(found: SessionWithUser, token: bytes) -> bool:
    """Whether a session is the one that it was found as."""
    return compare_digest(found.session.token.encode("utf-8", "surrogatepass"), token)


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")

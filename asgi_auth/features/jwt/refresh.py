"""Refresh tokens that count once: each is answered with the next, and one that comes again ends all of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from typing import Final

from asgi_auth.clock import Timestamp
from asgi_auth.config import AuthConfig
from asgi_auth.crypto.keys import derive_key
from asgi_auth.crypto.signing import Signer
from asgi_auth.crypto.tokens import equal, generate_id, hash_token
from asgi_auth.engine import IntegrityViolation
from asgi_auth.errors import InvalidToken, NotAuthenticated
from asgi_auth.events import SessionRevoked
from asgi_auth.features.jwt.errors import InvalidRefreshToken
from asgi_auth.features.jwt.events import RefreshTokenReused
from asgi_auth.features.jwt.models import StoredRefreshToken, TokenPair
from asgi_auth.features.jwt.options import JwtOptions
from asgi_auth.models import Session
from asgi_auth.services.registry import Services
from asgi_auth.services.session import LiveSession

MAX_LENGTH: Final = 256
"""Characters of a refresh token; a longer one is not looked at."""

PURGE_EVERY: Final = timedelta(hours=1)
PURGE_STEP: Final = 500
"""Rows deleted by one statement."""

_ID_LENGTH: Final = 32

Sign = Callable[[LiveSession], Awaitable[str]]


class RefreshTokens:
    """The refresh tokens of one Auth.

    A token is the id of its family, a secret, and our signature over both. Of a family one row is kept, with the hash
    of the token that counts: of many who redeem it at once, one changes that. Any other token that we have signed for
    it came before, so that two have it who should not.
    """

    def __init__(self, services: Services, options: JwtOptions) -> None:
        self._engine = services.engine
        self._store = services.engine.store("jwtRefreshToken", StoredRefreshToken)
        self._sessions = services.sessions
        self._events = services.events
        self._clock = services.clock
        self._lifetime = options.refresh_lifetime
        self._signer = _signer(services.config)
        self._purged_at: Timestamp | None = None
        services.events.subscribe(SessionRevoked, self._end_with_session)

    async def issue(self, session: Session) -> str:
        """A refresh token for a session, in place of the one it had; raises NotAuthenticated, Unavailable."""
        await self._purge()
        now, family = self._clock(), generate_id(_ID_LENGTH)
        token = self._new(family)
        row = StoredRefreshToken(
            token_hash=hash_token(token),
            session_id=session.id,
            user_id=session.user_id,
            created_at=now,
            expires_at=now + self._lifetime,
            id=family,
        )
        try:
            async with self._engine.transaction():
                await self._store.remove(session_id=session.id)
                await self._store.add(row)
        except IntegrityViolation:  # the user is gone
            raise NotAuthenticated from None
        return token

    async def redeem(self, token: str, sign: Sign) -> TokenPair:
        """What a client goes on with that holds a refresh token; its session is extended if it is due.

        ``sign`` makes the JWT, before the token is used up: what it raises costs nobody anything. One that was redeemed
        before ends its session. Raises InvalidRefreshToken, Unavailable.
        """
        row = await self._find(token)
        if not equal(row.token_hash, hash_token(token)):
            await self._end(row)
            raise InvalidRefreshToken(reason="a refresh token that was used before")
        jwt = await sign(await self._session_of(row))
        return TokenPair(token=jwt, refresh_token=await self._replaced(row))

    async def _replaced(self, row: StoredRefreshToken) -> str:
        """The next token, if this row's is still the one that counts: of many one is given it."""
        now, following = self._clock(), self._new(row.id)
        changed = await self._store.change(
            {"id": row.id, "token_hash": row.token_hash},
            token_hash=hash_token(following),
            created_at=now,
            expires_at=now + self._lifetime,
        )
        if changed is not None:
            return following
        await self._end(row)
        raise InvalidRefreshToken(reason="a refresh token that two have used at once")

    def _new(self, family: str) -> str:
        return self._signer.sign(family + generate_id())

    async def _find(self, token: str) -> StoredRefreshToken:
        signed = None if len(token) > MAX_LENGTH else self._signer.unsign(token)
        if signed is None:
            raise InvalidRefreshToken(reason="a refresh token that is none of ours")
        row = await self._store.find(id=signed[:_ID_LENGTH])
        if row is None or row.expires_at <= self._clock():
            raise InvalidRefreshToken(reason="a refresh token that has ended")
        return row

    async def _session_of(self, row: StoredRefreshToken) -> LiveSession:
        try:
            return await self._sessions.continue_session(row.session_id, user_id=row.user_id)
        except InvalidToken:
            await self._store.remove(session_id=row.session_id)
            raise InvalidRefreshToken(reason="a refresh token whose session has ended") from None

    async def _end(self, row: StoredRefreshToken) -> None:
        """End the family and its session, both or neither; whoever is the first to notice tells of it."""
        async with self._engine.transaction():
            if await self._store.take(id=row.id) is None:
                return
            await self._sessions.revoke_session(row.session_id)
            event = RefreshTokenReused(user_id=row.user_id, session_id=row.session_id)
            await self._engine.after_commit(partial(self._events.publish, event))

    async def _end_with_session(self, event: SessionRevoked) -> None:
        await self._store.remove(session_id=event.session_id)

    async def _purge(self) -> None:
        """Delete some of those that have ended, once an hour."""
        now = self._clock()
        if self._purged_at is not None and now - self._purged_at < PURGE_EVERY:
            return
        if await self._store.trim(before=now, most=PURGE_STEP, by="expires_at") < PURGE_STEP:
            self._purged_at = now


def _signer(config: AuthConfig) -> Signer:
    """Of secrets of their own, so that no session's token passes for a refresh token, nor the other way round."""
    return Signer(
        [
            derive_key(secret.value, salt="asgi-auth:jwt", info="refresh token", length=32).hex()
            for secret in config.all_secrets
        ]
    )

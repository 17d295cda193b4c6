"""Where the sessions and the verifications of one Auth live: chosen as configured, the same to whoever uses them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from asgi_auth.clock import Clock
from asgi_auth.config import AuthConfig
from asgi_auth.engine import Engine
from asgi_auth.infrastructure.secondary_storage.records import SessionForm
from asgi_auth.infrastructure.secondary_storage.sessions import RedisSessions
from asgi_auth.infrastructure.secondary_storage.verifications import RedisVerifications
from asgi_auth.services.doubled_sessions import DoubledSessions
from asgi_auth.services.remembering import Remembering
from asgi_auth.services.secondary_sessions import SecondarySessions
from asgi_auth.services.secondary_verifications import DoubledVerifications, SecondaryVerifications
from asgi_auth.services.session_storage import SessionStorage
from asgi_auth.services.user_copies import UserCopies
from asgi_auth.services.verification_storage import VerificationStorage


async def _nothing() -> None:
    """There is nothing to close."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Storages:
    """The stores of record.

    Attributes:
        sessions: of sessions.
        verifications: of verifications.
        caches_sessions: everybody who changes a session tells of it, so that they may be remembered.
        close: to be awaited at the end.
    """

    sessions: SessionStorage
    verifications: VerificationStorage
    caches_sessions: bool = True
    close: Callable[[], Awaitable[None]] = _nothing

    @classmethod
    def of(cls, config: AuthConfig, engine: Engine, remembering: Remembering, *, clock: Clock) -> Storages:
        """Those of a configuration: the database, unless ``secondary_storage`` says otherwise."""
        redis, options = remembering.redis, config.secondary_storage
        if redis is None or not options.is_enabled:
            return cls(sessions=engine.session_storage, verifications=engine.verification_queries)
        is_row = options.keeps_sessions_in_database
        form = SessionForm(engine.sessions.record, engine.users.record, is_row=is_row)
        held = RedisSessions(redis, form, clock=clock, lifetime=config.session.lifetime)
        copies = UserCopies(engine, held, remembering.hub, clock=clock)
        single = RedisVerifications(redis, clock=clock, is_row=options.keeps_verifications_in_database)
        return cls(
            sessions=(
                DoubledSessions(engine, engine.session_storage, held, clock=clock)
                if options.keeps_sessions_in_database
                else SecondarySessions(engine, held, clock=clock, publish=copies.publish)
            ),
            verifications=(
                DoubledVerifications(engine, engine.verification_queries, single)
                if options.keeps_verifications_in_database
                else SecondaryVerifications(engine, single)
            ),
            caches_sessions=False,
            close=copies.close,
        )

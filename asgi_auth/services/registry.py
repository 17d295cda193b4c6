"""Services: everything the middlewares and endpoints delegate to, in one typed place."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar, cast

import structlog

from asgi_auth.clock import Clock, utc_now
from asgi_auth.config import AuthConfig
from asgi_auth.crypto.hash_pool import PasswordHasher
from asgi_auth.crypto.passwords import password_context
from asgi_auth.crypto.signing import Signer
from asgi_auth.engine import Engine
from asgi_auth.errors import ConfigurationError
from asgi_auth.events import EventBus
from asgi_auth.infrastructure.metrics import HASH_QUEUE, Metrics, NoMetrics
from asgi_auth.services.account import AccountService
from asgi_auth.services.bearer import BearerTokenService
from asgi_auth.services.password import PasswordAuthService, Rooms
from asgi_auth.services.session import SessionService
from asgi_auth.services.sign_in import SignInAttempt, SignInService
from asgi_auth.services.users import UserService
from asgi_auth.services.verification import VerificationService

S = TypeVar("S")
Ping = Callable[[], Awaitable[None]]
Close = Callable[[], Awaitable[None]]

PING_TIMEOUT = 2.0
"""Seconds after which a part that has not answered counts as down."""

START_ATTEMPTS = 3
"""How often start-up tries to reach the database; a container may be up before it is."""

_logger = structlog.get_logger("asgi_auth.services")


class Services:
    """The core's services by name, the features' services by type.

    ``clock``, ``hasher`` and ``metrics`` may be given: tests freeze the one and speed up the other.
    """

    def __init__(
        self,
        config: AuthConfig,
        engine: Engine,
        *,
        clock: Clock = utc_now,
        hasher: PasswordHasher | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        self.config = config
        self.engine = engine
        self.clock = clock
        self.metrics = metrics or NoMetrics()
        self.events = EventBus()
        self.signer = Signer([secret.value for secret in config.all_secrets])
        self.hasher = hasher or self._default_hasher()
        self.users = UserService(engine, clock=clock, events=self.events)
        self.accounts = AccountService(engine, clock=clock)
        self.verifications = VerificationService(engine, clock=clock)
        self.sessions = SessionService(engine, config.session, clock=clock, metrics=self.metrics, events=self.events)
        self.sign_in = SignInService(engine, self.sessions, metrics=self.metrics, events=self.events)
        self.bearer_tokens = BearerTokenService(config.bearer, self.signer, self.sessions, metrics=self.metrics)
        self.passwords = PasswordAuthService(
            engine,
            config.password,
            Rooms(users=self.users, accounts=self.accounts, sessions=self.sessions, sign_in=self.sign_in),
            hasher=self.hasher,
            metrics=self.metrics,
            events=self.events,
        )
        self._added: dict[type, object] = {}
        self._pings: dict[str, Ping] = {"database": engine.ping}
        self._closes: list[Close] = [engine.disconnect, self.hasher.close, self.sessions.close]
        self._limit_sessions()

    def _default_hasher(self) -> PasswordHasher:
        options = self.config.hashing
        return PasswordHasher(
            workers=options.workers,
            max_queue=options.max_queue,
            context=password_context(cost=options.cost),
            on_queue=lambda waiting: self.metrics.gauge(HASH_QUEUE, waiting),
        )

    def _limit_sessions(self) -> None:
        most = self.config.session.max_per_user
        if most is None:
            return

        async def leave_room(attempt: SignInAttempt) -> None:
            await self.sessions.enforce_session_limit(attempt.user.id, most - 1)

        self.sign_in.add_locked_step(leave_room)

    def add(self, service: object, *, ping: Ping | None = None, close: Close | None = None) -> None:
        """Add a feature's service, to be got by its type, with its health check and its orderly end."""
        kind = type(service)
        if kind in self._added:
            raise ConfigurationError(f"{kind.__name__} is there already")
        self._added[kind] = service
        if ping is not None:
            self._pings[kind.__name__] = ping
        if close is not None:
            self._closes.append(close)

    def get(self, kind: type[S]) -> S:
        """A feature's service by its type; raises ConfigurationError naming the feature's service that is missing."""
        try:
            return cast("S", self._added[kind])
        except KeyError:
            raise ConfigurationError(f"{kind.__name__} is not there: is its feature installed?") from None

    async def ping(self) -> dict[str, str | None]:
        """Ask every part for an answer: None where it gave one, else the name of what went wrong."""
        answers = await asyncio.gather(*(self._ask(ping) for ping in self._pings.values()))
        return dict(zip(self._pings, answers, strict=True))

    @staticmethod
    async def _ask(ping: Ping) -> str | None:
        try:
            async with asyncio.timeout(PING_TIMEOUT):
                await ping()
        except Exception as error:  # noqa: BLE001  (whatever is wrong with a part is its answer)
            return type(error).__name__
        return None

    async def start(self) -> None:
        """Open the database; calling it again does nothing. Raises Unavailable or ConfigurationError."""
        await self.engine.connect(attempts=START_ATTEMPTS)

    async def close(self) -> None:
        """Close everything, the last added first; one that fails does not keep the others open."""
        for close in reversed(self._closes):
            try:
                await close()
            except Exception:
                _logger.exception("services.close_failed")

"""The one door: every way in ends here, and steps on it may refuse before a session exists."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from asgi_auth.engine import Engine
from asgi_auth.errors import AuthError, SessionNotCreated, Unavailable
from asgi_auth.events import EventBus, SessionCreated, SignInFailed
from asgi_auth.infrastructure.metrics import LOGIN_SUCCESS, Metrics
from asgi_auth.models import Session, User
from asgi_auth.services.session import Device, SessionService


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInAttempt:
    """Somebody who has proved who they are and wants a session.

    Attributes:
        user: who it is.
        method: the way in ("password", "oauth", ...).
        device: where from.
        is_remembered: False asks for a short session.
    """

    user: User
    method: str
    device: Device
    is_remembered: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """A new session and its user."""

    session: Session
    user: User
    is_remembered: bool = True


Step = Callable[[SignInAttempt], Awaitable[None]]
Holds = Callable[[], Awaitable[bool]]


class ProofOutdated(Exception):
    """What somebody was let in for has changed meanwhile; no session was created."""


class SignInService:
    """The door, with its steps in the order in which they were added."""

    def __init__(self, engine: Engine, sessions: SessionService, *, metrics: Metrics, events: EventBus) -> None:
        self._engine = engine
        self._sessions = sessions
        self._metrics = metrics
        self._events = events
        self._steps: list[Step] = []
        self._locked_steps: list[Step] = []

    def add_step(self, step: Step) -> None:
        """Have ``step`` awaited before any session exists; it refuses by raising an AuthError.

        What it writes stays written even if it, or a later step, refuses.
        """
        self._steps.append(step)

    def add_locked_step(self, step: Step) -> None:
        """Have ``step`` awaited in the transaction that creates the session, one sign-in of a user at a time.

        For rules that count sessions. What it writes is undone if anything after it fails.
        """
        self._locked_steps.append(step)

    async def complete(
        self,
        user: User,
        *,
        method: str,
        device: Device | None = None,
        is_remembered: bool = True,
        holds: Holds | None = None,
    ) -> SignedIn:
        """Let a user in who has proved who they are.

        ``holds`` is asked last, with the user locked, in the transaction that creates the session: whether what was
        proved is still so. A password that is replaced while it is judged would start a session otherwise that those
        who replaced it believe to have ended.

        Raises whatever a step raises, SessionNotCreated where the user is gone, ProofOutdated where ``holds`` says no.
        """
        attempt = SignInAttempt(user=user, method=method, device=device or Device(), is_remembered=is_remembered)
        try:
            session = await self._pass(attempt, holds)
        except Unavailable:
            raise
        except AuthError as refusal:
            await self._events.publish(SignInFailed(method, refusal.code or type(refusal).__name__, user.id))
            raise
        return SignedIn(session=session, user=user, is_remembered=is_remembered)

    async def _pass(self, attempt: SignInAttempt, holds: Holds | None) -> Session:
        for step in self._steps:
            await step(attempt)
        is_locked = holds is not None or bool(self._locked_steps)
        return await (self._create_locked(attempt, holds) if is_locked else self._create(attempt))

    async def _create(self, attempt: SignInAttempt) -> Session:
        return await self._engine.uninterrupted(self._begin(attempt))

    async def _begin(self, attempt: SignInAttempt) -> Session:
        user, device = attempt.user, attempt.device
        session = await self._sessions.create(user, device=device, is_remembered=attempt.is_remembered)
        await self._engine.after_commit(partial(self._announce, session, attempt.method))
        return session

    async def _announce(self, session: Session, method: str) -> None:
        self._metrics.increment(LOGIN_SUCCESS, method=method)
        await self._events.publish(SessionCreated(session, method))

    async def _create_locked(self, attempt: SignInAttempt, holds: Holds | None) -> Session:
        async with self._engine.transaction():
            if not await self._engine.user_queries.lock(attempt.user.id):
                raise SessionNotCreated
            if holds is not None and not await holds():
                raise ProofOutdated
            for step in self._locked_steps:
                await step(attempt)
            return await self._create(attempt)

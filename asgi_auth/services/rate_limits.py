"""How often anything may be tried: requests by path, wrong guesses by address and by account, letters."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from asgi_auth.clock import Clock
from asgi_auth.config import LONGEST_WINDOW, RateLimit, RateLimitOptions
from asgi_auth.engine import Engine
from asgi_auth.errors import AuthError, RateLimited
from asgi_auth.infrastructure.metrics import RATE_LIMIT_REFUSED, Metrics
from asgi_auth.infrastructure.rate_limit import Hit, MemoryWindows, Windows, milliseconds
from asgi_auth.infrastructure.redis_client import RedisClient
from asgi_auth.infrastructure.redis_rate_limit import CounterWindows, RedisWindows
from asgi_auth.infrastructure.steady_windows import SteadyWindows
from asgi_auth.services.email_address import normalize
from asgi_auth.services.session_storage import SessionStorage
from asgi_auth.services.under_way import UnderWay

NOBODY = "no-trusted-ip"
"""The one client that all are whose address cannot be told (Better Auth's contract)."""

LET_IN = RateLimit(most=2**31 - 1, window=LONGEST_WINDOW)
"""An address that an account was let in from is remembered as a window without an end to its hits."""


class RateLimitService:
    """The limits of one Auth. Nothing here is counted where they are switched off.

    Whatever could be a wrong guess is counted before it is judged and given back if it was none: of 200 guesses at
    once no more are judged than of 200 one after another.

    Args:
        redis: where hits are counted if the options say "redis".
        counts_as_better_auth: requests are counted there as a Better Auth server does that shares that Redis.
    """

    def __init__(
        self,
        options: RateLimitOptions,
        engine: Engine,
        *,
        storage: SessionStorage,
        clock: Clock,
        metrics: Metrics,
        redis: RedisClient | None = None,
        counts_as_better_auth: bool = False,
    ) -> None:
        self._options = options
        self._engine = engine
        self._storage = storage
        self._clock = clock
        self._metrics = metrics
        self._redis = redis if options.storage == "redis" else None
        self._counts_as_better_auth = counts_as_better_auth and self._redis is not None
        # Apart, so that whoever fills one of them with paths or addresses makes nothing of the others forgotten.
        self._requests = self._windows("requests")
        self._guesses = self._windows("guesses")
        self._known = self._windows("known")
        self._under_way = UnderWay()

    @property
    def is_enabled(self) -> bool:
        """Whether anything is limited."""
        return bool(self._options.is_enabled)

    async def count_request(self, rule: str, limit: RateLimit, *, client: str | None, path: str) -> Hit:
        """Count a request; raises RateLimited, with what ``rule`` says of itself."""
        key, restarts = f"{client or NOBODY}|{path}", not self._counts_as_better_auth
        hit = await self._requests.hit(key, limit, now=self._now(), restarts=restarts)
        if self._counts_as_better_auth and not hit.is_allowed:
            hit = hit._replace(left=milliseconds(limit))  # its server sends everybody away for a whole window
        return self._judged(rule, limit, hit)

    @asynccontextmanager
    async def guess_from(self, client: str | None) -> AsyncIterator[None]:
        """A block in which somebody may turn out to have guessed wrong: an error with ``is_wrong_guess`` is raised.

        Raises RateLimited at its beginning, for a client that has had its ``failed_sign_ins``.
        """
        limit = self._options.failed_sign_ins
        if not self.is_enabled or limit is None:
            yield
            return
        async with self._guess("failed_sign_ins", limit, f"failed-sign-ins|{client or NOBODY}"):
            yield

    @asynccontextmanager
    async def guess_at(self, email: str, *, client: str | None) -> AsyncIterator[None]:
        """A block in which somebody may turn out to have guessed an account's secret wrong.

        Raises RateLimited at its beginning, for an account that has had its ``failed_sign_ins_per_account``, whether or
        not it exists. A client that the account is signed in from, or was let in from, has a window of its own.
        """
        limit = self._options.failed_sign_ins_per_account
        if not self.is_enabled or limit is None:
            yield
            return
        key = f"account|{_digest(email)}"
        if client and await self._is_known(email, client):
            key = f"{key}|{client}"
        async with self._guess("failed_sign_ins_per_account", limit, key):
            yield

    async def remember(self, email: str, *, client: str) -> None:
        """Have an address, if it can be told, known as one that the account's owner comes from."""
        if client and self.is_enabled and self._options.failed_sign_ins_per_account is not None:
            await self._known.hit(_mark(email, client), LET_IN, now=self._now())

    async def allows_mail(self, email: str, client: str = "") -> bool:
        """Count a letter to an address; False where it has had its ``mails_per_address``.

        Where the account is known at ``client``, as for guesses, there is a window of its own beside that of all.
        """
        limit = self._options.mails_per_address
        if not self.is_enabled or limit is None:
            return True
        key = f"mails|{_digest(email)}"
        hit = await self._guesses.hit(key, limit, now=self._now(), restarts=False)
        if not hit.is_allowed and client and await self._is_known(email, client):
            hit = await self._guesses.hit(f"{key}|{client}", limit, now=self._now(), restarts=False)
        if not hit.is_allowed:
            self._note("mails_per_address")
        return hit.is_allowed

    async def _is_known(self, email: str, client: str) -> bool:
        if await self._known.is_open(_mark(email, client), LET_IN, now=self._now()):
            return True
        return await self._storage.is_signed_in_from(normalize(email), client, self._clock())

    @asynccontextmanager
    async def _guess(self, rule: str, limit: RateLimit, key: str) -> AsyncIterator[None]:
        hit = self._judged(rule, limit, await self._admitted(key, limit))
        is_wrong = False
        with self._under_way.one(key):
            try:
                yield
            except AuthError as error:
                is_wrong = error.is_wrong_guess
                raise
            finally:
                # Whoever is cut off has been told nothing; a crowd whose requests time out has not guessed wrong.
                if not is_wrong:
                    await self._engine.uninterrupted(self._give_back(key, limit, hit))

    async def _admitted(self, key: str, limit: RateLimit) -> Hit:
        """Count a guess. Where only those being judged now fill the window, wait: most of them are none."""
        while True:
            was_waited_for = key in self._under_way
            hit = await self._guesses.hit(key, limit, now=self._now(), restarts=False)
            if hit.is_allowed:
                return hit
            # Whatever was under way may have ended while the storage was asked.
            if not await self._under_way.news(key) and not was_waited_for:
                return hit

    async def _give_back(self, key: str, limit: RateLimit, hit: Hit) -> None:
        await self._guesses.give_back(key, limit, hit=hit)
        self._under_way.tell(key)

    def _judged(self, rule: str, limit: RateLimit, hit: Hit) -> Hit:
        if not hit.is_allowed:
            self._note(rule)
            raise RateLimited(retry_after=hit.seconds_left, rule=rule, most=limit.most, window=limit.window)
        return hit

    def _note(self, rule: str) -> None:
        self._metrics.increment(RATE_LIMIT_REFUSED, rule=rule)

    def _now(self) -> int:
        return self._clock().milliseconds

    def _windows(self, space: str) -> Windows:
        if self._redis is not None:
            is_theirs = self._counts_as_better_auth and space == "requests"
            shared = CounterWindows(self._redis) if is_theirs else RedisWindows(self._redis, space=space)
            return SteadyWindows(shared, retry_every=0)  # its circuit breaker knows whether it is worth asking
        return MemoryWindows() if self._engine.rate_limits is None else SteadyWindows(self._engine.rate_limits)


def _mark(email: str, client: str) -> str:
    return f"known|{_digest(email)}|{client}"


def _digest(email: str) -> str:
    """An address as a part of a key: short, and not to be read by whoever looks at the counters."""
    return hashlib.blake2b(normalize(email).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()

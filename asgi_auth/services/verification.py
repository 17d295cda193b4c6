"""Secrets that work once: bound to their purpose, redeemed in one step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from asgi_auth.clock import Clock, Timestamp
from asgi_auth.crypto.tokens import LETTERS_AND_DIGITS, generate_id, random_string
from asgi_auth.errors import ConfigurationError, InvalidToken
from asgi_auth.models import Verification
from asgi_auth.services.verification_storage import VerificationStorage

CLEAN_UP_EVERY = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Purpose:
    """What a secret is for.

    Attributes:
        prefix: stands before the secret in the stored identifier, as Better Auth writes it ("reset-password:").
        length: characters of the secret; a secret of another length or alphabet is none of this purpose.
        alphabet: what it is made of (default a-z, A-Z, 0-9).
        lifetime: how long it can be redeemed.
    """

    prefix: str
    length: int
    lifetime: timedelta
    alphabet: str = LETTERS_AND_DIGITS

    def __post_init__(self) -> None:
        if not self.prefix or self.length < 1 or self.lifetime <= timedelta():
            raise ConfigurationError("a purpose needs a prefix, a length and a lifetime")

    def accepts(self, secret: str) -> bool:
        """Whether this could be a secret of this purpose; keeps one purpose's names out of another's."""
        return len(secret) == self.length and set(secret) <= set(self.alphabet)


class VerificationService:
    """The single-use secrets of one Auth."""

    def __init__(self, storage: VerificationStorage, *, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock
        self._cleaned_at: Timestamp | None = None

    async def issue(self, purpose: Purpose, *, value: str | Callable[[str], str]) -> str:
        """Make a secret that stands for ``value``, or for what ``value`` makes of it; returns the secret."""
        await self._clean_up()
        secret = random_string(purpose.length, purpose.alphabet)
        now = self._clock()
        await self._storage.add(
            Verification(
                identifier=purpose.prefix + secret,
                value=value if isinstance(value, str) else value(secret),
                expires_at=now + purpose.lifetime,
                created_at=now,
                updated_at=now,
                id=generate_id(),
            )
        )
        return secret

    async def find(self, purpose: Purpose, secret: str) -> str | None:
        """What a secret stands for, without using it up; None where it could not be redeemed."""
        if not purpose.accepts(secret):
            return None
        found = await self._storage.find(purpose.prefix + secret)
        return found.value if found is not None and self._is_live(found) else None

    async def redeem(self, purpose: Purpose, secret: str, *, value: str | None = None) -> str:
        """Use a secret up and return what it stands for; of many callers at once, one gets it.

        With ``value`` it has to stand for that; one that stands for something else stays good.

        Raises InvalidToken where it is unknown, used, expired, or of another purpose (which it stays good for).
        """
        if not purpose.accepts(secret):
            raise InvalidToken
        found = await self._storage.redeem(purpose.prefix + secret, value=value)
        live = [verification.value for verification in found if self._is_live(verification)]
        if not live:
            raise InvalidToken
        return live[-1]

    async def revoke(self, purpose: Purpose, *, value: str) -> int:
        """Make every secret of a purpose that stands for ``value`` worthless; returns how many there were."""
        return await self._storage.remove_standing_for(value, prefix=purpose.prefix)

    async def revoke_all(self, *, value: str) -> int:
        """Make every secret that stands for ``value`` worthless, whatever its purpose; returns how many there were."""
        return await self._storage.remove_standing_for(value, prefix="")

    def _is_live(self, verification: Verification) -> bool:
        return verification.expires_at >= self._clock()

    async def _clean_up(self) -> None:
        now = self._clock()
        if self._cleaned_at is None or now - self._cleaned_at >= CLEAN_UP_EVERY:
            self._cleaned_at = now
            await self._storage.remove_expired(now)

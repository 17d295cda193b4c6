"""The pool in which passwords are hashed."""

from __future__ import annotations

from dataclasses import dataclass

from asgi_auth.config.options.checks import check_types, require

MAX_HASH_COST = 65536


@dataclass(frozen=True, slots=True, kw_only=True)
class HashingOptions:
    """The pool in which passwords are hashed.

    Attributes:
        workers: threads; each hash takes 32 MiB and a core (default None: one per usable core).
        max_queue: hashes that may wait; more are refused with 503 (default 64).
        cost: N of new scrypt hashes, a power of two up to 65536, which takes 128 MiB (default 16384: the only one that
            Better Auth verifies too).
    """

    workers: int | None = None
    max_queue: int = 64
    cost: int = 16384

    def __post_init__(self) -> None:
        check_types(self, "hashing")
        require(self.workers is None or self.workers > 0, "hashing.workers: None or at least 1")
        require(self.max_queue >= 0, "hashing.max_queue: not negative")
        require(
            2 <= self.cost <= MAX_HASH_COST and self.cost & (self.cost - 1) == 0,
            "hashing.cost: a power of two, at most 65536",
        )

"""How Redis is used, where there is one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from asgi_auth.config.options.checks import check_types, require


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisOptions:
    """How Redis is used, where ``AuthConfig(redis=...)`` names one.

    Attributes:
        prefix: what our own keys and channels begin with (default "asgi_auth"); deployments that share a Redis and
            not a database need one each.
        timeout: for a connection and a command; what takes longer counts as Redis being down (default 100
            milliseconds, 5 seconds at most).
        max_connections: in this process (default 32).
    """

    prefix: str = "asgi_auth"
    timeout: timedelta = timedelta(milliseconds=100)
    max_connections: int = 32

    def __post_init__(self) -> None:
        check_types(self, "redis_options")
        require(self.prefix.isascii() and self.prefix.isprintable() and self.prefix, "redis_options.prefix: plain text")
        require(
            timedelta(milliseconds=1) <= self.timeout <= timedelta(seconds=5),
            "redis_options.timeout: 1 millisecond to 5 seconds",
        )
        require(self.max_connections > 0, "redis_options.max_connections: at least 1")

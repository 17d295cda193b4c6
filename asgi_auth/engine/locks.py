"""Locks on names, for rules that no constraint of the schema keeps."""

from __future__ import annotations

import hashlib

from sqlalchemy import BigInteger, bindparam, func, select

from asgi_auth.engine.executor import Executor


class Locks:
    """Locks that last to the end of a transaction, whatever becomes of it."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        # On SQLite there is one writer, and a transaction is it from its first statement.
        self._is_needed = executor.scheme != "sqlite"
        key = bindparam("key", type_=BigInteger())
        self._take = executor.compile(select(func.pg_advisory_xact_lock(key)))

    async def take(self, *names: str) -> None:
        """Within a transaction: make others who take the same names wait for its end.

        Two lists of names that share one of 2^64 keys wait for each other needlessly, and nothing worse.
        """
        if self._is_needed:
            await self._executor.run(self._take, {"key": _key(names)})


def _key(names: tuple[str, ...]) -> int:
    digest = hashlib.sha256("\x00".join(("asgi_auth", *names)).encode()).digest()
    return int.from_bytes(digest[:8], signed=True)

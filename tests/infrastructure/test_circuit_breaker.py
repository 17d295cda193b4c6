"""A breaker's probes outlive the request that opened it, and hold nothing of it."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar

from asgi_auth.infrastructure.circuit_breaker import CircuitBreaker
from asgi_auth.infrastructure.metrics import NoMetrics

request_of = ContextVar("request_of", default="nobody")


async def test_it_probes_in_nobodys_name():
    seen, was_asked = [], asyncio.Event()

    async def probe():
        seen.append(request_of.get())
        was_asked.set()

    breaker = CircuitBreaker("redis", probe=probe, timeout=60, metrics=NoMetrics())
    request_of.set("somebody")
    breaker.failed()
    await was_asked.wait()
    await breaker.close()
    assert seen == ["nobody"]

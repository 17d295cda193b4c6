"""The audit log as a feature."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from sqlalchemy import Table

from asgi_auth.errors import ConfigurationError
from asgi_auth.feature import Feature
from asgi_auth.features.audit.service import LOST, MAX_PENDING, AuditService
from asgi_auth.features.audit.tables import AUDIT_LOG
from asgi_auth.infrastructure.metrics import MetricSpec
from asgi_auth.services.registry import Services


class Audit(Feature):
    """Keeps what matters to security in the table ``auditLog``, beside the requests.

    Args:
        retention: how long facts are kept; what is older is deleted in the background, an hour late at most while
            anything happens at all. None keeps them for ever (default 90 days).
        max_pending: facts that may wait to be written; more are dropped, logged and counted (default 10,000).

    Raises:
        ConfigurationError: one of them is not positive.
    """

    name = "audit"
    tables: ClassVar[tuple[Table, ...]] = (AUDIT_LOG,)
    metrics: ClassVar[tuple[MetricSpec, ...]] = (
        MetricSpec(name=LOST, kind="counter", help="Facts that were not written to the audit log's table."),
    )

    def __init__(self, *, retention: timedelta | None = timedelta(days=90), max_pending: int = MAX_PENDING) -> None:
        if retention is not None and not _is_positive(retention):
            raise ConfigurationError("retention is a positive timedelta, or None")
        if max_pending < 1:
            raise ConfigurationError("max_pending is at least 1")
        self._retention = retention
        self._max_pending = max_pending

    def install(self, services: Services) -> None:
        """Listen to the audit log, and write it as long as the services are open."""
        service = AuditService(
            services.engine,
            clock=services.clock,
            metrics=services.metrics,
            retention=self._retention,
            max_pending=self._max_pending,
        )
        services.audit.add_listener(service.record)
        services.engine.when_ready(service.resume)
        services.add(service, close=service.close, is_closed_last=True)


def _is_positive(duration: object) -> bool:
    return isinstance(duration, timedelta) and duration > timedelta(0)

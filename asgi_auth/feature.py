"""Feature: the socket a slice plugs into. The core never learns its name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import ClassVar

from sqlalchemy import Table

from asgi_auth.config import RateLimit
from asgi_auth.endpoints.hooks import EndpointHooks
from asgi_auth.endpoints.routing import Endpoints
from asgi_auth.infrastructure.change_feed.base import Watch
from asgi_auth.infrastructure.metrics import MetricSpec
from asgi_auth.middleware import CredentialSource
from asgi_auth.models import Session, User
from asgi_auth.services.registry import Services


class Feature:
    """Subclass it and override what the feature has.

    Attributes:
        name: its name, once in an Auth.
        tables: its own tables.
        user_fields: a subclass of User with the fields it adds; each needs a default.
        session_fields: likewise for Session. Read them through ``asgi_auth.fields.view``.
        rate_limits: how often its endpoints may be asked for, by path, in place of the core's own rules; wildcards
            as in ``RateLimitOptions.rules``, which come before these.
        watches: those of its tables that something it remembers rests on: everybody is told of changes in them.
        metrics: the figures it adds, to be told as ``services.metrics``.
    """

    name: ClassVar[str]
    tables: ClassVar[tuple[Table, ...]] = ()
    user_fields: ClassVar[type[User] | None] = None
    session_fields: ClassVar[type[Session] | None] = None
    rate_limits: ClassVar[Mapping[str, RateLimit]] = MappingProxyType({})
    watches: ClassVar[tuple[Watch, ...]] = ()
    metrics: ClassVar[tuple[MetricSpec, ...]] = ()

    def install(self, services: Services) -> None:
        """Add its service to the registry, its steps to the door, its listeners to the events."""

    def endpoints(self, services: Services) -> Iterable[Endpoints]:  # noqa: ARG002  (a socket)
        """Its groups of endpoints."""
        return ()

    def hooks(self, services: Services) -> Iterable[EndpointHooks]:  # noqa: ARG002  (a socket)
        """What it does around every endpoint."""
        return ()

    def sources(self, services: Services) -> Iterable[CredentialSource]:  # noqa: ARG002  (a socket)
        """The kinds of credentials it adds, for ``auth.wrap``."""
        return ()

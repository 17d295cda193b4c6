"""Redis as the store of record, in Better Auth's own form."""

from __future__ import annotations

from dataclasses import dataclass

from asgi_auth.config.options.checks import check_types


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondaryStorageOptions:
    """Sessions and verifications in Redis, with the keys and the JSON of Better Auth's ``secondaryStorage``.

    For deployments that share a Redis with a Better Auth server. Redis is then the store of record: what it loses is
    lost, and while it is down nobody can be told apart (503). For speed alone it is not needed:
    ``AuthConfig(redis=...)`` is a cache as well.

    A Better Auth server tells nobody what it changes there. So sessions are cached neither in this process nor in
    Redis a second time, and cookies of the cookie cache count only where ``cookie_cache.instant_revocation`` is off.
    Sessions hold a copy of their user, which follows every change that goes through here or that the database's feed
    tells of; fields of users and sessions that a Better Auth plugin added stay as they are, unless ``user_model`` and
    ``session_model`` name them. ``FieldRules(unique=True)`` of a session's field is not enforced in Redis. A single
    Redis is needed, not a cluster.

    Attributes:
        is_enabled: whether they live there (default False); needs ``AuthConfig(redis=...)``.
        keeps_sessions_in_database: sessions are written to the database as well, and read from it where Redis has lost
            one (Better Auth's ``session.storeSessionInDatabase``, default False).
        keeps_verifications_in_database: likewise for verifications (``verification.storeInDatabase``, default False).
    """

    is_enabled: bool = False
    keeps_sessions_in_database: bool = False
    keeps_verifications_in_database: bool = False

    def __post_init__(self) -> None:
        check_types(self, "secondary_storage")

"""Services: everything the middlewares and endpoints delegate to, in one typed place."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar, cast

import structlog

from asgi_auth.clock import Clock, seconds_of, utc_now
from asgi_auth.config import AuthConfig, MailOptions, Secret
from asgi_auth.context import Organizations
from asgi_auth.crypto.cipher import Cipher
from asgi_auth.crypto.hash_pool import PasswordHasher
from asgi_auth.crypto.keys import derive_purpose_key
from asgi_auth.crypto.signing import Signer
from asgi_auth.engine import Engine
from asgi_auth.errors import ConfigurationError, Unavailable
from asgi_auth.events import EventBus
from asgi_auth.infrastructure.error_reports import ErrorReports, OnError
from asgi_auth.infrastructure.health import Ask, Health, HealthCheck
from asgi_auth.infrastructure.mail_log import log_mail
from asgi_auth.infrastructure.metrics import Metrics, NoMetrics
from asgi_auth.mails import Sender
from asgi_auth.oauth.client import OAuthClient
from asgi_auth.services.account import AccountService
from asgi_auth.services.audit import AuditLog
from asgi_auth.services.bearer import BearerTokenService
from asgi_auth.services.deletion import DeletionService
from asgi_auth.services.email import EmailService
from asgi_auth.services.figures import count_revocations, measured_hasher
from asgi_auth.services.gauges import Gauges
from asgi_auth.services.known import session_by_id_spec, session_spec, user_spec
from asgi_auth.services.linking import LinkingService
from asgi_auth.services.mail import MailService
from asgi_auth.services.oauth_state import StateService
from asgi_auth.services.password import PasswordAuthService
from asgi_auth.services.provider_access import ProviderAccessService
from asgi_auth.services.provider_sign_out import ProviderSignOutService
from asgi_auth.services.rate_limits import RateLimitService
from asgi_auth.services.remembering import Remembering
from asgi_auth.services.rooms import Rooms
from asgi_auth.services.session import SessionService
from asgi_auth.services.sign_in import SignInAttempt, SignInService
from asgi_auth.services.social import SocialService
from asgi_auth.services.storages import Storages
from asgi_auth.services.users import UserService
from asgi_auth.services.verification import VerificationService

S = TypeVar("S")
Close = Callable[[], Awaitable[None]]

START_ATTEMPTS = 3
"""How often start-up tries to reach the database; a container may be up before it is."""

_logger = structlog.get_logger("asgi_auth.services")


def _sender(options: MailOptions) -> Sender | None:
    return log_mail if isinstance(options.sender, str) else options.sender


def _cipher(config: AuthConfig, *, purpose: str | None = None) -> Cipher:
    """The cipher of the configured secrets; with a purpose, of the secrets derived from them for it."""

    def key(secret: Secret) -> str:
        return secret.value if purpose is None else derive_purpose_key(secret.value, purpose)

    current, *older = config.all_secrets
    versions = {secret.version: key(secret) for secret in older if secret.version is not None}
    return Cipher(
        key(current),
        version=current.version,
        versions=None if current.version is None else versions,
        legacy=next((key(secret) for secret in older if secret.version is None), None),
    )


class Services:
    """The core's services by name, the features' services by type.

    ``clock``, ``hasher`` and ``metrics`` may be given: tests freeze the one and speed up the other.

    Attributes:
        organizations: set by the feature that keeps organizations; None where none is installed.
    """

    organizations: Organizations | None

    def __init__(
        self,
        config: AuthConfig,
        engine: Engine,
        *,
        clock: Clock = utc_now,
        hasher: PasswordHasher | None = None,
        metrics: Metrics | None = None,
        on_error: OnError | None = None,
    ) -> None:
        self.config = config
        self.engine = engine
        self.clock = clock
        self.metrics = metrics or NoMetrics()
        self.error_reports = ErrorReports(on_error)
        self.events = EventBus()
        self.audit = AuditLog(self.events, clock=clock, is_logged=config.audit_log)
        self.signer = Signer([secret.value for secret in config.all_secrets])
        self.cipher = _cipher(config)
        self.hasher = hasher or measured_hasher(config.hashing, self.metrics)
        self.remembering = Remembering(config, engine, clock=clock, metrics=self.metrics)
        self._storages = Storages.of(config, engine, self.remembering, clock=clock)
        self.rate_limits = self._rate_limits()
        self.mails = MailService(config.mail, _sender(config.mail), allows=self.rate_limits.allows_mail)
        known_users = self.remembering.caches.add(user_spec(config.cache, user=engine.users.record))
        self.users = UserService(engine, cache=known_users, clock=clock, events=self.events)
        self.accounts = AccountService(engine, config.accounts, cipher=self.cipher, clock=clock, events=self.events)
        self.verifications = VerificationService(self._storages.verifications, clock=clock)
        self.sessions = self._sessions()
        self.sign_in = SignInService(engine, self.sessions, metrics=self.metrics, events=self.events)
        self.bearer_tokens = BearerTokenService(config.bearer, self.signer, self.sessions, metrics=self.metrics)
        self.rooms = self._rooms()
        self.emails = EmailService(engine, config, self.rooms, signer=self.signer, clock=clock, events=self.events)
        self.passwords = self._passwords()
        self.deletions = DeletionService(engine, config, self.rooms, passwords=self.passwords, events=self.events)
        self._add_providers(config)
        self.gauges = self._gauges()
        engine.when_ready(self.gauges.start)
        count_revocations(self.events, self.metrics)
        self._added: dict[type, object] = {}
        self.organizations = None
        self.health = self._health()
        self._closes: list[Close] = [
            engine.disconnect,
            self.remembering.close,
            self._storages.close,
            self.hasher.close,
            self.sessions.close,
            self.mails.close,
            self.oauth.close,
            self.provider_access.close,
            self.health.close,
            self.gauges.close,
            self.error_reports.close,
        ]
        self.sign_in.add_step(self._remember_address)
        self._limit_sessions()

    def _sessions(self) -> SessionService:
        session, user = self.engine.sessions.record, self.engine.users.record
        add = partial(self.remembering.caches.add, is_enabled=self._storages.caches_sessions)
        return SessionService(
            self.engine,
            self.config.session,
            storage=self._storages.sessions,
            cache=add(session_spec(self.config.cache, session=session, user=user)),
            cache_by_id=add(session_by_id_spec(self.config.cache, session=session, user=user)),
            clock=self.clock,
            metrics=self.metrics,
            events=self.events,
        )

    def _rate_limits(self) -> RateLimitService:
        return RateLimitService(
            self.config.limits,
            self.engine,
            storage=self._storages.sessions,
            clock=self.clock,
            metrics=self.metrics,
            redis=self.remembering.redis,
            counts_as_better_auth=self.config.secondary_storage.is_enabled,
        )

    def _add_providers(self, config: AuthConfig) -> None:
        """What signing in with other services rests on."""
        self.oauth = OAuthClient(
            config.social.providers,
            clock=self.clock,
            timeout=config.social.timeout,
            allows_private_addresses=config.social.allows_private_addresses,
        )
        self.states = StateService(self.verifications, clock=self.clock)
        self.linking = LinkingService(self.engine, config.accounts, users=self.users, accounts=self.accounts)
        self.social = self._social()
        self.provider_access = ProviderAccessService(self.accounts, self.oauth, clock=self.clock)
        self.provider_sign_out = ProviderSignOutService(self.accounts, self.oauth)

    def _rooms(self) -> Rooms:
        return Rooms(
            users=self.users,
            accounts=self.accounts,
            sessions=self.sessions,
            sign_in=self.sign_in,
            verifications=self.verifications,
            mails=self.mails,
            rate_limits=self.rate_limits,
        )

    def _passwords(self) -> PasswordAuthService:
        return PasswordAuthService(
            self.engine,
            self.config,
            self.rooms,
            hasher=self.hasher,
            metrics=self.metrics,
            events=self.events,
            emails=self.emails,
        )

    def _social(self) -> SocialService:
        return SocialService(
            self.rooms,
            oauth=self.oauth,
            states=self.states,
            linking=self.linking,
            emails=self.emails,
            events=self.events,
            metrics=self.metrics,
            cipher=_cipher(self.config, purpose="oauth-link-session-token"),
        )

    def _gauges(self) -> Gauges:
        database = self.engine.session_storage
        count = database.count_live if self._storages.sessions is database else None
        return Gauges(self.remembering.caches, count, clock=self.clock, metrics=self.metrics)

    async def _remember_address(self, attempt: SignInAttempt) -> None:
        await self.rate_limits.remember(attempt.user.email, client=attempt.device.ip_address)

    def _health(self) -> Health:
        """The core's checks. Without Redis and without a feed everything is as true as with them, only slower."""
        health = Health(seconds=seconds_of(self.clock))
        health.add(HealthCheck(name="database", ask=self.engine.ping))
        redis, hub = self.remembering.redis, self.remembering.hub
        if redis is not None:
            health.add(HealthCheck(name="redis", ask=redis.ping, is_vital=self.config.secondary_storage.is_enabled))
        if not hub.is_alone:
            health.add(HealthCheck(name="feed", ask=self.remembering.ask_feeds, is_vital=False))
        return health

    def _limit_sessions(self) -> None:
        most = self.config.session.max_per_user
        if most is None:
            return

        async def leave_room(attempt: SignInAttempt) -> None:
            await self.sessions.enforce_session_limit(attempt.user.id, most - 1)

        self.sign_in.add_locked_step(leave_room)

    def add(
        self, service: object, *, ping: Ask | None = None, close: Close | None = None, is_closed_last: bool = False
    ) -> None:
        """Add a feature's service, to be got by its type, with its health check and its orderly end.

        Where ``ping`` raises, the server is not ready. Checks that are not vital go to ``health.add``. With
        ``is_closed_last`` only the database is closed after it: for what others tell things to until they have ended.
        """
        kind = type(service)
        if kind in self._added:
            raise ConfigurationError(f"{kind.__name__} is there already")
        self._added[kind] = service
        if ping is not None:
            self.health.add(HealthCheck(name=kind.__name__, ask=ping))
        if close is not None:
            self._closes.insert(1 if is_closed_last else len(self._closes), close)

    def on_close(self, close: Close) -> None:
        """Have something of a middleware's closed with everything else, before what was added earlier."""
        self._closes.append(close)

    def find(self, kind: type[S]) -> S | None:
        """A feature's service by its type, or None where its feature is not installed."""
        return cast("S | None", self._added.get(kind))

    def get(self, kind: type[S]) -> S:
        """A feature's service by its type; raises ConfigurationError naming the feature's service that is missing."""
        try:
            return cast("S", self._added[kind])
        except KeyError:
            raise ConfigurationError(f"{kind.__name__} is not there: is its feature installed?") from None

    async def ping(self) -> dict[str, str | None]:
        """Ask every part for an answer: None where it gave one, else the name of what went wrong."""
        return {name: result.error for name, result in (await self.health.ask()).checks.items()}

    async def start(self) -> None:
        """Open the database; calling it again does nothing. Raises Unavailable or ConfigurationError."""
        try:
            await self.engine.connect(attempts=START_ATTEMPTS)
        except Unavailable:
            raise Unavailable("the database cannot be opened; the log says why (database.unavailable)") from None

    async def close(self) -> None:
        """Close everything, the last added first; one that fails does not keep the others open."""
        for close in reversed(self._closes):
            try:
                await close()
            except Exception:
                _logger.exception("services.close_failed")

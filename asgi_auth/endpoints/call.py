"""Call: one request to an endpoint, with all that a handler may want to know or to say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractAsyncContextManager

from msgspec import UnsetType

from asgi_auth.asgi.chunked_cookies import base_name
from asgi_auth.asgi.cookies import has_cookie_header
from asgi_auth.asgi.headers import find_header, single_header
from asgi_auth.asgi.origins import request_origin
from asgi_auth.asgi.types import Scope
from asgi_auth.endpoints.body import decode_query
from asgi_auth.endpoints.web import Web
from asgi_auth.errors import CrossSiteNavigation, NotAuthenticated, ValidationFailed
from asgi_auth.fields import json_kind
from asgi_auth.infrastructure.metrics import CLIENT_ADDRESS_UNRESOLVED
from asgi_auth.models import Account, Session, User
from asgi_auth.services.bearer import EXPOSE_HEADER
from asgi_auth.services.email_letters import ROOT, Lead
from asgi_auth.services.session import Device, LiveSession
from asgi_auth.session_reader import CACHE_NOT_READ, CACHE_USED, CacheUse, ReadSession

FETCH_METADATA = (b"sec-fetch-site", b"sec-fetch-mode", b"sec-fetch-dest")


class Call:
    """One request.

    Attributes:
        scope: its ASGI scope.
        given: its decoded body; ``msgspec.UNSET`` without one.
        query: its query, a repeated name with a list of values.
        cookies: Set-Cookie values of the answer, in order.
        headers: further headers of the answer.
        shown: the session that the answer tells its owner of; None where it tells of none.
    """

    def __init__(self, web: Web, scope: Scope, given: object) -> None:
        self.web = web
        self.services = web.services
        self.scope = scope
        self.given = given
        self.cookies: list[bytes] = []
        self.headers: dict[str, str] = {}
        self.shown: LiveSession | None = None
        self._read: LiveSession | None = None
        self._stand_in: LiveSession | None = None
        self._client_address: str | None = None
        self.query = decode_query(scope.get("query_string", b""))

    def record(self) -> Mapping[str, object]:
        """The body as an open record; raises ValidationFailed where it is no object."""
        if not isinstance(self.given, Mapping):
            raise ValidationFailed(f"[body] Invalid input: expected record, received {json_kind(self.given)}")
        return self.given

    def path_param(self, name: str) -> str:
        """A part of the path, as its pattern names it; raises KeyError for a name that is not in the pattern."""
        return str(self.scope["path_params"][name])

    @property
    def base_url(self) -> str:
        """Where people find the endpoints: the configured origin, else the request's, and the base path."""
        return f"{self.origin}{self.web.config.base_path}"

    def lead(self, callback_url: str | UnsetType) -> Lead:
        """Where a letter's link leads that this request asks for."""
        return Lead(callback_url=callback_url or ROOT, base_url=self.base_url, client=self.client_address)

    @property
    def client_address(self) -> str:
        """The network address that the request comes from; "" where it cannot be told."""
        if self._client_address is None:
            self._client_address = self.web.addresses.resolve(self.scope) or ""
            if not self._client_address:
                self.services.metrics.increment(CLIENT_ADDRESS_UNRESOLVED, purpose="device")
        return self._client_address

    @property
    def origin(self) -> str:
        """Where people find the application: as configured, else as the request says."""
        return self.web.config.origin or request_origin(self.scope) or ""

    def trusts(self, url: str) -> bool:
        """Whether a browser may be sent to a URL; safe paths of this site are among them."""
        return self.web.origins.trusts(self.scope, url, allow_relative=True)

    @property
    def device(self) -> Device:
        """Where the request comes from."""
        return self.web.devices.read(self.scope, address=self.client_address)

    def guess_at(self, user: User) -> AbstractAsyncContextManager[None]:
        """A block in which somebody who is signed in may turn out not to know the password: see RateLimitService."""
        return self.services.rate_limits.guess_at(user.email, client=self.client_address)

    def stand_in(self, live: LiveSession) -> None:
        """Let another credential act as a session for this request.

        It opens nothing that asks for the store of record: no change of credentials, and no look at them. No cookie and
        no token of it is ever given to the client.
        """
        self._stand_in = live

    @property
    def has_stand_in(self) -> bool:
        """Whether another credential acts as the session."""
        return self._stand_in is not None

    def expose(self, name: str, value: str) -> None:
        """Add a header that scripts of other origins may read (Fetch, 3.3.3)."""
        exposed = self.headers.get(EXPOSE_HEADER)
        self.headers[name] = value
        self.headers[EXPOSE_HEADER] = name if exposed is None else f"{exposed}, {name}"

    async def find_session(self, *, refreshes: bool = True, cache: CacheUse = CACHE_USED) -> LiveSession | None:
        """The session of the request, or None.

        The explicit credential decides: a refused bearer token is no session, whatever the cookie says; an accepted one
        needs no cookie. A cookie whose session is gone is cleared.
        """
        if self._stand_in is not None:
            return self._stand_in if cache.is_read else None
        return await self.find_stored_session(refreshes=refreshes, cache=cache)

    async def find_stored_session(self, *, refreshes: bool = True, cache: CacheUse = CACHE_USED) -> LiveSession | None:
        """The same of the bearer token or the cookie alone, whatever else acts as a session."""
        if not self.web.sessions.cache.is_enabled:
            self.put_cookies(self.web.sessions.cache.clear_received(self.scope))
        bearer = self._bearer_token()
        try:
            if bearer is not None:
                found = await self._read_bearer(bearer, refreshes=refreshes, cache=cache)
            else:
                token = self.web.cookies.unsign(self.web.cookies.offered(self.scope))
                if token is None:
                    return None
                found = await self.web.sessions.read(token, self.scope, refreshes=refreshes, cache=cache)
        except NotAuthenticated:
            if bearer is None:
                self.end_session()
            return None
        self._read = found.live
        self.put_cookies(found.set_cookies)
        if found.live.is_refreshed:
            self._offer_bearer(found.live.session)
        return found.live

    async def _read_bearer(self, bearer: str, *, refreshes: bool, cache: CacheUse) -> ReadSession:
        live = await self.services.bearer_tokens.get_session_from_bearer(
            bearer, refreshes=refreshes, reads_record=not cache.is_read
        )
        cookies = self.web.sessions.cookies_after(live, self.scope, is_written=cache.is_written)
        return ReadSession(live=live, set_cookies=tuple(cookies))

    async def find_own_session(self, *, is_sensitive: bool = False) -> LiveSession | None:
        """The session of the request, extended if it is due and the configuration does not defer that, or None.

        ``is_sensitive`` reads the store of record, whatever a cache says: for changes of credentials, for answers that
        give some away, and wherever a session is started anew with what was read.
        """
        return await self.find_session(
            refreshes=not self.web.config.session.defers_refresh,
            cache=CACHE_NOT_READ if is_sensitive else CACHE_USED,
        )

    async def session(self, *, is_sensitive: bool = False) -> LiveSession:
        """The session of the request as ``find_own_session`` reads it; raises NotAuthenticated where there is none."""
        live = await self.find_own_session(is_sensitive=is_sensitive)
        if live is None:
            raise NotAuthenticated
        return live

    @property
    def offers_bearer(self) -> bool:
        """Whether a bearer token decides who this is; raises RepeatedHeader where there are two."""
        return self._bearer_token() is not None

    @property
    def is_remembered(self) -> bool:
        """Whether the browser keeps its session when it closes."""
        return self.web.cookies.is_remembered(self.scope)

    def start_session(self, session: Session, *, user: User, is_remembered: bool) -> None:
        """Give the client a session with the answer.

        What the cookie cache has said is not written into it again, or a revoked session could renew itself: use
        ``session(is_sensitive=True)`` where a session is to be started anew.
        """
        if self._stand_in is not None and session.id == self._stand_in.session.id:
            return
        self.put_cookies(self.web.cookies.start(session, is_remembered=is_remembered, scope=self.scope))
        cache = self.web.sessions.cache
        if self._is_hearsay(session, user):
            self.put_cookies(cache.clear_received(self.scope))
        else:
            self.put_cookies(cache.write(session, user, scope=self.scope, is_remembered=is_remembered))
        self._offer_bearer(session)

    def keep_account(self, account: Account) -> None:
        """Leave the account that was used last with the client, where ``accounts.has_cookie``."""
        self.put_cookies(self.web.account_cookie.write(account, scope=self.scope))

    def _is_hearsay(self, session: Session, user: User) -> bool:
        read = self._read
        return read is not None and read.is_cached and (session is read.session or user is read.user)

    def end_session(self) -> None:
        """Take the client's session away with the answer."""
        self.put_cookies(self.web.cookies.clear(self.scope))
        for name in self.services.bearer_tokens.header_names:
            self.headers.pop(name, None)

    def put_cookies(self, cookies: Iterable[bytes]) -> None:
        """Add Set-Cookie values to the answer, in place of those of the same names, all chunks of a value included."""
        cookies = list(cookies)
        names = {base_name(cookie) for cookie in cookies}
        self.cookies = [cookie for cookie in self.cookies if base_name(cookie) not in names]
        self.cookies += cookies

    def _offer_bearer(self, session: Session) -> None:
        self.headers.update(self.services.bearer_tokens.handle_bearer_response(session))

    def _bearer_token(self) -> str | None:
        if not self.web.config.bearer.is_enabled:
            return None
        authorization = single_header(self.scope, b"authorization")
        return self.services.bearer_tokens.extract_bearer_token(authorization)

    def check_form(self) -> None:
        """Refuse a sign-in that another site's form or page has sent (login CSRF; Better Auth's contract).

        Programs without cookies, Origin, Referer and Fetch Metadata pass: no browser is involved.
        """
        if not self.web.config.csrf.checks_auth_origin or has_cookie_header(self.scope):
            return  # with cookies every request has been checked already
        metadata = {name: find_header(self.scope, name) for name in FETCH_METADATA}
        if metadata[b"sec-fetch-site"] == "cross-site" and metadata[b"sec-fetch-mode"] == "navigate":
            raise CrossSiteNavigation
        spoken = (*metadata.values(), find_header(self.scope, b"origin"), find_header(self.scope, b"referer"))
        if any(value and value.strip() for value in spoken):
            self.web.origins.check(self.scope)

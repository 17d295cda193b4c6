"""Call: one request to an endpoint, with all that a handler may want to know or to say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from asgi_auth.asgi.client_address import ClientAddressResolver
from asgi_auth.asgi.cookies import has_cookie_header
from asgi_auth.asgi.headers import find_header, single_header
from asgi_auth.asgi.types import Scope
from asgi_auth.config import AuthConfig
from asgi_auth.endpoints.body import decode_query
from asgi_auth.endpoints.schema import Body, kind_of, validate
from asgi_auth.errors import CrossSiteNavigation, NotAuthenticated, ValidationFailed
from asgi_auth.models import Session
from asgi_auth.origin_policy import OriginPolicy
from asgi_auth.services.registry import Services
from asgi_auth.services.session import Device, LiveSession
from asgi_auth.session_cookies import SessionCookies

B = TypeVar("B", bound=Body)

MAX_USER_AGENT = 1024
FETCH_METADATA = (b"sec-fetch-site", b"sec-fetch-mode", b"sec-fetch-dest")


class Web:
    """What all calls share: the services, and how requests are read and answered."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.config: AuthConfig = services.config
        self.cookies = SessionCookies(self.config, services.signer)
        self.origins = OriginPolicy(self.config)
        options = self.config.client_address
        self.addresses = ClientAddressResolver(
            headers=options.headers, trusted_proxies=options.trusted_proxies, uses_peer=options.uses_peer
        )


class Call:
    """One request.

    Attributes:
        scope: its ASGI scope.
        given: its decoded body; ``msgspec.UNSET`` without one.
        query: its query, a repeated name with a list of values.
        cookies: Set-Cookie values of the answer, in order.
        headers: further headers of the answer.
    """

    def __init__(self, web: Web, scope: Scope, given: object) -> None:
        self.web = web
        self.services = web.services
        self.scope = scope
        self.given = given
        self.cookies: list[bytes] = []
        self.headers: dict[str, str] = {}
        self.query = decode_query(scope.get("query_string", b""))

    def read(self, kind: type[B]) -> B:
        """The body as a typed struct; raises ValidationFailed."""
        return validate(kind, self.given)

    def record(self) -> Mapping[str, object]:
        """The body as an open record; raises ValidationFailed where it is no object."""
        if not isinstance(self.given, Mapping):
            raise ValidationFailed(f"[body] Invalid input: expected record, received {kind_of(self.given)}")
        return self.given

    def asks(self, name: str) -> bool:
        """Whether a query field is true as JavaScript coerces: any text that is not empty, "false" included."""
        return bool(self.query.get(name))

    @property
    def device(self) -> Device:
        """Where the request comes from."""
        user_agent = (find_header(self.scope, b"user-agent") or "").replace("\x00", "")
        return Device(ip_address=self.web.addresses.resolve(self.scope) or "", user_agent=user_agent[:MAX_USER_AGENT])

    async def find_session(self, *, refreshes: bool = True) -> LiveSession | None:
        """The session of the request, or None.

        The explicit credential decides: a refused bearer token is no session, whatever the cookie says. A cookie whose
        session is gone is cleared.
        """
        bearer = self._bearer_token()
        if bearer is not None:
            try:
                live = await self.services.bearer_tokens.get_session_from_bearer(bearer, refreshes=refreshes)
            except NotAuthenticated:
                return None
        else:
            token = self.web.cookies.unsign(self.web.cookies.offered(self.scope))
            if token is None:
                return None
            try:
                live = await self.services.sessions.get_session(token, refreshes=refreshes and self.is_remembered)
            except NotAuthenticated:
                self.end_session()
                return None
        if live.is_refreshed:
            self._send_session(live.session, list(self.web.cookies.refresh(live.session)))
        return live

    async def session(self) -> LiveSession:
        """The session of the request; raises NotAuthenticated."""
        live = await self.find_session(refreshes=not self.web.config.session.defers_refresh)
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

    def start_session(self, session: Session, *, is_remembered: bool) -> None:
        """Give the client a session with the answer."""
        self._send_session(session, self.web.cookies.start(session, is_remembered=is_remembered, scope=self.scope))

    def end_session(self) -> None:
        """Take the client's session away with the answer."""
        self.cookies = self.web.cookies.clear()
        for name in self.services.bearer_tokens.header_names:
            self.headers.pop(name, None)

    def _send_session(self, session: Session, cookies: list[bytes]) -> None:
        self.cookies = cookies
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

"""Web: what all calls share, built once."""

from __future__ import annotations

from asgi_auth.config import AuthConfig
from asgi_auth.cookies.account import AccountCookie
from asgi_auth.cookies.session import SessionCookies
from asgi_auth.cookies.state import StateCookie
from asgi_auth.devices import DeviceReader
from asgi_auth.errors import AuthError, CrossSiteNavigation, InvalidOrigin, MissingOrigin, RateLimited, UntrustedUrl
from asgi_auth.events import OriginRefused, RateLimitExceeded
from asgi_auth.origin_policy import OriginPolicy
from asgi_auth.services.registry import Services
from asgi_auth.session_reader import SessionReader


class Web:
    """The services, and how requests are read and answered."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.config: AuthConfig = services.config
        self.cookies = SessionCookies(self.config, services.signer)
        self.sessions = SessionReader(services, self.cookies)
        self.state_cookie = StateCookie(self.config, services.signer)
        self.account_cookie = AccountCookie(self.config, self.cookies.account, clock=services.clock)
        self.origins = OriginPolicy(self.config)
        self.devices = DeviceReader(self.config)
        self.addresses = self.devices.addresses

    async def tell(self, refusal: AuthError) -> None:
        """Tell listeners of a refusal that may be an attack."""
        if isinstance(refusal, RateLimited):
            await self.services.events.publish(RateLimitExceeded(refusal.rule))
        elif isinstance(refusal, InvalidOrigin | MissingOrigin | CrossSiteNavigation | UntrustedUrl):
            await self.services.events.publish(OriginRefused(refusal.code or refusal.message))

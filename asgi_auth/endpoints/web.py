"""Web: what all calls share, built once."""

from __future__ import annotations

from asgi_auth.asgi.client_address import ClientAddressResolver
from asgi_auth.config import AuthConfig
from asgi_auth.cookies.account import AccountCookie
from asgi_auth.cookies.session import SessionCookies
from asgi_auth.cookies.state import StateCookie
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
        options = self.config.client_address
        self.addresses = ClientAddressResolver(
            headers=options.headers, trusted_proxies=options.trusted_proxies, uses_peer=options.uses_peer
        )

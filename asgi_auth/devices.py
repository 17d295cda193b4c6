"""The one way from a request to the device that sent it."""

from __future__ import annotations

from asgi_auth.asgi.client_address import ClientAddressResolver
from asgi_auth.asgi.headers import find_header
from asgi_auth.asgi.types import Scope
from asgi_auth.config import AuthConfig
from asgi_auth.services.session import Device

MAX_USER_AGENT = 1024


class DeviceReader:
    """Where requests come from, as one configuration trusts proxies to tell it.

    Attributes:
        addresses: finds the client's network address.
    """

    def __init__(self, config: AuthConfig) -> None:
        options = config.client_address
        self.addresses = ClientAddressResolver(
            headers=options.headers, trusted_proxies=options.trusted_proxies, uses_peer=options.uses_peer
        )

    def read(self, scope: Scope, *, address: str | None = None) -> Device:
        """The device that sent a request; ``address`` where it is known already."""
        user_agent = (find_header(scope, b"user-agent") or "").replace("\x00", "")
        address = (self.addresses.resolve(scope) or "") if address is None else address
        return Device(ip_address=address, user_agent=user_agent[:MAX_USER_AGENT])

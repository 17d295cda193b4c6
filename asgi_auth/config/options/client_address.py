"""How a client's IP address is found."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from asgi_auth.config.options.checks import check_types
from asgi_auth.errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientAddressOptions:
    """How a client's IP address is found.

    Attributes:
        trusted_proxies: networks (CIDR) whose forwarded-for headers are believed, right to left to the first hop
            outside of them (default none).
        headers: looked at in order (default X-Forwarded-For).
        uses_peer: the socket's peer is the client unless it is a trusted proxy (default True). False is Better
            Auth's rule: the header alone, whoever sent it.
    """

    trusted_proxies: tuple[str, ...] = ()
    headers: tuple[str, ...] = ("x-forwarded-for",)
    uses_peer: bool = True

    def __post_init__(self) -> None:
        check_types(self, "client_address")
        for network in self.trusted_proxies:
            try:
                ipaddress.ip_network(network, strict=False)
            except ValueError:
                raise ConfigurationError(f"client_address.trusted_proxies: {network!r} is no network") from None

"""Which address a request comes from, and whose word is taken for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from asgi_auth.asgi.headers import header_values
from asgi_auth.asgi.types import Scope

_Address = IPv4Address | IPv6Address
_IPV6_BITS = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientAddressResolver:
    """Finds the address a request is counted and recorded under.

    Attributes:
        headers: where proxies write the address, in order of preference. Each holds one address or a
            comma-separated list to which every proxy appended the address that reached it.
        trusted_proxies: CIDR blocks of our own proxies; an address outside them is a client's.
        uses_peer: True (default) takes the address of the socket, and believes the headers only where that is
            a trusted proxy's. False never looks at the socket and believes a header that holds exactly one
            address even if no proxy is trusted (Better Auth contract): safe only where clients reach the
            application through a proxy that overwrites the header, and in no other way.
        ipv6_subnet: how many leading bits of an IPv6 address are kept (default 64). A network hands whole
            /64 blocks to single customers, who could otherwise be a new client with every request.

    Raises:
        ValueError: a CIDR block or ``ipv6_subnet`` is invalid.
    """

    headers: tuple[str, ...] = ("x-forwarded-for",)
    trusted_proxies: tuple[str, ...] = ()
    uses_peer: bool = True
    ipv6_subnet: int = 64
    _names: tuple[bytes, ...] = field(init=False, repr=False, compare=False)
    _trusted: tuple[IPv4Network | IPv6Network, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not 0 < self.ipv6_subnet <= _IPV6_BITS:
            raise ValueError(f"ipv6_subnet must be between 1 and {_IPV6_BITS}: {self.ipv6_subnet}")
        names = tuple(name.lower().encode("latin-1") for name in self.headers)
        blocks = tuple(ip_network(block, strict=False) for block in self.trusted_proxies)
        object.__setattr__(self, "_names", names)
        object.__setattr__(self, "_trusted", blocks)

    def resolve(self, scope: Scope) -> str | None:
        """The client's address, or None where it cannot be told.

        IPv4 is dotted, also when it came as IPv4-mapped IPv6; IPv6 is eight groups of four lower-case digits
        with the bits after ``ipv6_subnet`` zero, so that one client has one spelling. None for a client on a
        Unix socket, and where an address is malformed (a port, brackets or a zone included).
        """
        address = self._behind_peer(scope) if self.uses_peer else self._declared(scope)
        return None if address is None else self._written(address)

    def _behind_peer(self, scope: Scope) -> _Address | None:
        client = scope.get("client")
        peer = _peer(client[0]) if client else None
        if peer is None or not self._is_trusted(peer):
            return peer
        hops = next(filter(None, self._chains(scope)), None)
        # A trusted proxy that names nobody asks for itself: a health check, a neighbouring service.
        return peer if hops is None else self._client_of(hops)

    def _declared(self, scope: Scope) -> _Address | None:
        """The contract's rule: the first header that yields an address."""
        addresses = (self._client_of(hops) for hops in self._chains(scope) if self._can_tell(hops))
        return next((address for address in addresses if address is not None), None)

    def _can_tell(self, hops: list[str]) -> bool:
        # Without a known proxy nobody can say which hop of several is the client.
        return bool(self._trusted) or len(hops) == 1

    def _chains(self, scope: Scope) -> Iterator[list[str]]:
        """The hops that each header names; repeated headers continue one another (RFC 9110, 5.3)."""
        for name in self._names:
            listed = b", ".join(header_values(scope, name)).decode("latin-1").split(",")
            yield [hop.strip() for hop in listed if hop.strip()]

    def _client_of(self, hops: list[str]) -> _Address | None:
        """The first untrusted hop from the right: all left of it is the client's own claim."""
        address = None
        for hop in reversed(hops):
            address = _parsed(hop)
            if address is None or not self._is_trusted(address):
                return address
        # Trusted throughout: the farthest is one of our own machines, which the contract counts as nobody.
        return address if self.uses_peer else None

    def _is_trusted(self, address: _Address) -> bool:
        return any(address in block for block in self._trusted)

    def _written(self, address: _Address) -> str:
        if isinstance(address, IPv4Address):
            return str(address)
        return IPv6Network((address, self.ipv6_subnet), strict=False).network_address.exploded


@lru_cache(maxsize=1024)  # a memo of a pure function: clients ask more than once, and parsing costs more than the rest
def _peer(text: str) -> _Address | None:
    return _parsed(text)


def _parsed(text: object) -> _Address | None:
    """An address without port, brackets or zone, IPv4-mapped IPv6 as IPv4; else None."""
    try:
        address = ip_address(str(text))
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            return None
        return address.ipv4_mapped or address
    return address

"""Which addresses are of the public Internet: requests to providers go nowhere else (OWASP ASVS 5.0, V15.3.2)."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

# The special-purpose addresses of RFC 6890 and its IANA registry: this host, private, shared (carrier-grade NAT,
# where Alibaba keeps its metadata), loopback, link-local (metadata of most clouds), protocols, documentation,
# 6to4 relays, benchmarks, multicast, reserved and broadcast. Azure's wire server alone has a public address.
_SPECIAL_V4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "168.63.129.16/32",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
_GLOBAL_V6 = IPv6Network("2000::/3")
# Within it: protocols with Teredo (RFC 4380), documentation, 6to4 (RFC 3056), documentation again (RFC 9637).
_SPECIAL_V6 = tuple(IPv6Network(network) for network in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"))
# RFC 6052: how a network without IPv4 reaches it; such an address is what it stands for.
_NAT64 = IPv6Network("64:ff9b::/96")


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public Internet's; False for whatever is no address.

    Addresses with another one inside, IPv4-mapped, 6to4, Teredo, are not; NAT64's are if the one inside is.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return _is_public_v4(parsed) if isinstance(parsed, IPv4Address) else _is_public_v6(parsed)


def _is_public_v4(address: IPv4Address) -> bool:
    return not any(address in network for network in _SPECIAL_V4)


def _is_public_v6(address: IPv6Address) -> bool:
    if address in _NAT64:
        return _is_public_v4(IPv4Address(int(address) & 0xFFFFFFFF))
    return address in _GLOBAL_V6 and not any(address in network for network in _SPECIAL_V6)

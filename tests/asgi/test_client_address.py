"""A client's address is what a machine of ours saw, never what the client says of itself."""

from __future__ import annotations

import dataclasses
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asgi_auth.asgi.client_address import ClientAddressResolver

CLIENT = "203.0.113.9"
PROXY = "10.0.0.1"
PROXIES = ("10.0.0.0/8", "2001:db8:aaaa::/48")


def scope_with(peer, *forwarded, **others):
    headers = [(b"x-forwarded-for", value.encode("latin-1")) for value in forwarded]
    headers += [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in others.items()]
    return {"type": "http", "client": None if peer is None else (peer, 5000), "headers": headers}


direct = ClientAddressResolver()
proxied = ClientAddressResolver(trusted_proxies=PROXIES)
compatible = ClientAddressResolver(uses_peer=False)
compatible_proxied = ClientAddressResolver(uses_peer=False, trusted_proxies=PROXIES)


def test_without_a_proxy_the_peer_is_the_client():
    assert direct.resolve(scope_with(CLIENT)) == CLIENT


@pytest.mark.parametrize("resolver", [direct, proxied])
@pytest.mark.parametrize("claim", ["1.1.1.1", "junk", "1.1.1.1, 10.0.0.1", ""])
def test_an_untrusted_peer_is_not_listened_to(resolver, claim):
    assert resolver.resolve(scope_with(CLIENT, claim)) == CLIENT


@pytest.mark.parametrize(
    "forwarded",
    [
        (CLIENT,),
        (f" {CLIENT} ",),
        (f"{CLIENT}, 10.9.9.9",),
        (f"1.1.1.1, {CLIENT}, 10.9.9.9",),
        (f"junk, {CLIENT},10.9.9.9,",),
        (f"10.0.0.5, {CLIENT}",),
        (CLIENT, "10.9.9.9"),
        (f"1.1.1.1, {CLIENT}", "10.8.8.8", "10.9.9.9"),
        (f"::ffff:{CLIENT}",),
        (f"{CLIENT}, 2001:db8:aaaa::7",),
    ],
)
def test_behind_a_trusted_proxy_the_first_untrusted_hop_from_the_right_is_the_client(forwarded):
    assert proxied.resolve(scope_with(PROXY, *forwarded)) == CLIENT


MALFORMED = [
    "junk",
    "1.2.3",
    "01.2.3.4",
    "1.2.3.4:80",
    "[2001:db8::1]",
    "[2001:db8::1]:80",
    "fe80::1%eth0",
    "unknown",
    "_hidden",
    "1",
    "\u0661.2.3.4".encode().decode("latin-1"),
]


@pytest.mark.parametrize("hop", MALFORMED)
def test_a_malformed_hop_ends_the_walk_without_an_answer(hop):
    assert proxied.resolve(scope_with(PROXY, f"{CLIENT}, {hop}, 10.9.9.9")) is None
    assert compatible_proxied.resolve(scope_with(PROXY, f"{CLIENT}, {hop}, 10.9.9.9")) is None
    assert compatible.resolve(scope_with(PROXY, hop)) is None


@pytest.mark.parametrize("forwarded", [(), ("",), (" , ",)])
def test_a_trusted_proxy_that_names_nobody_asks_for_itself(forwarded):
    assert proxied.resolve(scope_with(PROXY, *forwarded)) == PROXY


def test_a_chain_of_trusted_machines_leads_to_the_farthest():
    assert proxied.resolve(scope_with(PROXY, "10.0.0.3, 10.0.0.2")) == "10.0.0.3"


def test_headers_are_tried_in_order_and_the_first_present_one_decides():
    resolver = ClientAddressResolver(headers=("CF-Connecting-IP", "x-forwarded-for"), trusted_proxies=PROXIES)
    assert resolver.resolve(scope_with(PROXY, "1.1.1.1", cf_connecting_ip=CLIENT)) == CLIENT
    assert resolver.resolve(scope_with(PROXY, CLIENT)) == CLIENT
    assert resolver.resolve(scope_with(PROXY, CLIENT, cf_connecting_ip=" ")) == CLIENT
    assert resolver.resolve(scope_with(PROXY, "1.1.1.1", cf_connecting_ip="junk")) is None


@pytest.mark.parametrize("peer", [None, "", "testclient", "/run/app.sock", "fe80::1%eth0"])
def test_a_peer_without_an_address_has_none(peer):
    assert direct.resolve(scope_with(peer, CLIENT)) is None
    assert proxied.resolve(scope_with(peer, CLIENT)) is None


@pytest.mark.parametrize("scope", [{"type": "http"}, {"type": "http", "headers": []}, {"client": None}])
def test_a_bare_scope_has_no_address(scope):
    assert direct.resolve(scope) is None
    assert compatible.resolve(scope) is None


def test_ipv4_mapped_addresses_are_ipv4():
    assert direct.resolve(scope_with(f"::ffff:{CLIENT}")) == CLIENT
    assert direct.resolve(scope_with("::FFFF:cb00:7109")) == CLIENT
    assert proxied.resolve(scope_with("::ffff:10.0.0.1", CLIENT)) == CLIENT


NETWORK = "2001:0db8:0001:0002:0000:0000:0000:0000"


@pytest.mark.parametrize(
    "spelling", ["2001:db8:1:2:3::4", "2001:0DB8:0001:0002::1", "2001:db8:1:2:ffff:ffff:ffff:ffff"]
)
def test_an_ipv6_network_has_one_spelling(spelling):
    assert direct.resolve(scope_with(spelling)) == NETWORK
    assert compatible.resolve(scope_with(None, spelling)) == NETWORK


def test_another_network_is_another_client():
    assert direct.resolve(scope_with("2001:db8:1:3::4")) != NETWORK


def test_the_kept_part_of_an_ipv6_address_can_be_chosen():
    whole = ClientAddressResolver(ipv6_subnet=128)
    assert whole.resolve(scope_with("2001:db8:1:2:3::4")) == "2001:0db8:0001:0002:0003:0000:0000:0004"
    assert ClientAddressResolver(ipv6_subnet=32).resolve(scope_with("2001:db8:1:2::")).endswith("db8" + ":0000" * 6)


@pytest.mark.parametrize("value", [CLIENT, f" {CLIENT} ", f"::ffff:{CLIENT}"])
def test_the_compatible_rule_believes_a_header_with_one_address(value):
    assert compatible.resolve(scope_with(None, value)) == CLIENT
    assert compatible.resolve(scope_with("192.0.2.1", value)) == CLIENT


@pytest.mark.parametrize(
    "forwarded", [(), ("",), ("junk",), (f"{CLIENT}, 10.0.0.1",), (CLIENT, "10.0.0.1"), (CLIENT, CLIENT)]
)
def test_the_compatible_rule_has_no_other_answer_and_never_the_peer(forwarded):
    assert compatible.resolve(scope_with("192.0.2.1", *forwarded)) is None


@pytest.mark.parametrize(
    ("forwarded", "client"),
    [
        (("6.6.6.6, 7.7.7.7, 10.1.2.3",), "7.7.7.7"),
        (("1.2.3.4",), "1.2.3.4"),
        (("1.2.3.4", "10.0.0.1"), "1.2.3.4"),
        (("1.2.3.4,,10.0.0.1",), "1.2.3.4"),
        (("1.2.3.4, ",), "1.2.3.4"),
        (("5.6.7.8, ::ffff:10.0.0.1",), "5.6.7.8"),
        (("10.0.0.1",), None),
        (("10.0.0.1, 10.0.0.2",), None),
        (("junk, 10.0.0.1",), None),
        (("1.2.3.4, junk",), None),
        (("::1",), "0000:0000:0000:0000:0000:0000:0000:0000"),
        ((), None),
    ],
)
def test_the_compatible_rule_walks_past_trusted_proxies(forwarded, client):
    assert compatible_proxied.resolve(scope_with("192.0.2.1", *forwarded)) == client


@pytest.mark.parametrize("first", ["junk", "10.1.1.1", ""])
def test_under_the_compatible_rule_the_first_header_that_yields_an_address_wins(first):
    resolver = ClientAddressResolver(headers=("x-real-ip", "x-forwarded-for"), trusted_proxies=PROXIES, uses_peer=False)
    assert resolver.resolve(scope_with(None, "1.2.3.4", x_real_ip=first)) == "1.2.3.4"
    assert resolver.resolve(scope_with(None, "1.2.3.4", x_real_ip="5.6.7.8")) == "5.6.7.8"


@pytest.mark.parametrize(
    "block", ["", "10.0.0.0/33", "10.0.0/8", "proxy.internal", "*", "2001:db8::/129", "10.0.0.0/-1"]
)
def test_an_invalid_block_is_refused_at_once(block):
    with pytest.raises(ValueError, match="network"):
        ClientAddressResolver(trusted_proxies=(PROXIES[0], block))


@pytest.mark.parametrize("block", [PROXY, "10.0.0.1/32", "10.0.0.1/8"])
def test_a_block_may_be_one_address_or_name_a_host_inside(block):
    assert ClientAddressResolver(trusted_proxies=(block,)).resolve(scope_with(PROXY, CLIENT)) == CLIENT


@pytest.mark.parametrize("bits", [0, -1, 129])
def test_an_impossible_subnet_is_refused_at_once(bits):
    with pytest.raises(ValueError, match="ipv6_subnet"):
        ClientAddressResolver(ipv6_subnet=bits)


def test_resolvers_are_frozen_and_compare_by_their_settings():
    assert ClientAddressResolver() == direct
    assert ClientAddressResolver() != proxied
    with pytest.raises(dataclasses.FrozenInstanceError):
        direct.uses_peer = False


addresses = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).map(str)
claims = st.lists(st.one_of(addresses, st.sampled_from(MALFORMED), st.just("")), max_size=4).map(", ".join)


@given(addresses, claims)
def test_no_claim_changes_the_address_of_an_untrusted_peer(peer, claim):
    assert direct.resolve(scope_with(peer, claim)) == direct.resolve(scope_with(peer))


@given(claims)
def test_no_claim_changes_what_a_trusted_proxy_appended(claim):
    assert proxied.resolve(scope_with(PROXY, f"{claim}, {CLIENT}")) == CLIENT
    assert proxied.resolve(scope_with(PROXY, claim, CLIENT)) == CLIENT


@given(st.binary(max_size=40))
def test_whatever_the_header_holds_the_answer_is_an_address_or_none(value):
    scope = {"client": (PROXY, 1), "headers": [(b"x-forwarded-for", value)]}
    for resolver in (direct, proxied, compatible, compatible_proxied):
        answer = resolver.resolve(scope)
        assert answer is None or ip_address(answer)

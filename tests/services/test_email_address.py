"""The addresses we take are those of Better Auth's validator, neither more nor fewer."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from asgi_auth.services.email_address import is_email, normalize

# The wire contract's rule, for JavaScript: $ is the very end there.
CONTRACT = re.compile(
    r"(?:[A-Za-z0-9_'+\-]+\.)*[A-Za-z0-9_'+\-]*[A-Za-z0-9_+-]@(?:[A-Za-z0-9][A-Za-z0-9\-]*\.)+[A-Za-z]{2,}"
)
LIKELY = st.text(st.sampled_from("aZ09_'+-.@é\n \u0130"), max_size=24)


@given(st.one_of(LIKELY, st.from_regex(CONTRACT, fullmatch=True), st.text(max_size=30)))
@example("a.@b.cd")
@example("'@b.cd")
@example("a'@b.cd")
@example("'a@b.cd")
@example("a@b@c.de")
@example("a@b.c1")
@example("a@-b.cd")
@example("a@b-.cd")
@example("a@b.cd\n")
@example("a@b.\u0130\u0130")
@example("@b.cd")
@example("")
def test_an_address_is_taken_exactly_if_the_contract_takes_it(text):
    if len(text) <= 254:
        assert is_email(text) is (CONTRACT.fullmatch(text) is not None)


@given(st.emails())
def test_what_other_rules_allow_makes_no_difference(address):
    if len(address) <= 254:
        assert is_email(address) is (CONTRACT.fullmatch(address) is not None)


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("ada@example.com", True),
        ("a@b.cd", True),
        ("a@b.c", False),
        ("o'brien@example.ie", True),
        ("ada+tag@sub-domain.example.museum", True),
        ("ada@example", False),
        ("ada@@example.com", False),
        ("ada..lovelace@example.com", False),
        (".ada@example.com", False),
        ("ada@exa_mple.com", False),
        ("ada@[127.0.0.1]", False),
        ('"ada"@example.com', False),
        ("ada@example.com ", False),
        ("ada@example.com\0", False),
        ("a" * 242 + "@example.com", True),
        ("a" * 243 + "@example.com", False),
        ("a@" + "b." * 1_000_000 + "cd", False),
    ],
)
def test_addresses_in_particular(text, is_one):
    assert is_email(text) is is_one


def test_addresses_are_compared_in_lower_case():
    assert normalize("Ada.Lovelace@Example.COM") == "ada.lovelace@example.com"

"""What tokens have to say, and what is made of whatever else they say."""

from __future__ import annotations

import json
import math
from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asgi_auth.errors import InvalidToken
from asgi_auth.features.jwt.claims import (
    TokenRules,
    expires_at,
    own_rules,
    parse_claims,
    scopes_of,
    validate_jwt_claims,
)
from asgi_auth.models import frozen

NOW = 1_800_000_000
ISSUER, AUDIENCE = "https://issuer.test", "https://api.test"
RULES = TokenRules(issuer=ISSUER, audiences=frozenset({AUDIENCE, "api"}))
GOOD = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ada", "exp": NOW + 900, "iat": NOW}
STRICT = TokenRules(issuer=ISSUER, audiences=frozenset({AUDIENCE}), late=timedelta(seconds=5))

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def judge(*, rules=RULES, now=NOW, **changes):
    claims = {name: value for name, value in {**GOOD, **changes}.items() if value is not ...}
    validate_jwt_claims(claims, rules=rules, now=now)


def is_refused(**changes):
    try:
        judge(**changes)
    except InvalidToken as refused:
        return refused.reason
    return None


def test_a_good_token_is_taken():
    judge()
    judge(iat=...)


@pytest.mark.parametrize("issuer", [..., None, "", f"{ISSUER}/", ISSUER.upper(), f" {ISSUER}", [ISSUER], 1, {}, True])
def test_the_issuer_is_compared_whole(issuer):
    assert is_refused(iss=issuer) == "a token of another issuer"


@pytest.mark.parametrize("audience", [AUDIENCE, "api", [AUDIENCE], ["other", "api"], ["api", "api"]])
def test_one_of_the_audiences_has_to_be_ours(audience):
    judge(aud=audience)


@pytest.mark.parametrize(
    "audience",
    [
        ..., None, "", "other", "API", f"{AUDIENCE}/", [], ["other"], [""], [None], ["api", 1], ["api", None],
        [["api"]], {"api": True}, {AUDIENCE: 1}, 1, True,
    ],
    ids=str,
)  # fmt: skip
def test_another_audience_is_refused(audience):
    assert is_refused(aud=audience) == "a token for another audience"


@pytest.mark.parametrize("subject", ["a", "x" * 255, "auth0|5f7c8ec7", "Ada Lovelace", "éa"])
def test_a_subject_is_text(subject):
    judge(sub=subject)


@pytest.mark.parametrize(
    "subject",
    [..., None, "", "x" * 256, 1, 0, True, [], ["ada"], {}, {"id": "ada"}, "a\0", "a\nb", "\u202ea", "\ud800"],
)
def test_whoever_is_no_subject_is_nobody(subject):
    assert is_refused(sub=subject) == "a token of nobody"


@pytest.mark.parametrize(
    "end",
    [
        ..., None, "", str(NOW + 900), True, False, [NOW + 900], {}, -1, -math.inf, math.nan, math.inf, 1e300, 2**63,
        10**400, -(10**400), (NOW + 900) * 1000, 253_402_300_800,
    ],
    ids=lambda end: str(end)[:20],
)  # fmt: skip
def test_an_end_is_a_moment(end):
    assert is_refused(exp=end) == "a token without an end"


@pytest.mark.parametrize(
    ("rules", "ago", "reason"),
    [
        (RULES, 59.9, None),
        (RULES, 60, "a token that has expired"),
        (RULES, 61, "a token that has expired"),
        (own_rules(issuer=ISSUER, audiences=frozenset({AUDIENCE})), -0.1, None),
        (own_rules(issuer=ISSUER, audiences=frozenset({AUDIENCE})), 0, "a token that has expired"),
        (TokenRules(issuer=ISSUER, audiences=RULES.audiences, late=timedelta(seconds=5)), 4, None),
        (
            TokenRules(issuer=ISSUER, audiences=RULES.audiences, late=timedelta(seconds=5)),
            5,
            "a token that has expired",
        ),
    ],
)
def test_a_token_ends_when_it_says_within_the_tolerance(rules, ago, reason):
    assert is_refused(exp=NOW - ago, rules=rules) == reason
    assert is_refused(exp=NOW, now=NOW + ago, rules=rules) == reason


def test_an_end_long_past_is_one():
    assert is_refused(exp=0) == is_refused(exp=1) == "a token that has expired"
    assert is_refused(exp=0.5) == "a token that has expired"


@pytest.mark.parametrize("name", ["nbf", "iat"])
@pytest.mark.parametrize("moment", [0, NOW, NOW + 60, NOW - 0.5, NOW + 59.9])
def test_a_beginning_is_not_in_the_future(name, moment):
    judge(**{name: moment})


@pytest.mark.parametrize("name", ["nbf", "iat"])
@pytest.mark.parametrize(
    "moment",
    [None, NOW + 60.1, NOW + 61, NOW + 86400, "", str(NOW), True, [], {}, -1, math.nan, math.inf, -math.inf, 10**400],
    ids=lambda moment: str(moment)[:20],
)
def test_a_beginning_that_is_to_come_or_no_moment_is_refused(name, moment):
    assert is_refused(**{name: moment}) == "a token of the future"


@pytest.mark.parametrize(
    ("claims", "scopes"),
    [
        ({}, set()),
        ({"scope": "read write"}, {"read", "write"}),
        ({"scope": " read  write read "}, {"read", "write"}),
        ({"scope": ""}, set()),
        ({"scope": ["read", "write"]}, {"read", "write"}),
        ({"scope": ("read",)}, {"read"}),
        ({"scp": "read"}, {"read"}),
        ({"scp": ["read"]}, {"read"}),
        ({"scopes": ["read"]}, {"read"}),
        ({"scope": None, "scp": None, "scopes": "read"}, {"read"}),
        ({"scope": "", "scp": "admin"}, set()),
        ({"scope": "read", "scp": ["admin"], "scopes": ["admin"]}, {"read"}),
        ({"scope": 1}, set()),
        ({"scope": True}, set()),
        ({"scope": {"read": True}}, set()),
        ({"scope": ["read", 1]}, set()),
        ({"scope": [["read"]]}, set()),
        ({"scope": "read\twrite\nadmin"}, {"read\twrite\nadmin"}),
    ],
    ids=str,
)
def test_scopes_are_words(claims, scopes):
    assert scopes_of(claims) == scopes


@pytest.mark.parametrize(
    ("declared", "is_taken"),
    [
        (None, True),
        ("JWT", True),
        ("jwt", True),
        ("at+jwt", True),
        ("application/at+JWT", True),
        ("logout+jwt", False),
        ("secevent+jwt", False),
        ("dpop+jwt", False),
        ("JOSE", False),
        ("application/", False),
    ],
)
def test_tokens_for_something_else_are_not_taken(declared, is_taken):
    assert RULES.takes_type(declared) is is_taken


def test_our_own_tokens_have_no_other_type():
    rules = own_rules(issuer=ISSUER, audiences=frozenset({AUDIENCE}))
    assert [rules.takes_type(declared) for declared in (None, "JWT", "at+jwt")] == [True, True, False]


def test_only_access_tokens_are_taken_where_that_is_asked():
    rules = TokenRules(issuer=ISSUER, audiences=RULES.audiences, types=frozenset({"at+jwt"}))
    assert [rules.takes_type(declared) for declared in (None, "JWT", "at+jwt")] == [False, False, True]


@pytest.mark.parametrize(
    "payload",
    [b"", b"null", b"[]", b"1", b'"x"', b'{"sub":"a","sub":"b"}', b'{"a":{"b":1,"b":2}}', b'{"exp":NaN}', b"\xff"],
)
def test_a_payload_is_one_object_that_all_read_alike(payload):
    with pytest.raises(InvalidToken):
        parse_claims(payload)


def test_claims_that_are_shared_cannot_be_changed():
    claims = frozen({"address": {"country": "GB"}, "roles": ["a", {"b": ["c"]}]})
    assert claims["address"]["country"] == "GB"
    assert claims["roles"][1]["b"] == ("c",)
    for change in (claims.__class__, type(claims["address"])):
        assert not hasattr(change, "__setitem__")
    assert isinstance(claims["roles"], tuple)


@given(st.dictionaries(st.sampled_from(["iss", "aud", "sub", "exp", "iat", "nbf", "scope", "scp"]) | st.text(), JSON))
def test_whatever_claims_say_they_are_taken_or_refused(said):
    assert isinstance(scopes_of({**GOOD, **said}), frozenset)
    frozen(said)
    for claims in (said, {**GOOD, **said}):
        try:
            validate_jwt_claims(claims, rules=RULES, now=NOW)
        except InvalidToken:
            continue
        assert claims["iss"] == ISSUER
        assert isinstance(claims["sub"], str)
        assert expires_at(claims) > NOW - 60


@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
def test_whatever_a_payload_is_it_is_taken_or_refused(payload):
    with suppress(InvalidToken):
        validate_jwt_claims(parse_claims(payload), rules=RULES, now=NOW)

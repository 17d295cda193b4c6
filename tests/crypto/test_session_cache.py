import json
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwe
from joserfc.jwk import OctKey

from asgi_auth.crypto import base64url
from asgi_auth.crypto.jwt_hs256 import sign_payload
from asgi_auth.crypto.keys import derive_jwe_key
from asgi_auth.crypto.session_cache import session_cache_codec
from asgi_auth.crypto.signing import Signer

STRATEGIES = ["compact", "jwt", "jwe"]
SECRET = "a secret of some length, as secrets are"
NOW = datetime(2026, 11, 22, 17, 0, 11, 711_000, tzinfo=UTC)
LIFETIME = timedelta(minutes=5)
SECOND = timedelta(seconds=1)
SESSION = {"expiresAt": "2026-11-29T17:00:13.294Z", "token": "OiLcGjyu1iUiyv5X", "ipAddress": None, "id": "s1"}
USER = {"name": 'José 🔑 \u2028 \x7f \x1f "quoted" \\', "email": "jose@example.com", "age": 7, "id": "u1"}


def encode(strategy, secret=SECRET, **changes):
    said = {"session": SESSION, "user": USER, "now": NOW, "lifetime": LIFETIME, **changes}
    return session_cache_codec(strategy, [secret]).encode(**said)


def decode(strategy, cookie, *, secrets=(SECRET,), now=NOW):
    return session_cache_codec(strategy, secrets).decode(cookie, now=now)


# what was written is read


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_what_was_encoded_is_decoded(strategy):
    cached = decode(strategy, encode(strategy, version="7"))
    assert json.loads(bytes(cached.session)) == SESSION
    assert json.loads(bytes(cached.user)) == USER
    assert cached.version == "7"
    assert cached.updated_at == NOW
    assert abs(cached.expires_at - (NOW + LIFETIME)) < SECOND


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_records_encoded_already_are_taken_as_they_are(strategy):
    raw = msgspec.Raw(json.dumps(SESSION, separators=(",", ":")).encode())
    cached = decode(strategy, encode(strategy, session=raw))
    assert bytes(cached.session) == bytes(raw)


def test_compact_signs_the_text_that_javascript_would_write_again():
    envelope = json.loads(base64url.decode(encode("compact")))
    rewritten = json.dumps(
        {**envelope["session"], "expiresAt": envelope["expiresAt"]}, separators=(",", ":"), ensure_ascii=False
    )
    assert Signer([SECRET]).mac(rewritten) == envelope["signature"]
    assert list(envelope) == ["session", "expiresAt", "signature"]
    assert list(envelope["session"]) == ["session", "user", "updatedAt", "version"]


def test_only_the_encrypted_strategy_hides_what_it_says():
    assert b"jose@example.com" in base64url.decode(encode("compact"))
    assert b"jose@example.com" in base64url.decode(encode("jwt").split(".")[1])
    assert all(b"jose@example.com" not in base64url.decode(part) for part in encode("jwe").split("."))


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_after_a_rotation_older_cookies_are_still_read(strategy):
    assert decode(strategy, encode(strategy), secrets=["newest", SECRET]) is not None
    assert decode(strategy, encode(strategy, secret="newest"), secrets=["newest", SECRET]) is not None
    assert decode(strategy, encode(strategy), secrets=["newest"]) is None


# what is refused


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_cookie_stops_counting_when_it_expires(strategy):
    cookie = encode(strategy)
    assert decode(strategy, cookie, now=NOW + LIFETIME - SECOND) is not None
    assert decode(strategy, cookie, now=NOW + LIFETIME) is None
    assert decode(strategy, cookie, now=NOW + timedelta(days=365)) is None


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_each_changed_character_is_refused(strategy):
    cookie = encode(strategy)
    for place in range(len(cookie)):
        other = "A" if cookie[place] != "A" else "B"
        changed = decode(strategy, cookie[:place] + other + cookie[place + 1 :])
        # the last character of a part can hold bits that mean nothing
        assert changed is None or changed == decode(strategy, cookie)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_each_truncation_is_refused(strategy):
    cookie = encode(strategy)
    assert [length for length in range(len(cookie)) if decode(strategy, cookie[:length]) is not None] == []


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize(
    "cookie",
    [
        "",
        ".",
        "..",
        "....",
        "é",
        "\ud800",
        "\0",
        "e30",
        "bnVsbA",
        "W10",
        "x" * 1_000_000,
        base64url.encode(b"[" * 5_000),
        base64url.encode(b'{"session":' + b"[" * 5_000 + b"]" * 5_000 + b',"expiresAt":1,"signature":""}'),
        base64url.encode(b'{"session":{},"expiresAt":1e400,"signature":""}'),
        base64url.encode(b'{"session":"","expiresAt":1,"signature":"\xff"}'),
        base64url.encode(b'{"session":{"\xff":1},"expiresAt":1,"signature":""}'),
    ],
    ids=lambda cookie: repr(cookie)[:20],
)
def test_garbage_is_refused(strategy, cookie):
    assert decode(strategy, cookie) is None


@pytest.mark.parametrize("strategy", STRATEGIES)
@given(junk=st.text(), place=st.integers(0, 10_000), length=st.integers(0, 50))
def test_no_cookie_makes_decoding_raise(strategy, junk, place, length):
    cookie = encode(strategy)
    place %= len(cookie)
    assert decode(strategy, junk) is None
    spliced = cookie[:place] + junk + cookie[place + length :]
    if spliced != cookie:
        decode(strategy, spliced)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_cookie_of_another_strategy_is_refused(strategy):
    for other in STRATEGIES:
        assert (decode(strategy, encode(other)) is None) == (other != strategy)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_cookie_longer_than_the_limit_is_refused_even_if_genuine(strategy):
    assert decode(strategy, encode(strategy, user={**USER, "name": "x" * 20_000})) is None


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("changes", [{"session": None}, {"user": []}, {"user": "text"}, {"session": 5}])
def test_a_session_or_user_that_is_no_object_is_refused(strategy, changes):
    assert decode(strategy, encode(strategy, **changes)) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": None},
        {"exp": "soon"},
        {"exp": True},
        {"exp": -1},
        {"exp": 10**30},
        {"updatedAt": None},
        {"updatedAt": 10**30},
        {"version": 1},
        {"user": None},
    ],
    ids=str,
)
@pytest.mark.parametrize("strategy", ["jwt", "jwe"])
def test_signed_claims_of_another_shape_are_refused(strategy, changes):
    claims = {
        "session": SESSION,
        "user": USER,
        "updatedAt": 1795366811711,
        "version": "1",
        "exp": int(NOW.timestamp()) + 60,
    }
    assert decode(strategy, seal(strategy, claims)) is not None
    assert decode(strategy, seal(strategy, {**claims, **changes})) is None
    assert decode(strategy, seal(strategy, {key: claims[key] for key in claims if key not in changes})) is None


@pytest.mark.parametrize("payload", [b"", b"null", b"[]", b'"text"', b"\xff", b"{", b"[" * 5_000, b'{"exp":NaN}'])
def test_signed_claims_that_are_no_object_are_refused(payload):
    assert decode("jwt", sign_payload(payload, Signer([SECRET]))) is None


def seal(strategy, claims):
    if strategy == "jwt":
        return sign_payload(json.dumps(claims).encode(), Signer([SECRET]))
    key = derive_jwe_key(SECRET)
    header = {"alg": "dir", "enc": "A256CBC-HS512", "kid": key.kid}
    return jwe.encrypt_compact(header, json.dumps(claims), OctKey.import_key(key.key))


def test_the_lifetime_of_a_compact_cookie_cannot_be_prolonged():
    envelope = json.loads(base64url.decode(encode("compact")))
    envelope["expiresAt"] += 1
    assert decode("compact", base64url.encode(json.dumps(envelope, separators=(",", ":")).encode())) is None


def test_an_unknown_strategy_is_an_error():
    with pytest.raises(KeyError):
        session_cache_codec("plain", [SECRET])


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("secrets", [[], [""], "a secret by itself"])
def test_a_codec_without_proper_secrets_is_refused(strategy, secrets):
    with pytest.raises(ValueError, match="newest first"):
        session_cache_codec(strategy, secrets)

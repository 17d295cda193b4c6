"""Which cookies of the cache count: only those that one of the secrets made, for this session, now, and whole."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import ECKey

from asgi_auth import CookieCacheOptions, Secret, Session, User
from asgi_auth.asgi.chunked_cookies import ChunkedCookie
from asgi_auth.asgi.cookies import CookieAttributes
from asgi_auth.cookies.cache import CookieCache
from asgi_auth.crypto.session_cache import session_cache_codec
from asgi_auth.fields import wire
from tests.endpoints.wire import http
from tests.support import SECRET

NAME = "better-auth.session_data"
COOKIE = ChunkedCookie(NAME, CookieAttributes())
TOKEN = "abcdefghijklmnopqrstuvwxyzABCDEF"
LIFETIME = timedelta(minutes=5)
OTHER_SECRET = "another-secret-that-is-long-enough-0123456789"
STRATEGIES = ["compact", "jwt", "jwe"]


@pytest.fixture(params=STRATEGIES)
def options(request):
    return CookieCacheOptions(is_enabled=True, strategy=request.param)


@pytest.fixture
def cache(make_auth, options):
    return CookieCache(make_auth(cookie_cache=options).services, COOKIE)


@pytest.fixture
def session(clock):
    now = clock()
    return Session(
        expires_at=now + timedelta(days=7), token=TOKEN, created_at=now, updated_at=now, user_id="ada", id="s"
    )


@pytest.fixture
def user(clock):
    return User(name="José 😀", email="ada@example.com", created_at=clock(), updated_at=clock(), id="ada")


def request(value):
    return http(headers=[("cookie", f"{NAME}={value}")])


def made(options, clock, session, user, *, secret=SECRET, **more):
    """A cookie as somebody who knows the secret may make it."""
    codec = session_cache_codec(options.strategy, [secret])
    given = {"now": clock(), "lifetime": LIFETIME, "version": "1"} | more
    return request(codec.encode(session=session, user=user, **given))


def test_what_was_written_is_found(cache, session, user):
    (cookie,) = cache.write(session, user, scope=http(), is_remembered=True)
    value = cookie.decode().partition("=")[2].partition(";")[0]
    live = cache.find(TOKEN, request(value))
    assert (live.session, live.user, live.is_cached) == (session, user, True)
    assert (live.is_refreshed, live.needs_refresh) == (False, False)


def test_without_a_cookie_there_is_nothing(cache):
    assert cache.find(TOKEN, http()) is None


@pytest.mark.parametrize("token", ["", TOKEN[:-1], TOKEN.lower(), TOKEN + "x", "é"])
def test_one_of_another_session_does_not_count(cache, options, clock, session, user, token):
    assert cache.find(token, made(options, clock, wire(session), wire(user))) is None


def test_one_made_with_an_older_secret_counts(make_auth, options, clock, session, user):
    rotated = make_auth(cookie_cache=options, secret=None, secrets=(Secret(OTHER_SECRET, 2), Secret(SECRET, 1)))
    cache = CookieCache(rotated.services, COOKIE)
    assert cache.find(TOKEN, made(options, clock, wire(session), wire(user))) is not None


def test_one_made_with_a_foreign_secret_does_not_count(cache, options, clock, session, user):
    assert cache.find(TOKEN, made(options, clock, wire(session), wire(user), secret=OTHER_SECRET)) is None


def test_one_of_another_strategy_does_not_count(cache, options, clock, session, user):
    for strategy in set(STRATEGIES) - {options.strategy}:
        other = replace(options, strategy=strategy)
        assert cache.find(TOKEN, made(other, clock, wire(session), wire(user))) is None


def test_one_of_another_version_does_not_count(cache, options, clock, session, user):
    assert cache.find(TOKEN, made(options, clock, wire(session), wire(user), version="2")) is None


def test_it_counts_until_its_lifetime_is_over(cache, options, clock, session, user):
    scope = made(options, clock, wire(session), wire(user))
    clock.advance(seconds=299)
    assert cache.find(TOKEN, scope) is not None
    clock.advance(seconds=1)
    assert cache.find(TOKEN, scope) is None


def test_it_counts_no_longer_than_its_session(cache, options, clock, session, user):
    ending = msgspec.structs.replace(session, expires_at=clock() + timedelta(seconds=10))
    scope = made(options, clock, wire(ending), wire(user))
    clock.advance(seconds=10)
    assert cache.find(TOKEN, scope) is not None
    clock.advance(seconds=0.001)
    assert cache.find(TOKEN, scope) is None


def test_a_session_with_somebody_else_s_user_does_not_count(cache, options, clock, session, user):
    bob = msgspec.structs.replace(user, id="bob")
    assert cache.find(TOKEN, made(options, clock, wire(session), wire(bob))) is None


@pytest.mark.parametrize("field", User.__struct_encode_fields__)
def test_a_user_without_one_of_its_fields_does_not_count_whatever_default_it_has(
    cache, options, clock, session, user, field
):
    left = {name: value for name, value in wire(user).items() if name != field}
    assert cache.find(TOKEN, made(options, clock, wire(session), left)) is None


@pytest.mark.parametrize("field", Session.__struct_encode_fields__)
def test_a_session_without_one_of_its_fields_does_not_count(cache, options, clock, session, user, field):
    left = {name: value for name, value in wire(session).items() if name != field}
    assert cache.find(TOKEN, made(options, clock, left, wire(user))) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"emailVerified": 1},
        {"emailVerified": "true"},
        {"name": None},
        {"name": 5},
        {"email": ["ada@example.com"]},
        {"createdAt": 1795689520614},
        {"createdAt": "yesterday"},
        {"createdAt": "2026-11-22T12:00:00.123"},
        {"createdAt": "10000-01-01T00:00:00.000Z"},
        {"updatedAt": None},
        {"id": 1},
        {"image": False},
    ],
)
def test_a_field_of_a_wrong_type_does_not_count(cache, options, clock, session, user, wrong):
    assert cache.find(TOKEN, made(options, clock, wire(session), wire(user) | wrong)) is None


def test_fields_that_only_the_other_side_knows_are_no_harm(cache, options, clock, session, user):
    more = wire(user) | {"twoFactorEnabled": True, "role": "admin"}
    assert cache.find(TOKEN, made(options, clock, wire(session), more)).user == user


@pytest.mark.parametrize("given", [None, [], "x", 5, [{}]])
def test_what_is_no_object_does_not_count(cache, options, clock, session, user, given):
    assert cache.find(TOKEN, made(options, clock, given, wire(user))) is None
    assert cache.find(TOKEN, made(options, clock, wire(session), given)) is None


def test_one_signed_with_the_key_of_a_jwt_plugin_is_not_ours(cache, clock, session, user):
    now = int(clock().timestamp())
    claims = {"session": wire(session), "user": wire(user), "updatedAt": now * 1000, "version": "1"}
    header = {"alg": "ES256", "kid": "k", "typ": "better-auth.session-cache+jwt"}
    stamped = claims | {"sid": TOKEN, "iat": now, "exp": now + 300, "aud": "better-auth:session-cache", "sub": "ada"}
    token = jwt.encode(header, stamped, ECKey.generate_key("P-256"))
    assert cache.find(TOKEN, request(token)) is None


def test_a_signature_that_is_off_by_one_character_does_not_hold(cache, options, clock, session, user):
    ((_, header),) = [
        pair for pair in made(options, clock, wire(session), wire(user))["headers"] if pair[0] == b"cookie"
    ]
    value = header.decode().partition("=")[2]
    # The last character of a base64url part may have bits that do not count: it is left out.
    for place in [place for place in range(0, len(value) - 1, 7) if value[place + 1] != "."]:
        changed = "A" if value[place] != "A" else "B"
        assert cache.find(TOKEN, request(value[:place] + changed + value[place + 1 :])) is None


@given(st.text(st.characters(codec="latin-1", exclude_characters=";"), max_size=200))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_a_client_sends_is_no_error(cache, value):
    assert cache.find(TOKEN, request(value)) is None


@pytest.mark.parametrize("value", ["e30", "eyJ" * 5000, "." * 5000, "eyJ.eyJ.x", "eyJ....", "[" * 4000, "W1tb" * 4000])
def test_neither_is_anything_big_or_deep(cache, value):
    assert cache.find(TOKEN, request(value)) is None

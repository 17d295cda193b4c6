"""Whatever clients and providers send, no endpoint of trips falls over, and nobody is sent where nobody is trusted."""

import json
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asgi_auth import Auth
from asgi_auth.providers import GenericOAuth
from tests.endpoints.social_trips import CALLBACK, LINK, SIGN_IN, social
from tests.endpoints.wire import exchange, http, request
from tests.support import ADA, BASE_URL, browser, cookie_header, sign_up, whoami

JSON = ("content-type", "application/json")
FORM = ("content-type", "application/x-www-form-urlencoded")
FIELDS = [
    "callbackURL",
    "newUserCallbackURL",
    "errorCallbackURL",
    "disableRedirect",
    "idToken",
    "scopes",
    "requestSignUp",
    "loginHint",
    "additionalParams",
    "additionalData",
]

CORP = GenericOAuth(
    id="corp",
    client_id="tests",
    authorization_url="https://corp.test/authorize",
    token_url="http://127.0.0.1:1/token",
    user_info_url="http://127.0.0.1:1/me",
)

scalars = (
    st.none()
    | st.booleans()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.sampled_from(["/ok", "//evil.test", "https://evil.test", "\ud800", "\x00", "state", "x" * 3000])
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)
bodies = st.dictionaries(st.sampled_from(FIELDS) | st.text(), values, max_size=5)
parameters = st.lists(
    st.tuples(
        st.sampled_from(["code", "error", "error_description", "state", "user", "iss", "device_id", "x"]),
        st.text(max_size=40) | st.sampled_from(["", "corp", "{}", "[" * 500, '{"name":1}', "\r\nset-cookie: a=b"]),
    ),
    max_size=6,
)
quickly = settings(max_examples=80, suppress_health_check=list(HealthCheck))


@pytest.fixture
def site(make_auth) -> Auth:
    return make_auth(social=social(CORP))


@pytest.fixture
async def user(site):
    async with browser(site.wrap(whoami)) as client:
        await sign_up(client)
    return await site.services.users.find_by_email(ADA["email"])


def cookies_of(site, token, state):
    return f"{cookie_header(site, token)}; {cookie_header(site, state, name='better-auth.state')}"


@pytest.mark.parametrize("path", [SIGN_IN, LINK])
@given(body=bodies)
@quickly
async def test_no_wish_makes_an_endpoint_fall_over(site, user, path, body):
    session = await site.services.sessions.create(user)
    sent = [JSON, ("cookie", cookie_header(site, session.token)), ("origin", BASE_URL)]
    scope = http("POST", path.removeprefix("/api/auth"), sent)
    answer = await exchange(site.endpoints, scope, request(json.dumps({"provider": "corp", **body}).encode()))
    assert answer.status in (200, 400, 403, 404, 413)
    if answer.status == 200:
        assert answer.json()["url"].startswith("https://corp.test/authorize?response_type=code&client_id=tests&state=")


@given(pairs=parameters, is_begun=st.booleans())
@quickly
async def test_no_answer_of_a_provider_does_either(site, user, pairs, is_begun):
    session = await site.services.sessions.create(user)
    state = await site.services.states.begin(
        provider_id="corp", uses_nonce=False, added={}, callback_url="/dash", error_url="/oops"
    )
    cookies = cookies_of(site, session.token, state.oauth_state)
    given = [("state", state.oauth_state), *(pair for pair in pairs if pair[0] != "state")] if is_begun else pairs
    query = _encoded(given)
    path = CALLBACK.removeprefix("/api/auth")
    answer = await exchange(site.endpoints, http("GET", path, [("cookie", cookies)], query_string=query))
    assert answer.status in (302, 400)
    if answer.status == 302:
        [location] = answer.header("location")
        assert location.startswith(("/oops?error=", f"{BASE_URL}/api/auth/error?error="))
        assert location.isprintable()
        assert not any(cookie.startswith("better-auth.session_token=") for cookie in answer.header("set-cookie"))


@given(pairs=parameters)
@quickly
async def test_nor_does_a_posted_one(site, pairs):
    path = CALLBACK.removeprefix("/api/auth")
    answer = await exchange(site.endpoints, http("POST", path, [FORM]), request(_encoded(pairs)))
    assert answer.status in (302, 400)
    if answer.status == 302:
        [location] = answer.header("location")
        assert location.startswith(f"{BASE_URL}{CALLBACK}?")
        assert location.isprintable()


def _encoded(pairs) -> bytes:
    return urlencode(pairs, errors="surrogatepass").encode()

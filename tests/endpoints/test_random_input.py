"""Whatever is sent, no endpoint falls over."""

import json
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asgi_auth import DeletionOptions, EmailOptions
from tests.endpoints.wire import exchange, http, request
from tests.mailbox import Mailbox
from tests.support import ADA, BASE_URL, PASSWORD, browser, cookie_header, sign_up, whoami

POSTS = [
    "/sign-up/email",
    "/sign-in/email",
    "/sign-out",
    "/get-session",
    "/revoke-session",
    "/revoke-sessions",
    "/revoke-other-sessions",
    "/update-session",
    "/update-user",
    "/change-password",
    "/verify-password",
    "/request-password-reset",
    "/reset-password",
    "/send-verification-email",
    "/change-email",
    "/delete-user",
]
GETS = [
    "/get-session",
    "/list-sessions",
    "/error",
    "/ok",
    "/verify-email",
    "/delete-user/callback",
    "/reset-password/x",
]
TYPES = ["application/json", "x", "application/x-www-form-urlencoded"]
FIELDS = [
    "name",
    "email",
    "password",
    "newEmail",
    "newPassword",
    "currentPassword",
    "image",
    "token",
    "callbackURL",
    "redirectTo",
    "errorCallbackURL",
    "newUserCallbackURL",
    "rememberMe",
    "revokeOtherSessions",
    "disableRedirect",
    "id",
    "userId",
    "__proto__",
]

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.sampled_from(
        [ADA["email"], PASSWORD, "new@example.com", "/ok", "//evil.test", "https://x.test", 2**64, "x" * 200]
    )
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)
bodies = st.dictionaries(st.sampled_from(FIELDS) | st.text(), values, max_size=6) | values
headers = st.lists(
    st.tuples(
        st.sampled_from(["cookie", "authorization", "origin", "referer", "host", "user-agent", "content-length", "x"]),
        st.text(st.characters(min_codepoint=1, max_codepoint=255), max_size=40)
        | st.sampled_from(["Bearer ", "Bearer x.y", "better-auth.session_token=", "null", BASE_URL, "a=b; ; =", "-1"]),
    ),
    max_size=5,
)

parameters = st.tuples(st.sampled_from([b"token", b"callbackURL", b"error"]), st.binary(max_size=60)).map(b"=".join)
queries = st.binary(max_size=300) | st.lists(parameters, max_size=4).map(b"&".join)

quickly = settings(max_examples=60, suppress_health_check=list(HealthCheck))


@pytest.fixture
def quick(make_auth):
    """An Auth with every flow switched on, in memory."""
    return make_auth(
        base_url=BASE_URL,
        mail=Mailbox().options,
        email=EmailOptions(allows_change=True, answers_strangers_after=timedelta()),
        deletion=DeletionOptions(is_allowed=True, is_confirmed=True),
    )


@pytest.fixture
async def user(quick):
    async with browser(quick.wrap(whoami)) as client:
        await sign_up(client)
    return await quick.services.users.find_by_email(ADA["email"])


async def session_headers(auth, user, content_type):
    """A session of this example's own: the one before may have ended its."""
    session = await auth.services.sessions.create(user)
    cookie = cookie_header(auth, session.token)
    return [("content-type", content_type), ("cookie", cookie), ("origin", BASE_URL)]


@pytest.mark.parametrize("path", POSTS)
@given(body=bodies)
@quickly
async def test_no_json_makes_an_endpoint_fall_over(quick, user, path, body):
    sent = await session_headers(quick, user, "application/json")
    answer = await exchange(quick.endpoints, http("POST", path, sent), request(json.dumps(body).encode()))

    assert answer.status in (200, 400, 401, 403, 404, 405, 422)
    if answer.status >= 400:
        assert answer.json().keys() <= {"message", "code"}


@given(path=st.sampled_from(POSTS), body=st.binary(max_size=200), kind=st.sampled_from(TYPES))
@quickly
async def test_no_bytes_do_either(quick, user, path, body, kind):
    sent = await session_headers(quick, user, kind)
    answer = await exchange(quick.endpoints, http("POST", path, sent), request(body))
    assert answer.status in (200, 400, 401, 403, 404, 405, 415, 422)


@given(path=st.sampled_from(GETS), query=queries, sent=headers)
@quickly
async def test_no_query_and_no_header_do_either(quick, path, query, sent):
    answer = await exchange(quick.endpoints, http("GET", path, sent, query_string=query))
    assert answer.status in (200, 302, 400, 401, 403, 404)


@given(path=st.text(max_size=30) | st.sampled_from([f"/api/auth{path}" for path in POSTS]), sent=headers)
@quickly
async def test_nor_does_the_whole_application(quick, path, sent):
    answer = await exchange(quick.wrap(whoami), http("POST", path, sent))
    assert answer.status in (200, 400, 401, 403, 404, 405, 413)

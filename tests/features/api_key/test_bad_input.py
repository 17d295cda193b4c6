"""Whatever is sent to the endpoints of API keys, none falls over, and nothing secret is written down."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asgi_auth.crypto.tokens import hash_token
from asgi_auth.features.api_key import ApiKeyOptions, ApiKeys
from tests.endpoints.wire import exchange, http, request
from tests.features.api_key.clubs import Clubs, ClubService
from tests.features.api_key.keys import create, get, person, post, service
from tests.security.canaries import leaks
from tests.security.conftest import listening
from tests.support import BASE_URL, cookie_header, user_id

__all__ = ["listening"]  # a fixture

FIELDS = [
    "configId",
    "name",
    "expiresIn",
    "prefix",
    "metadata",
    "organizationId",
    "remaining",
    "refillAmount",
    "refillInterval",
    "rateLimitMax",
    "rateLimitTimeWindow",
    "rateLimitEnabled",
    "permissions",
    "userId",
    "keyId",
    "enabled",
    "__proto__",
]
CLUB = ApiKeyOptions(config_id="club", references="organization")

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.sampled_from(["default", "club", "chess", "key", 86_400, 2**31, 2**63, 1e308, "x" * 40])
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)
bodies = st.dictionaries(st.sampled_from(FIELDS) | st.text(), values, max_size=6) | values
parameters = st.tuples(
    st.sampled_from([b"id", b"limit", b"offset", b"sortBy", b"sortDirection", b"configId", b"organizationId"]),
    st.binary(max_size=40) | st.sampled_from([b"key", b"club", b"chess", b"1e3", b"-1", b"name", b"desc", b"9" * 30]),
).map(b"=".join)

quickly = settings(max_examples=60, suppress_health_check=list(HealthCheck))


@pytest.fixture
async def quick(make_auth):
    """An Auth, in memory, somebody's id, and the headers of theirs; they may do everything with a club's keys."""
    auth = make_auth(features=[ApiKeys(ApiKeyOptions(allows_metadata=True), CLUB), Clubs()])
    async with person(auth) as eve:
        eve_id = await user_id(eve)
    await auth.services.get(ClubService).let_in("chess", eve_id, "create", "read", "update", "delete")
    session = await auth.services.sessions.create(await auth.services.users.get(eve_id))
    cookie = cookie_header(auth, session.token)
    return auth, eve_id, [("content-type", "application/json"), ("cookie", cookie), ("origin", BASE_URL)]


def is_answered(answer):
    assert answer.status in (200, 400, 401, 403, 404)
    if answer.status >= 400:
        assert answer.json().keys() == {"message", "code"}


@pytest.mark.parametrize("path", ["create", "update", "delete"])
@given(body=bodies)
@quickly
async def test_no_json_makes_an_endpoint_fall_over(quick, path, body):
    auth, eve_id, sent = quick
    if isinstance(body, dict) and body.get("keyId") == "key":
        body["keyId"] = (await service(auth).create_api_key(eve_id)).id
    scope = http("POST", f"/api-key/{path}", sent)
    is_answered(await exchange(auth.endpoints, scope, request(json.dumps(body).encode())))


@pytest.mark.parametrize("path", ["get", "list"])
@given(query=st.binary(max_size=100) | st.lists(parameters, max_size=4).map(b"&".join))
@quickly
async def test_no_query_does_either(quick, path, query):
    auth, _, sent = quick
    is_answered(await exchange(auth.endpoints, http("GET", f"/api-key/{path}", sent, query_string=query)))


async def test_no_key_is_in_any_log(make_auth, database_url, listening):
    auth = make_auth(database=database_url, features=[ApiKeys(ApiKeyOptions(enables_sessions=True))])
    async with person(auth) as eve:
        made = await create(eve, name="backup")
        key = made["key"]
        await get(eve, "list")
        await post(eve, "update", keyId=made["id"], name="x")
        for offered in (key, key[:-1] + "?", key[:20]):
            await eve.get("/api/auth/get-session", headers={"x-api-key": offered})
        await post(eve, "delete", keyId=made["id"])
        await post(eve, "update", keyId=made["id"], name=key)
    await auth.services.close()
    assert "api_key.created" in listening()
    assert leaks(listening(), {"key": key, "hash": hash_token(key), "most of it": key[:20]}) == []

"""What lies in Redis is to the letter what Better Auth writes, and is read with care."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import pytest
import redis.asyncio

from asgi_auth import FieldRules, Session, Timestamp, User
from asgi_auth.errors import Unavailable
from asgi_auth.infrastructure.metrics import NoMetrics
from asgi_auth.infrastructure.redis_client import RedisClient
from asgi_auth.infrastructure.secondary_storage.records import SessionForm
from asgi_auth.infrastructure.secondary_storage.sessions import RedisSessions
from asgi_auth.infrastructure.secondary_storage.verifications import RedisVerifications
from asgi_auth.models import from_json
from tests.contracts.rows import session_row, user_row, verification_row
from tests.storages import PATIENT_REDIS

VECTORS = json.loads((Path(__file__).parent / "secondary_storage.json").read_text())
WEEK = timedelta(days=7)
TOKEN = "t" * 32


class Known(User, frozen=True, kw_only=True):
    """The fields that the plugins of the server had added which wrote the vectors."""

    two_factor_enabled: bool = False
    role: str | None = None
    banned: bool = False
    ban_reason: str | None = None
    ban_expires: Timestamp | None = None
    username: str | None = None
    display_username: str | None = None
    is_anonymous: bool = False
    phone_number: str | None = None
    phone_number_verified: bool | None = None


class Themed(Session, frozen=True, kw_only=True):
    theme: str | None = None
    hidden: Annotated[str | None, FieldRules(returned=False)] = None


@pytest.fixture
async def client(redis_url):
    client = RedisClient(redis_url, PATIENT_REDIS, metrics=NoMetrics())
    yield client
    await client.close()


@pytest.fixture
async def raw(redis_url):
    """What anybody else sees who looks into that Redis."""
    async with redis.asyncio.Redis.from_url(redis_url) as raw:
        yield raw


@pytest.fixture
def make(client, clock):
    def make(session=Session, user=User, *, is_row=False):
        return RedisSessions(client, SessionForm(session, user, is_row=is_row), clock=clock, lifetime=WEEK)

    return make


@pytest.fixture
def sessions(make):
    return make()


@pytest.fixture
async def stored(sessions, clock):
    """A session of Ada's that is there."""
    session = session_row(clock, user_row(clock), token=TOKEN, expires_at=clock() + WEEK)
    user = user_row(clock, id=session.user_id)
    await sessions.put(session, user)
    return session


async def changed_outside(raw, key, change):
    held = json.loads(await raw.get(key))
    change(held)
    await raw.set(key, json.dumps(held))


async def test_a_new_session_is_what_better_auth_writes_byte_for_byte(make, raw, clock):
    written = json.loads(VECTORS["sessionValue"])
    session = from_json(json.dumps(written["session"]), Session)
    user = from_json(json.dumps(written["user"]), Known)
    clock.now = session.created_at
    await make(user=Known).put(session, user)
    assert (await raw.get(VECTORS["sessionKey"])).decode() == VECTORS["sessionValue"]
    assert (await raw.get(VECTORS["activeKey"])).decode() == VECTORS["activeValue"]
    assert 604_700 < await raw.ttl(VECTORS["sessionKey"]) <= 604_800
    assert 604_700 < await raw.ttl(VECTORS["activeKey"]) <= 604_800


async def test_what_better_auth_has_written_is_read(make, raw, clock):
    await raw.set(VECTORS["sessionKey"], VECTORS["sessionValue"])
    found = await make(user=Known).find(VECTORS["sessionKey"])
    assert (found.user.name, found.user.role, found.session.user_agent) == ("Ada Łovelace", "user", "vectors/1")
    assert found.session.expires_at == Timestamp.parse("2026-11-29T17:00:19.395Z")


async def test_what_is_not_set_is_absent_in_redis_alone_and_null_beside_the_database(make, raw, clock):
    user = user_row(clock)
    for is_row, theme in ((False, None), (True, None), (False, "dark")):
        session = session_row(clock, user, token=TOKEN, expires_at=clock() + WEEK)
        themed = Themed(**{name: getattr(session, name) for name in session.__struct_fields__}, theme=theme, hidden="h")
        await make(Themed, is_row=is_row).put(themed, user)
        held = json.loads(await raw.get(TOKEN))["session"]
        assert held.get("theme", "absent") == (theme if theme or is_row else "absent")
        assert held["hidden"] == "h"
        assert list(held)[-1 if is_row else 0] == "id"


async def test_a_change_leaves_alone_what_we_do_not_know(sessions, raw, stored):
    def add(held):
        held["session"] |= {"activeOrganizationId": "org", "empty": [], "nested": {"a": {}}}
        held["user"] |= {"role": "admin"}

    await changed_outside(raw, TOKEN, add)
    await sessions.change(TOKEN, lambda _: {"user_agent": "other"})
    await sessions.give_user(user_row(stored_clock(stored), id=stored.user_id, name="Countess"))
    held = json.loads(await raw.get(TOKEN))
    assert held["session"]["userAgent"] == "other"
    assert (held["session"]["activeOrganizationId"], held["session"]["empty"]) == ("org", [])
    assert held["session"]["nested"] == {"a": {}}
    assert (held["user"]["role"], held["user"]["name"]) == ("admin", "Countess")


def stored_clock(session):
    return lambda: session.created_at


async def test_numbers_for_moments_and_flags_and_missing_options_are_understood(sessions, raw, stored):
    def loosen(held):
        held["session"]["expiresAt"] = stored.expires_at.milliseconds
        held["user"]["emailVerified"] = 1
        del held["session"]["ipAddress"], held["user"]["image"]

    await changed_outside(raw, TOKEN, loosen)
    found = await sessions.find(TOKEN)
    assert found.session.expires_at == stored.expires_at
    assert (found.user.email_verified, found.user.image, found.session.ip_address) == (True, None, "")


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"{nope",
        b"null",
        b"[]",
        b"{}",
        b'{"session":null,"user":null}',
        b'{"session":{},"user":{}}',
        b"\xff\xfe",
        b"[" * 2000,
    ],
)
async def test_what_cannot_be_read_is_a_fault_and_nobodys_session(sessions, raw, value):
    await raw.set(TOKEN, value)
    with pytest.raises(Unavailable):
        await sessions.find(TOKEN)


@pytest.mark.parametrize(
    ("part", "field", "value"),
    [
        ("session", "expiresAt", "soon"),
        ("session", "expiresAt", True),
        ("session", "expiresAt", 1e300),
        ("session", "createdAt", None),
        ("session", "userId", "somebody-else"),
        ("user", "id", "somebody-else"),
        ("user", "email", 5),
        ("user", "emailVerified", "false"),
        ("user", "emailVerified", 2),
    ],
)
async def test_a_value_of_another_kind_is_a_fault(sessions, raw, stored, part, field, value):
    await changed_outside(raw, TOKEN, lambda held: held[part].update({field: value}))
    with pytest.raises(Unavailable):
        await sessions.find(TOKEN)


async def test_a_session_found_under_another_name_is_nobodys(sessions, raw, stored):
    await raw.copy(TOKEN, "u" * 32)
    assert await sessions.find("u" * 32) is None
    assert await sessions.find(TOKEN) is not None


@pytest.mark.parametrize("key", ["cache:page", "verification:reset-password:abc", "a" * 31, "a" * 33, "ä" * 32, ""])
async def test_no_other_key_of_that_redis_is_taken_for_a_token(sessions, raw, stored, key):
    held = json.loads(await raw.get(TOKEN))
    held["session"]["token"] = key
    await raw.set(key, json.dumps(held))
    assert await sessions.find(key) is None


@pytest.mark.parametrize(("offset", "is_there"), [(-1, True), (0, True), (1, False)])
async def test_a_session_from_before_the_mark_is_dead(sessions, raw, stored, offset, is_there):
    await raw.set(f"revoked-sessions-before-{stored.user_id}", stored.created_at.milliseconds + offset)
    assert (await sessions.find(TOKEN) is not None) == is_there
    assert bool(await sessions.list(stored.user_id)) == is_there
    assert (await sessions.is_revoked(stored)) != is_there


async def test_a_mark_that_cannot_be_read_is_a_fault(sessions, raw, stored):
    await raw.set(f"revoked-sessions-before-{stored.user_id}", "yesterday")
    with pytest.raises(Unavailable):
        await sessions.find(TOKEN)


async def test_revoking_all_leaves_a_mark_and_no_session(sessions, raw, stored, clock):
    clock.advance(seconds=1)
    assert await sessions.remove_all(stored.user_id, before=clock()) == [stored]
    mark = f"revoked-sessions-before-{stored.user_id}"
    assert int(await raw.get(mark)) == clock().milliseconds
    assert 604_700 < await raw.ttl(mark) <= 604_800
    assert await raw.exists(TOKEN, f"active-sessions-{stored.user_id}") == 0


async def test_the_list_is_in_order_of_its_ends_and_drops_what_is_over(sessions, raw, stored, clock):
    user = user_row(clock, id=stored.user_id)
    ends = {"a" * 32: timedelta(days=9), "b" * 32: timedelta(hours=1), "c" * 32: timedelta(days=1)}
    for token, lifetime in ends.items():
        await sessions.put(session_row(clock, user, token=token, expires_at=clock() + lifetime), user)
    clock.advance(hours=2)
    await sessions.remove(user.id, ["c" * 32])
    listed = json.loads(await raw.get(f"active-sessions-{user.id}"))
    assert [entry["token"] for entry in listed] == [TOKEN, "a" * 32]
    assert [list(entry) for entry in listed] == [["token", "expiresAt"]] * 2
    assert await raw.ttl(f"active-sessions-{user.id}") <= 9 * 86400 - 7200


async def test_one_that_cannot_be_read_keeps_nobody_from_the_others(sessions, raw, stored, clock):
    user = user_row(clock, id=stored.user_id)
    await sessions.put(session_row(clock, user, token="a" * 32, expires_at=clock() + WEEK), user)
    await raw.set("a" * 32, "{nope")
    assert await sessions.list(user.id) == [stored]
    assert await sessions.remove_all(user.id, before=clock()) == [stored]


async def test_a_list_that_cannot_be_read_is_begun_anew(sessions, raw, stored, clock):
    await raw.set(f"active-sessions-{stored.user_id}", "{nope")
    assert await sessions.list(stored.user_id) == []
    user = user_row(clock, id=stored.user_id)
    await sessions.put(session_row(clock, user, token="a" * 32, expires_at=clock() + WEEK), user)
    assert len(json.loads(await raw.get(f"active-sessions-{stored.user_id}"))) == 1


async def test_a_session_of_better_auths_is_found_by_its_id_too(sessions, raw, stored):
    await raw.delete(f"asgi_auth:session-token:{stored.id}")
    assert await sessions.find_token(stored.id) == TOKEN
    assert await raw.get(f"asgi_auth:session-token:{stored.id}") == TOKEN.encode()
    assert await sessions.find_token("nobody") is None


async def test_nobody_is_removed_by_somebody_elses_list(sessions, raw, stored, clock):
    await raw.copy(f"active-sessions-{stored.user_id}", "active-sessions-mallory")
    assert await sessions.remove_all("mallory", before=clock()) == []
    assert await sessions.find(TOKEN) is not None


async def test_verifications_are_what_better_auth_writes(client, raw, clock):
    verification = verification_row(
        clock, "reset-password:abc", value="user", expires_at=clock() + timedelta(hours=1), id="v" * 32
    )
    moment, end = clock().iso(), verification.expires_at.iso()
    parts = {
        False: f'{{"createdAt":"{moment}","updatedAt":"{moment}","value":"user","identifier":"reset-password:abc",'
        f'"expiresAt":"{end}"}}',
        True: f'{{"identifier":"reset-password:abc","value":"user","expiresAt":"{end}","createdAt":"{moment}",'
        f'"updatedAt":"{moment}","id":"{"v" * 32}"}}',
    }
    for is_row, written in parts.items():
        held = RedisVerifications(client, clock=clock, is_row=is_row)
        await held.put(verification)
        assert (await raw.get("verification:reset-password:abc")).decode() == written
        assert 3500 < await raw.ttl("verification:reset-password:abc") <= 3600
        assert (await held.find("reset-password:abc")).value == "user"
        assert await held.take("reset-password:abc", value="other") is None
        assert (await held.take("reset-password:abc", value="user")).expires_at == verification.expires_at
        assert await held.take("reset-password:abc") is None


async def test_a_verification_that_cannot_be_read_is_a_fault(client, raw, clock):
    held = RedisVerifications(client, clock=clock, is_row=False)
    await raw.set("verification:reset-password:abc", "{nope")
    with pytest.raises(Unavailable):
        await held.find("reset-password:abc")


async def test_a_redis_that_is_away_is_a_fault(clock):
    client = RedisClient("redis://127.0.0.1:1", PATIENT_REDIS, metrics=NoMetrics())
    held = RedisSessions(client, SessionForm(Session, User, is_row=False), clock=clock, lifetime=WEEK)
    for asking in (held.find(TOKEN), held.list("user"), held.remove_all("user", before=clock()), held.find_token("id")):
        with pytest.raises(Unavailable):
            await asking
    await client.close()

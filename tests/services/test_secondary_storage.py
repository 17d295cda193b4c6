"""Sessions and verifications in Redis: with transactions of the database, with changes of users, with faults."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
import redis.asyncio

from asgi_auth import CookieCacheOptions
from asgi_auth.errors import InvalidToken, SessionNotCreated, Unavailable
from asgi_auth.infrastructure.change_feed.base import Change
from asgi_auth.services.verification import Purpose
from tests.engine.gate import Gate
from tests.storages import storage_options
from tests.support import ADA, PASSWORD, browser, session_user, sign_up, user_id, whoami

RESET = Purpose(prefix="reset-password:", length=24, lifetime=timedelta(hours=1))
PATIENCE = 60


@pytest.fixture(params=["redis", "both"])
def in_redis(request, redis_url):
    return storage_options(request.param, redis_url)


@pytest.fixture
def services(make_auth, in_redis):
    return make_auth(**in_redis).services


@pytest.fixture
async def raw(redis_url):
    async with redis.asyncio.Redis.from_url(redis_url, decode_responses=True) as raw:
        yield raw


@pytest.fixture
async def gate(redis_url):
    """A gate before Redis, open at first."""
    parts = urlsplit(redis_url)
    gate = Gate((str(parts.hostname), parts.port or 6379))
    await gate.open()
    yield gate
    await gate.shut()


@pytest.fixture
def behind_the_gate(make_auth, in_redis, gate):
    """An Auth that reaches its Redis through the gate."""
    number = in_redis["redis"].rpartition("/")[2]
    return make_auth(**in_redis | {"redis": f"redis://127.0.0.1:{gate.port}/{number}"})


async def is_signed_in(services, session):
    try:
        await services.sessions.get_session(session.token)
    except InvalidToken:
        return False
    return True


async def undone(services, work):
    with pytest.raises(LookupError):
        await _giving_up(services, work)


async def _giving_up(services, work):
    async with services.engine.transaction():
        await work()
        raise LookupError


async def test_sessions_revoked_in_a_transaction_end_with_its_commit(services, ada):
    async with services.engine.transaction():
        assert await services.sessions.revoke_all_user_sessions(ada.user.id) == 1
        assert await asyncio.create_task(is_signed_in(services, ada.session))
    assert not await is_signed_in(services, ada.session)


@pytest.mark.parametrize("way", ["all", "others", "one", "oldest"])
async def test_what_is_undone_has_revoked_nobody(services, ada, way):
    sessions = services.sessions
    ways = {
        "all": lambda: sessions.revoke_all_user_sessions(ada.user.id),
        "others": lambda: sessions.revoke_other_sessions(ada.user.id, "x" * 32),
        "one": lambda: sessions.revoke_session(ada.session.id),
        "oldest": lambda: sessions.enforce_session_limit(ada.user.id, 0),
    }
    await undone(services, ways[way])
    assert await is_signed_in(services, ada.session)
    await ways[way]()
    assert not await is_signed_in(services, ada.session)


async def test_a_session_begun_in_a_transaction_that_is_undone_is_none(services, ada, raw):
    before = set(await raw.keys())
    await undone(services, lambda: services.sessions.create(ada.user))
    assert set(await raw.keys()) == before


async def test_a_new_session_after_all_were_revoked_in_one_transaction_is_good(services, ada, clock):
    async with services.engine.transaction():
        clock.advance(milliseconds=1)
        await services.sessions.revoke_all_user_sessions(ada.user.id)
        session = await services.sessions.create(ada.user)
        clock.advance(milliseconds=1)
    assert await is_signed_in(services, session)
    assert not await is_signed_in(services, ada.session)


async def test_a_user_who_is_gone_gets_no_session(services, ada, raw):
    await services.deletions.delete(ada.user.id)
    with pytest.raises(SessionNotCreated):
        await services.sessions.create(ada.user)
    assert [key for key in await raw.keys() if "revoked" not in key and "session-token" not in key] == []


async def test_a_secret_redeemed_in_a_transaction_that_is_undone_stays_good(services, ada):
    secret = await services.verifications.issue(RESET, value=ada.user.id)
    await undone(services, lambda: services.verifications.redeem(RESET, secret))
    assert await services.verifications.redeem(RESET, secret) == ada.user.id
    with pytest.raises(InvalidToken):
        await services.verifications.redeem(RESET, secret)


async def test_secrets_revoked_in_a_transaction_that_is_undone_stay_good(services, ada):
    secret = await services.verifications.issue(RESET, value=ada.user.id)
    await undone(services, lambda: services.verifications.revoke(RESET, value=ada.user.id))
    assert await services.verifications.find(RESET, secret) == ada.user.id
    assert await services.verifications.revoke(RESET, value=ada.user.id) == 1
    assert await services.verifications.find(RESET, secret) is None


async def test_of_many_who_redeem_a_secret_at_once_one_gets_it(services, ada):
    secret = await services.verifications.issue(RESET, value=ada.user.id)
    redeeming = (services.verifications.redeem(RESET, secret) for _ in range(20))
    answers = await asyncio.gather(*redeeming, return_exceptions=True)
    assert answers.count(ada.user.id) == 1
    assert sum(isinstance(answer, InvalidToken) for answer in answers) == 19


async def test_a_change_of_the_user_is_seen_in_all_of_its_sessions_at_once(services, ada, raw):
    second = (await services.passwords.sign_in(ADA["email"], PASSWORD)).session
    await services.users.change(ada.user.id, name="Countess")
    for session in (ada.session, second):
        assert (await services.sessions.get_session(session.token)).user.name == "Countess"
        assert json.loads(await raw.get(session.token))["user"]["name"] == "Countess"


async def test_a_change_by_whatever_door_is_followed(services, ada):
    await services.engine.users.change({"id": ada.user.id}, name="By the back door")
    assert (await services.sessions.get_session(ada.session.token)).user.name == "By the back door"


@pytest.mark.parametrize("is_named", [True, False])
async def test_what_a_feed_tells_of_is_followed(services, ada, raw, is_named):
    held = json.loads(await raw.get(ada.session.token))
    held["user"]["name"] = "Stale"
    await raw.set(ada.session.token, json.dumps(held))
    services.remembering.hub.deliver("test", [Change("user", (ada.user.id,) if is_named else ())])
    async with asyncio.timeout(PATIENCE):
        while (await services.sessions.get_session(ada.session.token)).user.name != ada.user.name:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_whoever_is_deleted_by_others_is_signed_out_as_soon_as_it_is_told(services, ada):
    await services.engine.users.remove(id=ada.user.id)
    assert not await is_signed_in(services, ada.session)


async def test_of_changes_at_once_the_last_is_what_the_sessions_hold(services, ada):
    await asyncio.gather(*(services.users.change(ada.user.id, name=f"Ada {number}") for number in range(10)))
    user = await services.users.get(ada.user.id)
    assert (await services.sessions.get_session(ada.session.token)).user == user


async def test_sign_ins_at_the_time_of_a_change_hold_no_older_user(services, ada):
    signing_in = [services.passwords.sign_in(ADA["email"], PASSWORD) for _ in range(5)]
    *signed_in, user = await asyncio.gather(*signing_in, services.users.change(ada.user.id, name="Countess"))
    for found in signed_in:
        assert (await services.sessions.get_session(found.session.token)).user == user


async def test_redis_may_lose_a_session_where_the_database_has_it_too(services, ada, raw):
    await raw.delete(ada.session.token)
    has_both = await services.engine.sessions.count() == 1
    assert await is_signed_in(services, ada.session) == has_both


async def test_a_session_that_a_better_auth_server_began_is_found_by_its_id_in_its_users_list(services, ada, raw):
    name = f"{services.remembering.redis.prefix}:session-token:{ada.session.id}"
    await services.engine.sessions.remove(id=ada.session.id)
    assert await raw.delete(name)
    for _ in range(2):
        live = await services.sessions.get_session_by_id(ada.session.id, user_id=ada.user.id)
        assert (live.session.id, live.session.token, live.user) == (ada.session.id, "", ada.user)
    assert await raw.get(name) == ada.session.token


async def test_a_mark_counts_for_sessions_by_id_as_well(services, ada, raw):
    await raw.delete(ada.session.token)
    await raw.set(f"revoked-sessions-before-{ada.user.id}", ada.session.created_at.milliseconds + 1)
    with pytest.raises(InvalidToken):
        await services.sessions.get_session_by_id(ada.session.id, user_id=ada.user.id)


async def test_a_mark_counts_for_what_the_database_still_has(services, ada, raw):
    await raw.delete(ada.session.token)
    await raw.set(f"revoked-sessions-before-{ada.user.id}", ada.session.created_at.milliseconds + 1)
    assert not await is_signed_in(services, ada.session)


async def test_whatever_another_server_changes_in_redis_counts_at_once(make_auth, in_redis, raw):
    auth = make_auth(**in_redis, cookie_cache=CookieCacheOptions(is_enabled=True))
    async with browser(auth.wrap(whoami)) as ada:
        token = (await sign_up(ada)).json()["token"]
        assert await session_user(ada) is not None
        owner = await user_id(ada)
        await raw.set(f"revoked-sessions-before-{owner}", 2**50)
        assert await session_user(ada) is None
        assert token not in str(ada.cookies)


async def test_while_redis_is_away_nobody_is_judged_and_no_cookie_cleared(behind_the_gate, gate):
    async with browser(behind_the_gate.wrap(whoami)) as ada:
        await sign_up(ada)
        await gate.shut()
        for method, path in (
            ("GET", "/api/auth/get-session"),
            ("GET", "/api/auth/list-sessions"),
            ("POST", "/api/auth/revoke-sessions"),
            ("POST", "/api/auth/sign-out"),
            ("GET", "/"),
        ):
            response = await ada.request(method, path)
            assert (response.status_code, response.headers.get_list("set-cookie")) == (503, []), path
        await gate.open()
        async with asyncio.timeout(PATIENCE):
            while (await ada.get("/api/auth/get-session")).status_code != 200:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        assert await session_user(ada) is not None


async def test_a_password_is_not_replaced_while_the_sessions_it_began_cannot_be_ended(behind_the_gate, gate):
    services = behind_the_gate.services
    ada = await services.passwords.sign_up(ADA["email"], ADA["password"], ADA["name"])
    await gate.shut()
    with pytest.raises(Unavailable):
        await services.passwords.change_password(ada.user.id, PASSWORD, "another horse entirely", revokes_sessions=True)
    await services.passwords.verify_password(ada.user.id, PASSWORD)


async def test_a_change_that_redis_missed_follows_when_it_is_back(behind_the_gate, gate):
    services = behind_the_gate.services
    ada = await services.passwords.sign_up(ADA["email"], ADA["password"], ADA["name"])
    await gate.shut()
    await services.users.change(ada.user.id, name="Countess")
    await gate.open()

    async def name():
        try:
            return (await services.sessions.get_session(ada.session.token)).user.name
        except Unavailable:
            return None

    async with asyncio.timeout(PATIENCE):
        while await name() != "Countess":  # noqa: ASYNC110
            await asyncio.sleep(0.05)

"""Sessions are created, read, listed and revoked in one place."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import msgspec
import pytest

from asgi_auth import Device, SessionOptions
from asgi_auth.errors import InvalidToken, SessionNotCreated, SessionNotFresh
from tests.contracts.rows import user_row

LAPTOP = Device(ip_address="203.0.113.7", user_agent="Firefox")


@pytest.fixture
def sessions(services):
    return services.sessions


async def tokens_of(sessions, user):
    return [session.token for session in await sessions.list_user_sessions(user.id)]


# creating


async def test_a_new_session_lives_for_seven_days(sessions, ada, clock):
    session = await sessions.create(ada.user, device=LAPTOP)
    assert session.expires_at == clock() + timedelta(days=7)
    assert session.created_at == session.updated_at == clock()
    assert (session.user_id, session.ip_address, session.user_agent) == (ada.user.id, "203.0.113.7", "Firefox")
    assert all(len(secret) == 32 and secret.isalnum() for secret in (session.token, session.id))
    assert session.token != session.id


async def test_a_session_of_an_unknown_device_has_empty_texts(sessions, ada):
    session = await sessions.create(ada.user)
    assert (session.ip_address, session.user_agent) == ("", "")


async def test_a_session_not_to_be_remembered_lives_for_a_day(sessions, ada, clock):
    session = await sessions.create(ada.user, is_remembered=False)
    assert session.expires_at == clock() + timedelta(days=1)


async def test_nobody_gets_a_session_who_is_gone(sessions, clock):
    with pytest.raises(SessionNotCreated):
        await sessions.create(user_row(clock))


async def test_no_token_is_given_twice(sessions, ada):
    made = [await sessions.create(ada.user) for _ in range(10)]
    assert len({session.token for session in made}) == len({session.id for session in made}) == 10


async def test_a_token_is_in_no_repr(sessions, ada):
    live = await sessions.get_session(ada.session.token)
    assert ada.session.token not in repr(live) + repr(live.session) + repr(ada)


# reading


async def test_a_session_comes_with_its_user(sessions, ada):
    live = await sessions.get_session(ada.session.token)
    assert (live.session, live.user) == (ada.session, ada.user)
    assert not live.is_refreshed
    assert not live.needs_refresh


async def test_an_unknown_token_is_refused(sessions, ada):
    for token in ("", "x", ada.session.id, ada.session.token.swapcase(), ada.session.token[:-1]):
        with pytest.raises(InvalidToken):
            await sessions.get_session(token)


async def test_a_session_holds_until_the_last_moment(sessions, ada, clock):
    session = await sessions.create(ada.user, is_remembered=False)
    clock.advance(days=1)
    live = await sessions.get_session(session.token, refreshes=False)
    assert live.session.id == session.id


async def test_an_expired_session_is_refused_and_deleted(sessions, services, ada, clock):
    clock.advance(days=7, milliseconds=1)
    for _ in range(2):
        with pytest.raises(InvalidToken):
            await sessions.get_session(ada.session.token)
    assert await services.engine.sessions.count() == 0


async def test_a_session_of_a_user_who_is_gone_is_gone(sessions, services, ada):
    await services.engine.users.remove(id=ada.user.id)
    with pytest.raises(InvalidToken):
        await sessions.get_session(ada.session.token)


async def test_metadata_tell_everything_but_the_token(sessions, ada):
    session = await sessions.create(ada.user, device=LAPTOP)
    shown = await sessions.get_session_metadata(session.id)
    expected = msgspec.structs.asdict(session)
    del expected["token"]
    assert {name: getattr(shown, name) for name in expected} == expected
    assert not hasattr(shown, "token")
    assert await sessions.get_session_metadata("nobody") is None


async def test_a_session_is_active_until_it_expires_or_is_revoked(sessions, ada, clock):
    other = await sessions.create(ada.user)
    assert await sessions.is_session_active(ada.session.id)
    assert not await sessions.is_session_active("nobody")
    await sessions.revoke_session(other.id)
    assert not await sessions.is_session_active(other.id)
    clock.advance(days=7)
    assert await sessions.is_session_active(ada.session.id)
    clock.advance(milliseconds=1)
    assert not await sessions.is_session_active(ada.session.id)


async def test_the_list_has_what_holds_oldest_first_and_only_this_users(sessions, ada, bob, clock):
    await sessions.create(ada.user, is_remembered=False)
    clock.advance(days=1, milliseconds=1)
    newest = await sessions.create(ada.user)
    assert await tokens_of(sessions, ada.user) == [ada.session.token, newest.token]
    assert await tokens_of(sessions, bob.user) == [bob.session.token]
    assert await sessions.list_user_sessions("nobody") == []


# changing


async def test_an_update_sets_fields_and_the_time_of_change(sessions, ada, clock):
    clock.advance(hours=1)
    changed = await sessions.update_session(ada.session.id, user_agent="Safari")
    assert (changed.user_agent, changed.updated_at) == ("Safari", clock())
    assert (await sessions.get_session(ada.session.token)).session == changed


async def test_a_session_that_is_gone_cannot_be_updated(sessions):
    with pytest.raises(InvalidToken):
        await sessions.update_session("nobody", user_agent="Safari")


async def test_a_session_is_fresh_for_a_day_after_signing_in(sessions, ada, clock):
    clock.advance(hours=23, minutes=59, seconds=59)
    sessions.require_fresh(ada.session)
    clock.advance(seconds=1)
    with pytest.raises(SessionNotFresh):
        sessions.require_fresh(ada.session)
    with pytest.raises(SessionNotFresh):
        sessions.require_fresh(await sessions.refresh_session(ada.session.token))


async def test_where_nothing_has_to_be_fresh_everything_is(make_auth, clock):
    services = make_auth(session=SessionOptions(fresh_for=timedelta())).services
    ada = await services.passwords.sign_up("ada@example.com", "correct horse", "Ada")
    clock.advance(days=6)
    services.sessions.require_fresh(ada.session)


# revoking


REVOKING = {
    "one by id": (lambda its: its.sessions.revoke_session(its.mine[0].id), True, {1, 2}),
    "one by token": (lambda its: its.sessions.revoke_token(its.mine[0].token), True, {1, 2}),
    "one of this user": (lambda its: its.sessions.revoke_token(its.mine[0].token, user_id=its.ada.id), True, {1, 2}),
    "the others": (lambda its: its.sessions.revoke_other_sessions(its.ada.id, its.mine[1].token), 2, {1}),
    "all": (lambda its: its.sessions.revoke_all_user_sessions(its.ada.id), 3, set()),
    "all but the newest two": (lambda its: its.sessions.enforce_session_limit(its.ada.id, 2), 1, {1, 2}),
    "all but none": (lambda its: its.sessions.enforce_session_limit(its.ada.id, 0), 3, set()),
    "none, for there are not too many": (lambda its: its.sessions.enforce_session_limit(its.ada.id, 3), 0, {0, 1, 2}),
    "one that is not there": (lambda its: its.sessions.revoke_session("nobody"), False, {0, 1, 2}),
    "a token that is not there": (lambda its: its.sessions.revoke_token("nobody"), False, {0, 1, 2}),
    "somebody elses": (lambda its: its.sessions.revoke_token(its.mine[0].token, user_id="bob"), False, {0, 1, 2}),
}


@pytest.mark.parametrize("what", REVOKING)
async def test_revoking_ends_what_it_says_and_nobody_elses(sessions, ada, bob, clock, what):
    revoke, expected, left = REVOKING[what]
    mine = [ada.session]
    for _ in range(2):
        clock.advance(seconds=1)
        mine.append(await sessions.create(ada.user))
    assert await revoke(SimpleNamespace(sessions=sessions, ada=ada.user, mine=mine)) == expected
    assert await tokens_of(sessions, ada.user) == [mine[number].token for number in sorted(left)]
    assert await tokens_of(sessions, bob.user) == [bob.session.token]


async def test_a_revoked_session_is_refused_at_once(sessions, ada):
    assert await sessions.revoke_session(ada.session.id)
    assert not await sessions.revoke_session(ada.session.id)
    with pytest.raises(InvalidToken):
        await sessions.get_session(ada.session.token)
    with pytest.raises(InvalidToken):
        await sessions.refresh_session(ada.session.token)

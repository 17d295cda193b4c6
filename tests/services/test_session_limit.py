"""No user has more sessions than allowed, exactly, however many sign in at once; the oldest go."""

from __future__ import annotations

import asyncio

import pytest

from asgi_auth import SessionOptions
from tests.support import ADA, BOB


@pytest.fixture
async def services(make_auth, database_url):
    """Services with three sessions a user, one of them taken by each of Ada and Bob."""
    services = make_auth(database=database_url, session=SessionOptions(max_per_user=3)).services
    for person in (ADA, BOB):
        await services.passwords.sign_up(person["email"], person["password"], person["name"])
    return services


def sign_in(services, person=ADA):
    return services.passwords.sign_in(person["email"], person["password"])


async def live_sessions(services, person=ADA):
    user = await services.users.find_by_email(person["email"])
    return await services.sessions.list_user_sessions(user.id)


async def test_the_oldest_session_makes_room_for_the_newest(services, clock):
    for _ in range(4):
        clock.advance(minutes=1)
        newest = await sign_in(services)
    left = await live_sessions(services)
    assert len(left) == 3
    assert newest.session in left
    assert [session.created_at for session in left] == sorted(session.created_at for session in left)
    assert min(session.created_at for session in left) == clock.now - 2 * (left[1].created_at - left[0].created_at)
    assert len(await live_sessions(services, BOB)) == 1


async def test_many_who_sign_in_at_once_leave_no_more_than_allowed(services):
    people = [ADA] * 20 + [BOB] * 5
    signed_in = await asyncio.gather(*(sign_in(services, person) for person in people))
    assert len({found.session.token for found in signed_in}) == 25
    assert len(await live_sessions(services, ADA)) == 3
    assert len(await live_sessions(services, BOB)) == 3
    assert await services.engine.sessions.count() == 6


async def test_signing_up_counts_as_well(make_auth):
    services = make_auth(session=SessionOptions(max_per_user=1)).services
    first = (await services.passwords.sign_up(ADA["email"], ADA["password"], ADA["name"])).session
    second = (await sign_in(services)).session
    assert await live_sessions(services) == [second]
    assert first.token != second.token


async def test_a_limit_enforced_at_once_from_many_sides_is_exact(services):
    user = await services.users.find_by_email(ADA["email"])
    for _ in range(9):
        await services.sessions.create(user)
    ended = await asyncio.gather(*(services.sessions.enforce_session_limit(user.id, 4) for _ in range(20)))
    assert sum(ended) == 6
    assert len(await live_sessions(services)) == 4


async def test_expired_sessions_take_nobodys_place(services, clock):
    user = await services.users.find_by_email(ADA["email"])
    short = await services.sessions.create(user, is_remembered=False)
    clock.advance(days=1, milliseconds=1)
    await sign_in(services)
    await sign_in(services)
    left = await live_sessions(services)
    assert len(left) == 3
    assert short not in left

"""Sessions slide: used a day after their last refresh they are extended, once, whoever asks at the same time."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from asgi_auth import SessionOptions
from asgi_auth.errors import InvalidToken
from tests.support import ADA

WEEK = timedelta(days=7)


@pytest.fixture
def sessions(services):
    return services.sessions


@pytest.mark.parametrize(
    ("used_after", "is_extended"),
    [
        (timedelta(hours=23), False),  # 6 days and an hour are left
        (timedelta(hours=25), True),  # 5 days and 23 hours are left
        (timedelta(days=1) - timedelta(milliseconds=1), False),
        (timedelta(days=1), True),
        (timedelta(days=7), True),
    ],
)
async def test_a_session_is_extended_a_day_after_its_last_refresh(sessions, ada, clock, used_after, is_extended):
    clock.now += used_after
    live = await sessions.get_session(ada.session.token)
    assert live.is_refreshed is is_extended
    expected = clock() + WEEK if is_extended else ada.session.expires_at
    assert live.session.expires_at == expected
    assert live.session.updated_at == (clock() if is_extended else ada.session.updated_at)
    assert (await sessions.get_session(ada.session.token)).session == live.session


async def test_an_extended_session_is_left_alone_for_another_day(sessions, ada, clock):
    refreshed = []
    for _ in range(6):
        clock.advance(hours=12)
        refreshed.append((await sessions.get_session(ada.session.token)).is_refreshed)
    assert refreshed == [False, True, False, True, False, True]


async def test_of_many_who_ask_at_once_one_extends_it_and_all_see_it_extended(sessions, ada, clock):
    clock.advance(days=2)
    found = await asyncio.gather(*(sessions.get_session(ada.session.token) for _ in range(20)))
    assert [live.is_refreshed for live in found].count(True) == 1
    assert {live.session.expires_at for live in found} == {clock() + WEEK}


async def test_a_session_revoked_meanwhile_is_not_brought_back(sessions, ada, clock):
    clock.advance(days=2)
    token = ada.session.token
    uses = [sessions.get_session(token) for _ in range(10)]
    *found, revoked = await asyncio.gather(*uses, sessions.revoke_token(token), return_exceptions=True)
    assert revoked is True
    refused = [live for live in found if isinstance(live, BaseException)]
    assert {type(error) for error in refused} <= {InvalidToken}
    with pytest.raises(InvalidToken):
        await sessions.get_session(token)


async def test_reading_only_tells_that_a_session_is_due(sessions, ada, clock):
    clock.advance(days=2)
    live = await sessions.get_session(ada.session.token, refreshes=False)
    assert live.needs_refresh
    assert not live.is_refreshed
    assert live.session == ada.session
    assert (await sessions.get_session(ada.session.token)).is_refreshed


async def test_a_session_can_be_extended_before_it_is_due(sessions, ada, clock):
    clock.advance(minutes=1)
    session = await sessions.refresh_session(ada.session.token)
    assert session.expires_at == clock() + WEEK
    assert (session.id, session.token) == (ada.session.id, ada.session.token)


async def test_what_is_gone_cannot_be_extended(sessions, ada, clock):
    with pytest.raises(InvalidToken):
        await sessions.refresh_session("nobody")
    clock.advance(days=8)
    with pytest.raises(InvalidToken):
        await sessions.refresh_session(ada.session.token)


# as configured


@pytest.fixture
def sign_up(make_auth):
    """Sign Ada up with the session options given: the service, and her session."""

    async def sign_up(**options):
        services = make_auth(session=SessionOptions(**options)).services
        signed_up = await services.passwords.sign_up(ADA["email"], ADA["password"], ADA["name"])
        return services.sessions, signed_up.session

    return sign_up


async def test_without_refresh_a_session_ends_when_it_said(sign_up, clock):
    sessions, session = await sign_up(is_refreshed=False)
    clock.advance(days=6, hours=23)
    live = await sessions.get_session(session.token)
    assert (live.session, live.is_refreshed, live.needs_refresh) == (session, False, False)


async def test_refreshing_after_no_time_extends_at_each_use(sign_up, clock):
    sessions, session = await sign_up(refresh_after=timedelta())
    for _ in range(3):
        clock.advance(seconds=1)
        live = await sessions.get_session(session.token)
        assert live.is_refreshed
        assert live.session.expires_at == clock() + WEEK


async def test_lifetimes_are_as_configured(sign_up, clock):
    sessions, session = await sign_up(
        lifetime=timedelta(hours=1), short_lifetime=timedelta(minutes=5), refresh_after=timedelta(minutes=10)
    )
    assert session.expires_at == clock() + timedelta(hours=1)
    user = (await sessions.get_session(session.token)).user
    short = await sessions.create(user, is_remembered=False)
    assert short.expires_at == clock() + timedelta(minutes=5)
    clock.advance(minutes=9)
    assert not (await sessions.get_session(session.token)).is_refreshed
    clock.advance(minutes=1)
    assert (await sessions.get_session(session.token)).session.expires_at == clock() + timedelta(hours=1)

"""A session is read by its id as it is by its token, but for the token, which nobody gets who knows the id alone."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from asgi_auth import SessionOptions
from asgi_auth.errors import InvalidToken, Unavailable
from tests.middleware.people import break_database
from tests.services.recorders import Figures
from tests.support import ADA, eventually

pytestmark = pytest.mark.every_storage


@pytest.fixture
def sessions(services):
    return services.sessions


@pytest.fixture
def read(sessions, ada):
    """Reads Ada's session by its id."""

    async def read():
        return await sessions.get_session_by_id(ada.session.id, user_id=ada.user.id)

    return read


@pytest.fixture
def is_refused(read):
    async def is_refused() -> bool:
        try:
            await read()
        except InvalidToken:
            return True
        return False

    return is_refused


@pytest.fixture
async def is_known(services, read):
    """Whether reading it costs no query; by now it does not."""

    async def is_known() -> bool:
        with services.engine.recorded() as statements:
            await read()
        return not statements

    await eventually(is_known)
    return is_known


async def test_it_comes_with_its_user_and_without_its_token(sessions, read, ada):
    await sessions.get_session(ada.session.token)  # who was known by token before gives it away no more than others
    for _ in range(2):
        live = await read()
        assert (live.session.id, live.session.expires_at, live.user) == (
            ada.session.id,
            ada.session.expires_at,
            ada.user,
        )
        assert live.session.token == ""
        assert ada.session.token not in repr(live)


async def test_it_is_its_users_alone(sessions, ada, bob):
    for session_id, user_id in (
        (ada.session.id, bob.user.id),
        (bob.session.id, ada.user.id),
        (ada.session.token, ada.user.id),
        ("", ada.user.id),
        (ada.session.id, ""),
        ("nobody", "nobody"),
    ):
        with pytest.raises(InvalidToken):
            await sessions.get_session_by_id(session_id, user_id=user_id)
    assert (await sessions.get_session_by_id(ada.session.id, user_id=ada.user.id)).user == ada.user


async def test_ids_that_are_one_text_together_are_told_apart(sessions, services, ada):
    await services.engine.sessions.change({"id": ada.session.id}, id="1:2")
    for session_id, user_id in (("1", f"2:{ada.user.id}"), ("1:2:" + ada.user.id, ""), ("1", ada.user.id)):
        with pytest.raises(InvalidToken):
            await sessions.get_session_by_id(session_id, user_id=user_id)


ENDINGS = {
    "by id": lambda sessions, ada: sessions.revoke_session(ada.session.id),
    "by token": lambda sessions, ada: sessions.revoke_token(ada.session.token),
    "with all": lambda sessions, ada: sessions.revoke_all_user_sessions(ada.user.id),
    "with the others": lambda sessions, ada: sessions.revoke_other_sessions(ada.user.id, "x" * 32),
    "for there are too many": lambda sessions, ada: sessions.enforce_session_limit(ada.user.id, 0),
}


@pytest.mark.parametrize("way", ENDINGS)
async def test_it_ends_at_once_whatever_ended_it(sessions, read, is_refused, ada, way):
    await read()
    assert await ENDINGS[way](sessions, ada)
    for _ in range(2):
        assert await is_refused()


async def test_an_expired_one_is_refused_and_gone(sessions, read, is_refused, ada, clock):
    await read()
    clock.advance(days=7)
    await read()
    clock.advance(milliseconds=1)
    for _ in range(2):
        assert await is_refused()
    assert not await sessions.revoke_session(ada.session.id)


async def test_what_changes_in_its_user_is_seen_at_once(services, read, ada):
    await read()
    await services.users.change(ada.user.id, name="Countess")

    async def is_followed() -> bool:
        return (await read()).user.name == "Countess"

    await eventually(is_followed)


async def test_it_is_not_extended_and_its_use_is_not_noted(make_auth, database_url, clock):
    options = SessionOptions(refresh_after=timedelta(minutes=1), tracks_activity=True)
    services = make_auth(database=database_url, session=options).services
    ada = await services.passwords.sign_up(ADA["email"], ADA["password"], ADA["name"])
    clock.advance(hours=1)
    live = await services.sessions.get_session_by_id(ada.session.id, user_id=ada.user.id)
    await services.sessions.close()
    assert not live.is_refreshed
    again = await services.sessions.get_session(ada.session.token, refreshes=False)
    assert (again.session.expires_at, again.session.updated_at) == (ada.session.expires_at, ada.session.updated_at)


async def test_once_it_was_extended_it_holds_for_longer(sessions, read, ada, clock):
    await read()
    clock.advance(days=6)
    await sessions.refresh_session(ada.session.token)
    clock.advance(days=6)
    assert (await read()).session.expires_at == clock() + timedelta(days=1)


@pytest.mark.in_database
async def test_it_costs_one_read_and_none_where_it_is_known(services, read, is_known):
    live = await read()
    assert live.standing is not None
    assert live.standing.is_told
    assert live.standing.until == live.session.expires_at.timestamp()
    services.sessions._cache_by_id.forget_all()
    with services.engine.recorded() as statements:
        assert await asyncio.gather(*(read() for _ in range(20)))
    assert len(statements) == 1
    assert await is_known()


@pytest.mark.in_database
async def test_what_stands_on_it_falls_with_it(sessions, read, ada, is_known):
    standing = (await read()).standing
    assert standing.cell.is_live
    await sessions.revoke_session(ada.session.id)
    assert not standing.cell.is_live
    assert not await sessions.is_session_active(ada.session.id)


@pytest.mark.in_database
async def test_within_a_transaction_nothing_is_remembered(services, is_known, is_refused, ada):
    async with services.engine.transaction():
        await services.engine.sessions.remove(id=ada.session.id)
        assert await is_refused()


@pytest.mark.in_database
async def test_who_cannot_be_looked_up_is_not_refused(make_auth, database_url):
    auth = make_auth(database=database_url)
    ada = await auth.services.passwords.sign_up(ADA["email"], ADA["password"], ADA["name"])
    await break_database(auth)
    with pytest.raises(Unavailable):
        await auth.services.sessions.get_session_by_id(ada.session.id, user_id=ada.user.id)


@pytest.mark.in_database
async def test_it_is_counted_by_the_layer_that_knew(services, read, is_known):
    services.sessions._metrics = figures = Figures()
    await read()
    services.sessions._cache_by_id.forget_all()
    await read()
    assert figures.counts == [
        ("auth.session.cache.hit", {"layer": "memory"}),
        ("auth.session.cache.miss", {"layer": "record"}),
    ]


@pytest.mark.in_database
async def test_what_all_processes_share_of_it_has_no_token(make_auth, database_url, redis_url, clock):
    here, there = (make_auth(database=database_url, redis=redis_url).services for _ in range(2))
    ada = await here.passwords.sign_up(ADA["email"], ADA["password"], ADA["name"])
    by_id = {"session_id": ada.session.id, "user_id": ada.user.id}

    async def is_shared() -> bool:
        await here.sessions.get_session_by_id(**by_id)
        there.sessions._cache_by_id.forget_all()
        with there.engine.recorded() as statements:
            live = await there.sessions.get_session_by_id(**by_id)
        assert (live.session.id, live.session.token, live.user) == (ada.session.id, "", ada.user)
        return not statements

    await eventually(is_shared)
    await here.sessions.revoke_session(ada.session.id)

    async def is_told() -> bool:
        try:
            await there.sessions.get_session_by_id(**by_id)
        except InvalidToken:
            return True
        return False

    await eventually(is_told)


async def test_another_credential_keeps_it_in_use(make_auth, database_url, clock):
    options = SessionOptions(refresh_after=timedelta(minutes=1), tracks_activity=True)
    services = make_auth(database=database_url, session=options).services
    ada = await services.passwords.sign_up(ADA["email"], ADA["password"], ADA["name"])
    clock.advance(hours=1)
    live = await services.sessions.continue_session(ada.session.id, user_id=ada.user.id)
    assert (live.session.token, live.user, live.is_refreshed) == ("", ada.user, True)
    assert ada.session.token not in repr(live)
    again = await services.sessions.get_session(ada.session.token, refreshes=False, reads_record=True)
    assert again.session.expires_at == live.session.expires_at == ada.session.expires_at + timedelta(hours=1)


async def test_the_store_of_record_says_whether_it_goes_on(services, sessions, ada, bob, clock):
    async def goes_on(session_id=ada.session.id, user_id=ada.user.id):
        try:
            return bool(await sessions.continue_session(session_id, user_id=user_id))
        except InvalidToken:
            return False

    assert await goes_on()
    assert not await goes_on(user_id=bob.user.id)
    assert not await goes_on(session_id="nobody's")
    await sessions.revoke_session(ada.session.id)
    assert not await goes_on()
    clock.advance(days=8)
    assert not await goes_on(bob.session.id, bob.user.id)
    assert not await sessions.revoke_session(bob.session.id)  # it is gone

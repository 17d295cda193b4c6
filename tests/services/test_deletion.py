"""The end of a user: everything or nothing, once, and told."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from asgi_auth import Forbidden
from asgi_auth.errors import DeletionDisabled, SessionNotCreated
from asgi_auth.events import SessionRevoked, UserDeleted
from asgi_auth.services.verification import Purpose
from tests.support import ADA, PASSWORD

RESET = Purpose(prefix="reset-password:", length=24, lifetime=timedelta(hours=1))


def revoked(session):
    return SessionRevoked(session_id=session.id, user_id=session.user_id)


async def test_rows_of_the_user_go_and_rows_of_others_stay(services, ada, bob):
    engine, verifications = services.engine, services.verifications
    await services.passwords.sign_in(ADA["email"], PASSWORD)
    lost = await verifications.issue(RESET, value=ada.user.id)
    kept = await verifications.issue(RESET, value=bob.user.id)
    assert await services.deletions.delete(ada.user.id) is True

    for store in (engine.users, engine.accounts, engine.sessions, engine.verifications):
        assert await store.count() == 1
    assert await verifications.find(RESET, lost) is None
    assert await verifications.find(RESET, kept) == bob.user.id
    assert await services.users.find(bob.user.id) == bob.user


@pytest.mark.every_storage
async def test_each_session_and_the_user_are_told_of_after_it_is_true(services, ada, events):
    second = (await services.passwords.sign_in(ADA["email"], PASSWORD)).session
    events.taken()
    left = []

    async def look(event):
        left.append(await services.users.find(ada.user.id))

    services.events.subscribe(UserDeleted, look)
    services.events.subscribe(SessionRevoked, look)
    await services.deletions.delete(ada.user.id)

    told = events.taken()
    assert told[-1] == UserDeleted(ada.user)
    assert sorted(told[:-1], key=lambda event: event.session_id) == sorted(
        [revoked(ada.session), revoked(second)], key=lambda event: event.session_id
    )
    assert left == [None] * 3


@pytest.mark.every_storage
async def test_of_many_deletions_at_once_one_is_the_one(services, ada, events):
    outcomes = await asyncio.gather(*(services.deletions.delete(ada.user.id) for _ in range(8)))
    assert sorted(outcomes) == [False] * 7 + [True]
    assert events.taken().count(UserDeleted(ada.user)) == 1
    assert await services.deletions.delete(ada.user.id) is False


async def test_a_step_cleans_up_in_the_same_transaction(services, ada):
    seen = []

    async def step(user):
        seen.append((user, await services.engine.sessions.count()))

    services.deletions.add_step(step)
    await services.deletions.delete(ada.user.id)
    assert seen == [(ada.user, 1)]


@pytest.mark.every_storage
async def test_a_step_that_refuses_keeps_everything(services, ada, events):
    async def clean_up(user):
        await services.engine.accounts.remove(user_id=user.id)

    async def refuse(_user):
        raise Forbidden

    services.deletions.add_step(clean_up)
    services.deletions.add_step(refuse)
    with pytest.raises(Forbidden):
        await services.deletions.delete(ada.user.id)

    assert events.taken() == []
    assert (await services.sessions.get_session(ada.session.token)).user == ada.user
    await services.passwords.verify_password(ada.user.id, PASSWORD)


@pytest.mark.every_storage
async def test_nobody_signs_in_while_it_goes_on_without_that_session_ending_too(services, ada, events):
    async def sign_in():
        try:
            return await services.sign_in.complete(ada.user, method="test")
        except SessionNotCreated:
            return None

    results = await asyncio.gather(*(sign_in() for _ in range(4)), services.deletions.delete(ada.user.id))
    begun = {signed_in.session.id for signed_in in results[:4] if signed_in is not None} | {ada.session.id}
    ended = {event.session_id for event in events.taken() if isinstance(event, SessionRevoked)}
    assert ended == begun
    assert await services.engine.sessions.count() == 0


async def test_a_user_deletes_itself_only_where_it_may(services, ada):
    with pytest.raises(DeletionDisabled):
        await services.deletions.delete_self(ada.user, ada.session, password=PASSWORD)
    with pytest.raises(DeletionDisabled):
        await services.deletions.redeem(ada.user, "z" * 32)
    assert await services.users.find(ada.user.id) == ada.user

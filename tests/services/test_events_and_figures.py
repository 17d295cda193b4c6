"""What services tell others: events once they are true, figures about what happened."""

from __future__ import annotations

import asyncio

import pytest

from asgi_auth import Forbidden, SessionOptions
from asgi_auth.errors import EmailTaken, InvalidCredentials, InvalidToken, NotFound
from asgi_auth.events import PasswordChanged, SessionCreated, SessionRevoked, UserChanged, UserCreated
from tests.services.recorders import Events
from tests.support import ADA, BOB, PASSWORD

NEW = "another horse battery"


def revoked(session):
    return SessionRevoked(session_id=session.id, user_id=session.user_id)


# events


async def test_signing_up_and_in_is_told(services, events):
    signed_up = await services.passwords.sign_up(ADA["email"], PASSWORD, "Ada")
    assert events.taken() == [UserCreated(signed_up.user), SessionCreated(signed_up.session, "password")]
    signed_in = await services.passwords.sign_in(ADA["email"], PASSWORD)
    assert events.taken() == [SessionCreated(signed_in.session, "password")]
    by_link = await services.sign_in.complete(signed_up.user, method="magic link")
    assert events.taken() == [SessionCreated(by_link.session, "magic link")]


async def test_what_did_not_happen_is_not_told(services, ada, events):
    async def refusing(attempt):
        raise Forbidden

    with pytest.raises(EmailTaken):
        await services.passwords.sign_up(ADA["email"], PASSWORD, "Ada")
    with pytest.raises(InvalidCredentials):
        await services.passwords.sign_in(ADA["email"], "wrong password")
    with pytest.raises(NotFound):
        await services.users.change("nobody", name="Grace")
    assert not await services.sessions.revoke_session("nobody")
    services.sign_in.add_locked_step(refusing)
    with pytest.raises(Forbidden):
        await services.passwords.sign_in(ADA["email"], PASSWORD)
    assert events.taken() == []


async def test_changes_are_told(services, ada, events):
    await services.users.change(ada.user.id, name="Grace")
    await services.passwords.change_password(ada.user.id, PASSWORD, NEW)
    assert events.taken() == [UserChanged(ada.user.id), PasswordChanged(ada.user.id)]


async def test_every_way_of_ending_a_session_is_told(services, ada, events):
    sessions, user = services.sessions, ada.user
    one, two, three, four, five = [await sessions.create(user) for _ in range(5)]
    await sessions.revoke_session(one.id)
    await sessions.revoke_token(two.token)
    await services.passwords.sign_out(three.token)
    assert events.taken() == [revoked(one), revoked(two), revoked(three)]
    await sessions.revoke_other_sessions(user.id, five.token)
    assert {event.session_id for event in events.taken()} == {ada.session.id, four.id}
    await sessions.revoke_all_user_sessions(user.id)
    assert events.taken() == [revoked(five)]


async def test_ending_all_sessions_with_the_password_is_told(services, ada, events):
    await services.passwords.change_password(ada.user.id, PASSWORD, NEW, revokes_sessions=True)
    assert events.taken() == [revoked(ada.session), PasswordChanged(ada.user.id)]


async def test_a_listener_finds_the_fact_already_true_for_everybody(services):
    seen = []

    async def look(event):
        task = asyncio.create_task(services.users.find(event.user.id))  # a task of its own is in no transaction
        seen.append(await task)

    services.events.subscribe(UserCreated, look)
    signed_up = await services.passwords.sign_up(ADA["email"], PASSWORD, "Ada")
    assert seen == [signed_up.user]


async def test_what_a_transaction_undid_was_never_told(services, ada, events):
    async def change_and_fail():
        async with services.engine.transaction():
            await services.users.change(ada.user.id, name="Grace")
            await services.sessions.revoke_all_user_sessions(ada.user.id)
            assert events.seen == []
            raise LookupError

    with pytest.raises(LookupError):
        await change_and_fail()
    assert events.taken() == []
    async with services.engine.transaction():
        await services.sessions.revoke_all_user_sessions(ada.user.id)
        assert events.seen == []
    assert events.taken() == [revoked(ada.session)]


async def test_sessions_that_made_room_are_told_only_if_the_new_one_came(make_auth, database_url):
    services = make_auth(database=database_url, session=SessionOptions(max_per_user=1)).services
    ada = await services.passwords.sign_up(ADA["email"], PASSWORD, "Ada")
    events = Events(services.events)
    refuses = [True]

    async def refusing(attempt):
        if refuses.pop():
            raise Forbidden

    services.sign_in.add_locked_step(refusing)
    with pytest.raises(Forbidden):
        await services.passwords.sign_in(ADA["email"], PASSWORD)
    assert events.taken() == []
    assert await services.sessions.is_session_active(ada.session.id)
    refuses.append(False)
    signed_in = await services.passwords.sign_in(ADA["email"], PASSWORD)
    assert events.taken() == [revoked(ada.session), SessionCreated(signed_in.session, "password")]


async def test_a_listener_that_fails_fails_nobodys_sign_in(services, ada):
    async def failing(event):
        raise LookupError

    services.events.subscribe(SessionCreated, failing)
    assert (await services.passwords.sign_in(ADA["email"], PASSWORD)).session is not None


# figures


@pytest.fixture
def services_with_figures(make_auth, figures):
    return make_auth(metrics=figures).services


async def test_sign_ins_are_counted_by_outcome_and_method(services_with_figures, figures):
    passwords = services_with_figures.passwords
    await passwords.sign_up(ADA["email"], PASSWORD, "Ada")
    await passwords.sign_in(ADA["email"], PASSWORD)
    for email in (ADA["email"], BOB["email"]):
        with pytest.raises(InvalidCredentials):
            await passwords.sign_in(email, "wrong password")
    assert figures.counts == [
        ("auth.login.success", {"method": "password"}),
        ("auth.login.success", {"method": "password"}),
        ("auth.login.failure", {"method": "password"}),
        ("auth.login.failure", {"method": "password"}),
    ]


async def test_bearer_tokens_are_counted_by_outcome(services_with_figures, figures):
    bearer = services_with_figures.bearer_tokens
    session = (await services_with_figures.passwords.sign_up(ADA["email"], PASSWORD, "Ada")).session
    figures.counts.clear()
    await bearer.get_session_from_bearer(session.token)
    for offered in ("nobody", "no.signature"):
        with pytest.raises(InvalidToken):
            await bearer.get_session_from_bearer(offered)
    outcomes = [labels["outcome"] for name, labels in figures.counts if name == "auth.bearer.verify"]
    assert outcomes == ["accepted", "refused", "refused"]
    assert [name for name, _ in figures.counts].count("auth.session.cache.miss") == 2


async def test_the_queue_of_hashes_is_measured(services_with_figures, figures):
    await services_with_figures.passwords.sign_up(ADA["email"], PASSWORD, "Ada")
    assert [value for name, value in figures.gauges if name == "auth.hash.queue"][-1] == 0


async def test_how_long_hashes_wait_and_take_is_measured(services_with_figures, figures):
    await services_with_figures.passwords.sign_up(ADA["email"], PASSWORD, "Ada")
    await services_with_figures.passwords.sign_in(ADA["email"], PASSWORD)
    for name in ("auth.hash.wait", "auth.hash.duration"):
        measured = [value for told, value in figures.observations if told == name]
        assert len(measured) == 2
        assert all(value > 0 for value in measured)


async def test_every_session_that_is_revoked_is_counted(services_with_figures, figures):
    signed_up = await services_with_figures.passwords.sign_up(ADA["email"], PASSWORD, "Ada")
    for _ in range(2):
        await services_with_figures.passwords.sign_in(ADA["email"], PASSWORD)
    await services_with_figures.sessions.revoke_session(signed_up.session.id)
    await services_with_figures.sessions.revoke_session(signed_up.session.id)
    assert [name for name, _ in figures.counts].count("auth.session.revoked") == 1
    await services_with_figures.sessions.revoke_all_user_sessions(signed_up.user.id)
    assert [name for name, _ in figures.counts].count("auth.session.revoked") == 3


async def test_no_figure_holds_a_secret_or_an_address(services_with_figures, figures):
    signed_up = await services_with_figures.passwords.sign_up(ADA["email"], PASSWORD, "Ada")
    await services_with_figures.bearer_tokens.get_session_from_bearer(signed_up.session.token)
    told = repr(figures.counts)
    assert not any(secret in told for secret in (PASSWORD, signed_up.session.token, ADA["email"], signed_up.user.id))

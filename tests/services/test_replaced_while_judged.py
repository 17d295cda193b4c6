"""A password that is replaced while a sign-in with it is under way: nobody is left in who should be out."""

from __future__ import annotations

import asyncio

import pytest

from asgi_auth.errors import InvalidCredentials
from tests.mailbox import Mailbox
from tests.support import ADA, BASE_URL, PASSWORD

NEW = "another horse battery"


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def auth(make_auth, mailbox, database_url):
    return make_auth(database=database_url, mail=mailbox.options, base_url=BASE_URL)


@pytest.fixture
def before_the_session(services):
    """Has something happen once, when the password of the next sign-in was found right."""

    def arrange(happen):
        left = [happen]

        async def step(_):
            if left:
                await left.pop()()

        services.sign_in.add_step(step)

    return arrange


async def _reset(services, mailbox, auth):
    await services.passwords.forget_password(ADA["email"])
    await services.passwords.reset_password((await mailbox.link(auth)).token, NEW)
    user = await services.users.find_by_email(ADA["email"])
    await services.sessions.revoke_all_user_sessions(user.id)


async def _change(services, ada):
    await services.passwords.change_password(ada.user.id, PASSWORD, NEW)
    await services.sessions.revoke_all_user_sessions(ada.user.id)


@pytest.mark.parametrize("way", ["reset", "change"])
async def test_the_old_password_starts_no_session_any_more(services, ada, auth, mailbox, before_the_session, way):
    replace = {"reset": lambda: _reset(services, mailbox, auth), "change": lambda: _change(services, ada)}
    before_the_session(replace[way])
    with pytest.raises(InvalidCredentials):
        await services.passwords.sign_in(ADA["email"], PASSWORD)
    assert await services.engine.sessions.count() == 0


async def test_whoever_knows_the_new_one_already_is_let_in(services, ada, before_the_session):
    before_the_session(lambda: services.passwords.change_password(ada.user.id, PASSWORD, PASSWORD))
    signed_in = await services.passwords.sign_in(ADA["email"], PASSWORD)
    assert (await services.sessions.get_session(signed_in.session.token)).user == ada.user


@pytest.mark.every_storage
async def test_of_many_sign_ins_at_the_time_of_a_change_none_outlives_it(services, ada):
    passwords = services.passwords
    change = passwords.change_password(ada.user.id, PASSWORD, NEW, revokes_sessions=True)
    sign_ins = [passwords.sign_in(ADA["email"], PASSWORD) for _ in range(12)]
    own, *_ = await asyncio.gather(change, *sign_ins, return_exceptions=True)
    assert await services.sessions.list_user_sessions(ada.user.id) == [own]

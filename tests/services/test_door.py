"""The one door: steps on it run in order and may refuse; what locked steps wrote is undone with the rest."""

from __future__ import annotations

import asyncio

import pytest

from asgi_auth import AuthError, Device, Forbidden
from asgi_auth.errors import SessionNotCreated
from tests.contracts.rows import user_row, verification_row
from tests.support import ADA, PASSWORD


@pytest.fixture
def door(services):
    return services.sign_in


def noting(log, name):
    async def step(attempt):
        log.append((name, attempt.user.email, attempt.method))

    return step


async def refusing(attempt):
    raise Forbidden


async def test_steps_run_in_the_order_in_which_they_were_added_plain_ones_first(services, door, ada):
    log = []
    door.add_locked_step(noting(log, "locked one"))
    door.add_step(noting(log, "one"))
    door.add_locked_step(noting(log, "locked two"))
    door.add_step(noting(log, "two"))
    await services.passwords.sign_in(ADA["email"], PASSWORD)
    assert [name for name, _, _ in log] == ["one", "two", "locked one", "locked two"]
    assert {(email, method) for _, email, method in log} == {(ADA["email"], "password")}


async def test_a_step_knows_who_wants_in_and_from_where(services, door, ada):
    attempts = []

    async def step(attempt):
        attempts.append(attempt)

    door.add_step(step)
    device = Device(ip_address="203.0.113.7", user_agent="Firefox")
    signed_in = await door.complete(ada.user, method="magic link", device=device, is_remembered=False)
    (attempt,) = attempts
    assert (attempt.user, attempt.method, attempt.device, attempt.is_remembered) == (
        ada.user,
        "magic link",
        device,
        False,
    )
    assert (signed_in.user, signed_in.is_remembered) == (ada.user, False)
    assert signed_in.session.ip_address == "203.0.113.7"


@pytest.mark.parametrize("add", ["add_step", "add_locked_step"])
async def test_a_step_that_refuses_leaves_no_session(services, door, ada, add):
    log = []
    getattr(door, add)(refusing)
    getattr(door, add)(noting(log, "after"))
    with pytest.raises(Forbidden):
        await services.passwords.sign_in(ADA["email"], PASSWORD)
    assert log == []
    assert await services.engine.sessions.count() == 1


async def test_at_the_time_of_a_step_there_is_no_session_yet(services, door, ada):
    counts = []

    async def step(attempt):
        counts.append(await services.engine.sessions.count())

    door.add_step(step)
    door.add_locked_step(step)
    await services.passwords.sign_in(ADA["email"], PASSWORD)
    assert counts == [1, 1]


@pytest.mark.parametrize("error", [Forbidden, LookupError, asyncio.CancelledError])
async def test_what_a_locked_step_wrote_is_undone_and_what_a_plain_one_wrote_stays(services, door, ada, clock, error):
    def writing(identifier):
        async def step(attempt):
            await services.engine.verifications.add(verification_row(clock, identifier))

        return step

    async def failing(attempt):
        raise error

    door.add_step(writing("plain"))
    door.add_locked_step(writing("locked"))
    door.add_locked_step(failing)
    with pytest.raises(error):
        await services.passwords.sign_in(ADA["email"], PASSWORD)
    assert [row.identifier for row in await services.engine.verifications.list()] == ["plain"]
    assert await services.engine.sessions.count() == 1


async def test_locked_steps_of_one_user_run_one_after_another(services, door, ada):
    inside = []
    most = []

    async def step(attempt):
        inside.append(attempt)
        most.append(len(inside))
        await services.engine.sessions.count(user_id=attempt.user.id)
        await asyncio.sleep(0)
        inside.pop()

    door.add_locked_step(step)
    await asyncio.gather(*(door.complete(ada.user, method="test") for _ in range(20)))
    assert most == [1] * 20
    assert await services.engine.sessions.count() == 21


@pytest.mark.parametrize("is_locked", [False, True])
async def test_nobody_is_let_in_who_is_gone(services, door, clock, is_locked):
    log = []
    if is_locked:
        door.add_locked_step(noting(log, "locked"))
    with pytest.raises(SessionNotCreated):
        await door.complete(user_row(clock), method="test")
    assert log == []


async def test_who_signs_up_and_is_refused_at_the_door_has_an_account_all_the_same(services, door):
    door.add_step(refusing)
    with pytest.raises(AuthError):
        await services.passwords.sign_up(ADA["email"], PASSWORD, "Ada")
    assert await services.users.find_by_email(ADA["email"]) is not None
    assert await services.engine.sessions.count() == 0

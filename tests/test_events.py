"""Events go to those who asked for them, in order, and nobody's failure is another's."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest

from asgi_auth.events import EventBus, PasswordChanged, SessionRevoked, UserChanged


@pytest.fixture
def bus():
    return EventBus()


def noting(log, name):
    async def listener(event):
        log.append((name, event))

    return listener


async def test_listeners_hear_of_their_kind_of_event_in_the_order_in_which_they_asked(bus):
    log = []
    bus.subscribe(UserChanged, noting(log, "first"))
    bus.subscribe(PasswordChanged, noting(log, "other"))
    bus.subscribe(UserChanged, noting(log, "second"))
    await bus.publish(UserChanged("1"))
    assert log == [("first", UserChanged("1")), ("second", UserChanged("1"))]


async def test_an_event_that_nobody_asked_for_is_nothing(bus):
    await bus.publish(UserChanged("1"))


async def test_publishing_waits_for_the_listeners(bus):
    done = []

    async def slow(event):
        await asyncio.sleep(0)
        done.append(event)

    bus.subscribe(UserChanged, slow)
    await bus.publish(UserChanged("1"))
    assert done == [UserChanged("1")]


async def test_one_listener_that_fails_does_not_keep_it_from_the_others(bus, capsys):
    log = []

    async def failing(event):
        raise LookupError("do not tell")

    bus.subscribe(UserChanged, failing)
    bus.subscribe(UserChanged, noting(log, "second"))
    await bus.publish(UserChanged("1"))
    assert log == [("second", UserChanged("1"))]
    assert "event.listener_failed" in capsys.readouterr().out


async def test_cancelling_is_no_failure_to_be_swallowed(bus):
    async def cancelled(event):
        raise asyncio.CancelledError

    bus.subscribe(UserChanged, cancelled)
    with pytest.raises(asyncio.CancelledError):
        await bus.publish(UserChanged("1"))


def test_events_are_facts_and_cannot_be_changed():
    event = SessionRevoked(session_id="1", user_id="2")
    assert event == SessionRevoked(session_id="1", user_id="2")
    with pytest.raises(dataclasses.FrozenInstanceError):
        event.user_id = "3"


async def test_each_bus_has_its_own_listeners(bus):
    log = []
    bus.subscribe(UserChanged, noting(log, "mine"))
    await EventBus().publish(UserChanged("1"))
    assert log == []

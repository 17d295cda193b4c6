"""Services in one place: found by type, asked how they are, closed in order."""

from __future__ import annotations

import asyncio

import pytest

from asgi_auth import ConfigurationError, Unavailable


@pytest.fixture
def services(make_auth):
    return make_auth().services


class Mail:
    """A feature's service."""


class Clubs:
    """Another feature's service."""


def test_a_service_is_got_by_its_type(services):
    mail = Mail()
    services.add(mail)
    assert services.get(Mail) is mail


def test_a_service_that_is_not_there_is_named(services):
    with pytest.raises(ConfigurationError, match="Clubs"):
        services.get(Clubs)


def test_a_service_is_added_once(services):
    services.add(Mail())
    with pytest.raises(ConfigurationError, match="Mail"):
        services.add(Mail())


async def test_every_part_is_asked_how_it_is(services):
    asked = []

    async def ping():
        asked.append("mail")

    async def failing():
        raise Unavailable

    services.add(Mail(), ping=ping)
    services.add(Clubs(), ping=failing)
    assert await services.ping() == {"database": None, "Mail": None, "Clubs": "Unavailable"}
    assert asked == ["mail"]


async def test_what_went_wrong_is_named_by_its_kind_and_told_no_further(services):
    async def failing():
        raise LookupError("a secret")

    services.add(Mail(), ping=failing)
    assert await services.ping() == {"database": None, "Mail": "LookupError"}


async def test_a_part_that_does_not_answer_counts_as_down(services):
    services.add(Mail(), ping=asyncio.Event().wait)
    assert await services.ping() == {"database": None, "Mail": "TimeoutError"}


async def test_what_was_added_last_is_closed_first_and_the_database_last(services):
    closed = []

    def closing(name):
        async def close():
            await services.engine.verifications.count()  # the database is still there
            closed.append((name, services.engine.is_ready))

        return close

    services.add(Mail(), close=closing("mail"))
    services.add(Clubs(), close=closing("clubs"))
    await services.start()
    await services.close()
    assert closed == [("clubs", True), ("mail", True)]
    assert not services.engine.is_ready


async def test_one_that_cannot_be_closed_does_not_keep_the_others_open(services):
    closed = []

    async def close():
        closed.append("mail")

    async def failing():
        raise LookupError

    services.add(Mail(), close=close)
    services.add(Clubs(), close=failing)
    await services.start()
    await services.close()
    assert closed == ["mail"]
    assert not services.engine.is_ready


async def test_closing_what_was_never_started_is_nothing(services):
    await services.close()
    await services.close()

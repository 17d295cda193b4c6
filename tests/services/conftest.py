"""Each test here begins with an empty database, most of them with somebody who has signed up."""

from __future__ import annotations

import pytest

from asgi_auth import Auth, AuthConfig
from asgi_auth.services.registry import Services
from tests.services.recorders import CountingHasher, Events, Figures
from tests.support import ADA, BOB, SECRET


@pytest.fixture
def services(auth: Auth) -> Services:
    return auth.services


@pytest.fixture
async def ada(services):
    """Ada, who has just signed up: ``ada.user`` and ``ada.session``."""
    return await services.passwords.sign_up(ADA["email"], ADA["password"], ADA["name"])


@pytest.fixture
async def bob(services):
    return await services.passwords.sign_up(BOB["email"], BOB["password"], BOB["name"])


@pytest.fixture
def events(services) -> Events:
    """Everything that is published from now on."""
    return Events(services.events)


@pytest.fixture
def figures() -> Figures:
    return Figures()


@pytest.fixture
async def counted(clock, database_url):
    """A factory of Services whose hasher counts what it is asked."""
    made: list[Auth] = []

    def make(**options: object) -> Services:
        config = AuthConfig.testing(secret=SECRET, database=database_url, **options)
        made.append(Auth(config, clock=clock, hasher=CountingHasher()))
        return made[-1].services

    yield make
    for auth in made:
        await auth.services.close()

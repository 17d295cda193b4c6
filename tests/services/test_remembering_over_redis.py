"""Several Auths over one Redis: what one changes, the others forget, with and without the newest secret."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from asgi_auth import CacheOptions
from asgi_auth.config import RedisOptions
from asgi_auth.config.secrets import Secret
from tests.contracts.rows import query
from tests.support import PASSWORD

NEWER = "another-secret-that-is-long-enough-for-tests-987654"
PATIENT = RedisOptions(timeout=timedelta(seconds=5))


class Notes:
    """Notes what it is told to forget."""

    def __init__(self):
        self.tables = set()

    def forget(self, changes):
        self.tables |= {change.table for change in changes}

    def forget_all(self):
        self.tables = set()


async def until(condition):
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110  (what happens in other tasks)
            await asyncio.sleep(0.01)


@pytest.fixture
def over_redis(make_auth, database_url, redis_url):
    def make(**options):
        return make_auth(database=database_url, redis=redis_url, redis_options=PATIENT, **options)

    return make


async def listening(auth):
    notes = Notes()
    auth.services.remembering.hub.subscribe(notes)
    await auth.services.start()
    await until(lambda: auth.services.remembering.hub.is_complete)  # what connects later makes notes be forgotten
    return notes


@pytest.mark.parametrize(
    ("here", "there"),
    [({}, {}), ({"secrets": (Secret(NEWER),)}, {}), ({}, {"cache": CacheOptions(is_enabled=False)})],
)
async def test_what_one_changes_the_others_hear(over_redis, here, there):
    one, other = over_redis(**here), over_redis(**there)
    await one.services.start()
    heard = await listening(other)
    await one.services.passwords.sign_up("ada@example.com", PASSWORD, "Ada")
    ada = await one.services.users.find_by_email("ada@example.com")
    heard.tables.clear()
    await one.services.users.change(ada.id, name="Ada L.")
    await until(lambda: "user" in heard.tables)


async def test_an_auth_whose_redis_is_gone_signs_people_in_all_the_same(make_auth, database_url):
    auth = make_auth(database=database_url, redis="redis://127.0.0.1:1")
    await auth.services.start()
    await auth.services.passwords.sign_up("ada@example.com", PASSWORD, "Ada")
    assert await auth.services.users.find_by_email("ada@example.com") is not None


async def attending(auth):
    """Wait until it may read and write what is shared; returns what is."""
    await auth.services.start()
    await until(lambda: auth.services.remembering._attendance.is_present)
    return auth.services.remembering.caches._shared


async def test_who_attends_to_another_database_has_heard_nothing_of_ours(
    over_redis, make_auth, database_url, redis_url, tmp_path
):
    ours, later = over_redis(), over_redis()
    await attending(ours)
    await attending(make_auth(database=f"sqlite:///{tmp_path}/elsewhere", redis=redis_url, redis_options=PATIENT))
    await ours.services.passwords.sign_up("ada@example.com", PASSWORD, "Ada")
    await ours.services.users.find_by_email("ada@example.com")
    await ours.services.remembering.caches.close()  # waits for what is being shared
    await ours.services.close()
    await query(database_url, 'UPDATE "user" SET "name" = \'Ada L.\'')  # while nobody listens
    shared = await attending(later)
    assert await shared.find("user", "email:ada@example.com") is None


async def test_processes_share_what_they_have_read_however_they_enter_the_database(
    over_redis, make_auth, redis_url, database_url
):
    ours = over_redis()
    await attending(ours)
    await ours.services.passwords.sign_up("ada@example.com", PASSWORD, "Ada")
    await ours.services.users.find_by_email("ada@example.com")
    await ours.services.remembering.caches.close()  # waits for what is being shared
    other = await attending(
        make_auth(
            database=database_url.replace("://postgres@", "://postgres:x@"), redis=redis_url, redis_options=PATIENT
        )
    )
    assert await other.find("user", "email:ada@example.com") is not None


async def test_databases_in_memory_share_nothing(make_auth, redis_url):
    one = make_auth(redis=redis_url, redis_options=PATIENT)
    await one.services.start()
    await until(lambda: one.services.remembering.hub.is_complete)
    await one.services.passwords.sign_up("ada@example.com", PASSWORD, "Ada")
    await one.services.users.find_by_email("ada@example.com")
    assert one.services.remembering.caches._shared is None

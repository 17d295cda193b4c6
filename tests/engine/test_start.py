"""The database opens by itself, once, whoever needs it first and in whatever event loop."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar

import pytest

from asgi_auth import Auth, AuthConfig
from tests.contracts.rows import of_the_contract
from tests.support import ADA, SECRET

request_of = ContextVar("request_of", default="nobody")


async def test_nobody_has_to_open_the_database(auth):
    assert not auth.services.engine.is_ready
    signed_up = await auth.services.passwords.sign_up(ADA["email"], ADA["password"], ADA["name"])
    assert auth.services.engine.is_ready
    assert (await auth.services.sessions.get_session(signed_up.session.token)).user == signed_up.user


async def test_a_transaction_opens_it_too(auth):
    async with auth.services.engine.transaction():
        assert await auth.services.users.find("nobody") is None


async def test_many_first_uses_at_once_share_one_start(auth, capsys):
    assert await asyncio.gather(*(auth.services.users.find("nobody") for _ in range(20))) == [None] * 20
    assert capsys.readouterr().out.count("database.schema_created") == 1


async def test_a_first_user_who_gives_up_does_not_take_the_others_along(auth):
    first, second = (asyncio.create_task(auth.services.users.find("nobody")) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert await second is None
    assert first.cancelled()


async def test_what_runs_as_long_as_it_is_open_holds_nothing_of_the_request_that_opened_it(auth):
    seen = []

    async def note():
        seen.append(request_of.get())

    auth.services.engine.when_ready(note)
    request_of.set("somebody")
    assert await auth.services.users.find("nobody") is None
    assert seen == ["nobody"]


async def test_starting_twice_is_starting_once(auth):
    await asyncio.gather(auth.services.start(), auth.services.start())
    await auth.services.start()
    assert await auth.services.users.find("nobody") is None


async def test_lifespan_opens_and_closes_it(auth):
    async with auth.lifespan():
        assert auth.services.engine.is_ready
    assert not auth.services.engine.is_ready


async def test_after_it_was_closed_it_opens_again_by_itself(auth):
    signed_up = await auth.services.passwords.sign_up(ADA["email"], ADA["password"], ADA["name"])
    await auth.services.close()
    await auth.services.close()
    assert await auth.services.users.get(signed_up.user.id) == signed_up.user


@pytest.fixture
def auth_without_a_loop(database_url):
    """An Auth of a program that runs one event loop after another."""
    return Auth(AuthConfig.testing(secret=SECRET, database=database_url))


def test_tables_made_in_one_event_loop_can_be_used_in_the_next(auth_without_a_loop):
    auth = auth_without_a_loop

    async def use():
        async with auth.lifespan():
            return await auth.services.users.find("nobody")

    assert len(of_the_contract(asyncio.run(auth.create_schema()))) == 7
    assert asyncio.run(use()) is None
    assert asyncio.run(use()) is None
    asyncio.run(auth.services.close())


def test_closing_in_another_event_loop_than_it_was_opened_in_closes_it(sqlite_url, capsys):
    auth = Auth(AuthConfig.testing(secret=SECRET, database=sqlite_url))
    asyncio.run(auth.services.start())
    asyncio.run(auth.services.close())
    assert not auth.services.engine.is_ready
    assert "close_failed" not in capsys.readouterr().out


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+asyncpg"])
async def test_postgres_is_reached_by_any_of_its_names(make_auth, postgres_url, scheme):
    auth = make_auth(database=f"{scheme}:{postgres_url.partition(':')[2]}")
    assert await auth.services.users.find("nobody") is None


@pytest.mark.parametrize("name", ["app.db", "two words.db", "100%.db", "q?.db".replace("?", "%3F"), "é.db"])
async def test_a_sqlite_file_may_have_any_name(make_auth, tmp_path, name):
    auth = make_auth(database=f"sqlite:///{tmp_path}/{name}")
    await auth.services.start()
    assert [path.suffix for path in tmp_path.iterdir() if path.suffix == ".db"] == [".db"]


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "sqlite+aiosqlite://"])
async def test_a_database_in_memory_leaves_no_file(make_auth, tmp_path, monkeypatch, url):
    monkeypatch.chdir(tmp_path)
    assert await make_auth(database=url).services.users.find("nobody") is None
    assert list(tmp_path.iterdir()) == []


async def test_a_health_check_opens_it_too(auth, monkeypatch):
    auth.services.health.timeout = 60
    assert (await auth.services.ping())["database"] is None

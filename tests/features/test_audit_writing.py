"""How facts reach the table: in turns with what is dropped, in nobody's name, and to the last one."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar

import pytest
import structlog

from asgi_auth.features.audit import Audit, AuditService
from tests.features.test_audit import entry, events, filled
from tests.mailbox import Mailbox
from tests.support import ADA, PASSWORD

PATIENCE = 60

request_of = ContextVar("request_of", default="nobody")


@pytest.fixture
def auth(make_auth, database_url):
    return make_auth(database=database_url, features=[Audit()])


@pytest.fixture
def audit(auth):
    return auth.services.get(AuditService)


async def until_written(audit, expected):
    async with asyncio.timeout(PATIENCE):
        while await events(audit) != expected:  # noqa: ASYNC110  (it comes in its own time)
            await asyncio.sleep(0.02)


async def test_what_is_told_while_everything_closes_is_written(make_auth, sqlite_url):
    auth = make_auth(database=sqlite_url, features=[Audit()], mail=Mailbox().options, base_url="http://app.test")
    await auth.services.passwords.sign_up(ADA["email"], PASSWORD, "Ada")
    await auth.services.get(AuditService).flush()
    await auth.services.passwords.forget_password(ADA["email"], redirect_to="/")
    await auth.services.close()
    audit = make_auth(database=sqlite_url, features=[Audit()]).services.get(AuditService)
    assert len(await events(audit, event="password.reset_requested")) == 1


async def test_what_was_told_before_the_database_was_open_is_written_once_it_is(audit, clock):
    audit.record(entry(clock))
    await audit.list()
    await until_written(audit, ["test.0"])


async def test_however_much_waits_what_is_old_is_dropped_meanwhile(auth, audit, clock, monkeypatch):
    monkeypatch.setattr("asgi_auth.features.audit.service.BATCH", 1)
    await filled(audit, clock, 1)
    clock.advance(days=100)
    with auth.services.engine.recorded() as statements:
        await filled(audit, clock, 3)
    verbs = [sql.split()[0] for sql in statements if "auditLog" in sql and not sql.startswith("SELECT")]
    assert verbs == ["INSERT", "DELETE", "INSERT", "INSERT"]


async def test_nobody_waits_for_all_that_is_old(auth, audit, clock, monkeypatch):
    monkeypatch.setattr("asgi_auth.features.audit.service.PURGE_STEP", 1)
    await filled(audit, clock, 5)
    clock.advance(days=100)
    audit.record(entry(clock, 5))
    with auth.services.engine.recorded() as statements:
        await audit.flush()
    assert len([sql for sql in statements if sql.startswith("DELETE")]) == 1
    audit.record(entry(clock, 6))
    async with asyncio.timeout(PATIENCE):
        while len(await events(audit)) > 2:  # noqa: ASYNC110  (likewise)
            await asyncio.sleep(0.02)
    assert set(await events(audit)) == {"test.5", "test.6"}


async def test_a_writer_that_is_cancelled_loses_nothing(audit, clock):
    await filled(audit, clock, 1)
    audit.record(entry(clock, 1))
    flushing = asyncio.create_task(audit.flush())
    async with asyncio.timeout(PATIENCE):
        while audit._pending:  # noqa: ASYNC110  (likewise)
            await asyncio.sleep(0)
    audit._writer._task.cancel()
    await asyncio.wait({audit._writer._task, flushing})
    await audit.flush()
    assert await events(audit) == ["test.1", "test.0"]
    assert audit.lost == 0


async def test_it_is_written_in_nobodys_name(audit, clock, monkeypatch):
    await audit.list()
    names, write = [], audit._write

    async def noting():
        names.append(request_of.get())
        return await write()

    monkeypatch.setattr(audit, "_write", noting)
    request_of.set("somebody")
    audit.record(entry(clock))
    await audit.flush()
    assert names == ["nobody"]


async def test_one_who_keeps_facts_and_fails_does_not_keep_them_from_others(auth, audit):
    heard = []

    def failing(_entry):
        raise ZeroDivisionError

    auth.services.audit._listeners.insert(0, failing)
    auth.services.audit.add_listener(heard.append)
    with structlog.testing.capture_logs() as logs:
        await auth.services.passwords.sign_up(ADA["email"], PASSWORD, "Ada")
    assert [fact.event for fact in heard] == ["user.created", "sign_in.succeeded"]
    assert {log["told"] for log in logs if log["event"] == "audit.listener_failed"} == {fact.event for fact in heard}

"""The audit log in a table: written beside the requests, read a page at a time, dropped when it is old."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
import structlog

from asgi_auth import AuditEntry, ConfigurationError, DatabaseOptions, InvalidRequest
from asgi_auth.features.audit import Audit, AuditService
from tests.engine.gate import Gate
from tests.services.recorders import Figures
from tests.support import ADA, BOB, PASSWORD, browser, sign_up, user_id, whoami

MOMENT = "2026-01-01T00:00:00.000Z"


@pytest.fixture
def auth(make_auth, database_url):
    return make_auth(database=database_url, features=[Audit()])


@pytest.fixture
def audit(auth):
    return auth.services.get(AuditService)


@pytest.fixture
async def client(auth):
    async with browser(auth.wrap(whoami)) as client:
        yield client


def entry(clock, number=0, **fields):
    return AuditEntry(event=f"test.{number}", outcome="success", at=clock(), **fields)


async def filled(audit, clock, many, **fields):
    """So many facts, a second apart, the first at the present moment."""
    await audit.list()  # opens the database
    for number in range(many):
        audit.record(entry(clock, number, **fields))
        clock.advance(seconds=1)
    await audit.flush()


async def events(audit, **filters):
    return [record.event for record in (await audit.list(**filters)).records]


async def test_what_happens_stands_in_the_table(client, audit, clock):
    await client.post("/api/auth/sign-up/email", json=ADA, headers={"user-agent": "Firefox/130"})
    await client.post("/api/auth/sign-in/email", json={**ADA, "password": "wrong password"})
    await audit.flush()
    ada = await user_id(client)
    page = await audit.list()
    assert {record.event for record in page.records} == {"user.created", "sign_in.succeeded", "sign_in.failed"}
    assert page.next is None
    (entered,) = (await audit.list(event="sign_in.succeeded")).records
    assert (entered.user_id, entered.outcome, entered.method) == (ada, "success", "password")
    assert (entered.ip_address, entered.user_agent, entered.created_at) == ("203.0.113.7", "Firefox/130", clock())
    (failed,) = (await audit.list(event="sign_in.failed")).records
    assert (failed.user_id, failed.outcome, failed.reason) == (ada, "failure", "INVALID_EMAIL_OR_PASSWORD")


async def test_no_request_waits_for_it(client, auth, audit, monkeypatch):
    monkeypatch.setattr("asgi_auth.features.audit.service.BATCH_DELAY", 3600)  # it is not asked to hurry
    with auth.services.engine.recorded() as statements:
        await sign_up(client)
    assert not [sql for sql in statements if "INTO" in sql and "auditLog" in sql]
    await audit.flush()
    assert len((await audit.list()).records) == 2


async def test_nobody_has_to_ask_for_it_to_be_written(client, audit):
    await sign_up(client)
    async with asyncio.timeout(60):
        while len((await audit.list()).records) < 2:  # noqa: ASYNC110  (it comes in its own time)
            await asyncio.sleep(0.05)


async def test_what_happened_stays_true_of_users_who_are_gone(auth, audit):
    ada = await auth.services.passwords.sign_up(ADA["email"], PASSWORD, "Ada")
    await auth.services.deletions.delete(ada.user.id)
    await audit.flush()
    assert "user.deleted" in await events(audit, user_id=ada.user.id)


async def test_the_newest_comes_first_a_page_at_a_time(audit, clock):
    await filled(audit, clock, 7)
    seen, after, sizes = [], None, []
    while True:
        page = await audit.list(limit=3, after=after)
        seen += [record.event for record in page.records]
        sizes.append(len(page.records))
        after = page.next
        if after is None:
            break
    assert seen == [f"test.{number}" for number in reversed(range(7))]
    assert sizes == [3, 3, 1]


async def test_what_happened_in_the_same_moment_is_neither_skipped_nor_repeated(audit, clock):
    await audit.list()
    for number in range(10):
        audit.record(entry(clock, number))
    await audit.flush()
    first = await audit.list(limit=5)
    second = await audit.list(limit=5, after=first.next)
    assert second.next is None
    names = [record.event for page in (first, second) for record in page.records]
    assert sorted(names) == [f"test.{number}" for number in range(10)]


async def test_what_comes_while_somebody_reads_moves_no_page(audit, clock):
    await filled(audit, clock, 4)
    first = await audit.list(limit=2)
    audit.record(entry(clock, 99))
    await audit.flush()
    assert await events(audit, limit=2, after=first.next) == ["test.1", "test.0"]


async def test_it_can_be_filtered(audit, clock):
    began = clock()
    await filled(audit, clock, 4, user_id="ada")
    audit.record(entry(clock, 2, user_id="bob"))
    await audit.flush()
    assert await events(audit, user_id="bob") == ["test.2"]
    assert await events(audit, event="test.2", user_id="ada") == ["test.2"]
    assert len((await audit.list(event="test.2")).records) == 2
    since, until = began + timedelta(seconds=1), began + timedelta(seconds=3)
    assert await events(audit, user_id="ada", since=since, until=until) == ["test.2", "test.1"]
    assert await events(audit, user_id="nobody") == []


@pytest.mark.parametrize(("asked", "given"), [(-5, 1), (0, 1), (7, 7), (100, 100), (10_000, 100)])
async def test_a_page_has_its_bounds(audit, clock, asked, given):
    await filled(audit, clock, 105)
    assert len((await audit.list(limit=asked)).records) == given


@pytest.mark.parametrize(
    "after", ["", "x", "_", "2026-13-01T00:00:00.000Z_a", "' OR 1=1 --", f"{MOMENT}_\x00", f"{MOMENT}_\ud800"]
)
async def test_what_is_no_place_is_refused(audit, after):
    with pytest.raises(InvalidRequest):
        await audit.list(after=after)


@pytest.mark.parametrize("name", ["\x00", "\ud800"])
async def test_what_no_database_can_hold_is_nobodys_and_nothing(audit, clock, name):
    await filled(audit, clock, 1)
    assert await events(audit, user_id=name) == await events(audit, event=name) == []


async def test_what_is_old_can_be_dropped(audit, clock):
    began = clock()
    await filled(audit, clock, 5)
    assert await audit.purge(before=began + timedelta(seconds=3)) == 3
    assert await events(audit) == ["test.4", "test.3"]
    assert await audit.purge() == 0
    clock.advance(days=91)
    assert await audit.purge() == 2


async def test_it_is_dropped_step_by_step(auth, audit, clock, monkeypatch):
    monkeypatch.setattr("asgi_auth.features.audit.service.PURGE_STEP", 10)
    await filled(audit, clock, 25)
    with auth.services.engine.recorded() as statements:
        assert await audit.purge(before=clock()) == 25
    assert len(statements) == 3


async def test_the_retention_is_kept_in_the_background(audit, clock):
    await filled(audit, clock, 5)
    clock.advance(days=90, seconds=-2)
    audit.record(entry(clock, 5))
    await audit.flush()
    assert await events(audit) == ["test.5", "test.4", "test.3"]


async def test_without_a_retention_everything_is_kept(make_auth, clock):
    audit = make_auth(features=[Audit(retention=None)]).services.get(AuditService)
    await filled(audit, clock, 3)
    clock.advance(days=10_000)
    await filled(audit, clock, 1)
    assert await audit.purge() == 0
    assert len((await audit.list()).records) == 4


async def test_what_waits_is_written_when_the_services_close(make_auth, sqlite_url, clock):
    first = make_auth(database=sqlite_url, features=[Audit()])
    await filled(first.services.get(AuditService), clock, 0)
    for number in range(250):
        first.services.get(AuditService).record(entry(clock, number))
    await first.services.close()
    assert first.services.get(AuditService).lost == 0
    again = make_auth(database=sqlite_url, features=[Audit()]).services
    assert await again.engine.store("auditLog", type((await again.get(AuditService).list()).records[0])).count() == 250


async def test_what_comes_after_the_end_opens_nothing_again(auth, audit, clock):
    await filled(audit, clock, 1)
    await auth.services.close()
    audit.record(entry(clock, 1))
    await audit.flush()
    assert not auth.services.engine.is_ready
    await audit.list()  # this opens it
    await audit.flush()
    assert await events(audit, event="test.1") == ["test.1"]


async def test_too_many_are_dropped_counted_and_logged(make_auth, clock):
    figures = Figures()
    auth = make_auth(features=[Audit(max_pending=5)], metrics=figures)
    audit = auth.services.get(AuditService)
    await audit.list()
    with structlog.testing.capture_logs() as logs:
        for number in range(8):
            audit.record(entry(clock, number))
        await audit.flush()
    assert len((await audit.list()).records) == 5
    assert audit.lost == 3
    assert [name for name, _ in figures.counts].count("auth.audit.lost") == 3
    told = [(log["event"], log.get("facts")) for log in logs if log["event"].startswith("audit.")]
    assert told == [("audit.losing", None), ("audit.lost", 3)]


async def test_an_outage_fails_no_request_and_loses_nothing(make_auth, postgres_url, clock):
    server = urlsplit(postgres_url)
    gate = Gate((server.hostname, server.port or 5432))
    await gate.open()
    url = postgres_url.replace(f":{server.port}/", f":{gate.port}/")
    auth = make_auth(database=url, features=[Audit()], database_options=DatabaseOptions(timeout=timedelta(seconds=30)))
    audit = auth.services.get(AuditService)
    try:
        await filled(audit, clock, 1)
        await gate.shut()
        audit.record(entry(clock, 1))
        await audit.flush()
        assert audit.lost == 0
        await gate.open()
        async with asyncio.timeout(60):
            while True:
                await audit.flush()
                try:
                    if len(await events(audit)) == 2:
                        break
                except Exception:  # noqa: BLE001  (it may still be known to be down)
                    await asyncio.sleep(0.1)
        await auth.services.close()
    finally:
        await gate.shut()


async def test_what_was_written_by_a_commit_whose_answer_was_lost_is_written_once(audit, clock):
    await filled(audit, clock, 1)
    (record,) = (await audit.list()).records
    audit._pending.append(record)  # as if its batch had failed
    audit.record(entry(clock, 1))
    await audit.flush()
    assert await events(audit) == ["test.1", "test.0"]


async def test_many_at_once_are_all_written(auth, audit):
    people = [{**BOB, "email": f"bob{number}@example.com"} for number in range(10)]

    async def visit(person):
        async with browser(auth.wrap(whoami)) as client:
            await sign_up(client, person)

    await asyncio.gather(*map(visit, people))
    await audit.flush()
    assert len(await events(audit, event="user.created")) == 10
    assert len(await events(audit, event="sign_in.succeeded")) == 10


@pytest.mark.parametrize(
    "options", [{"retention": timedelta(0)}, {"retention": timedelta(-1)}, {"retention": 5}, {"max_pending": 0}]
)
def test_what_cannot_work_is_refused(options):
    with pytest.raises(ConfigurationError):
        Audit(**options)


@dataclass(frozen=True)
class DoorOpened:
    """What a feature of somebody's own tells of."""

    door: str
    user_id: str


async def test_a_feature_tells_of_its_own_facts(auth, audit):
    auth.services.audit.tell_of(
        DoorOpened, "door.opened", lambda event: {"user_id": event.user_id, "target_id": event.door}, outcome="failure"
    )
    await auth.services.events.publish(DoorOpened(door="north", user_id="ada"))
    await audit.list()  # opens the database
    await audit.flush()
    (opened,) = (await audit.list(event="door.opened")).records
    assert (opened.user_id, opened.target_id, opened.outcome) == ("ada", "north", "failure")


async def test_what_somebody_causes_over_and_over_is_told_once_a_minute(auth, audit, clock):
    auth.services.audit.tell_of(DoorOpened, "door.opened", lambda _: {"reason": "knocked"}, is_repeated=True)
    await audit.list()
    for seconds in (1, 61, 1):
        await auth.services.events.publish(DoorOpened(door="north", user_id="ada"))
        clock.advance(seconds=seconds)
    await audit.flush()
    assert len((await audit.list(event="door.opened")).records) == 2

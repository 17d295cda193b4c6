"""What transactions promise, on every database."""

from __future__ import annotations

import asyncio

import pytest

from asgi_auth.engine import UniqueViolation
from tests.contracts.rows import user_row, verification_row

PATIENCE = 10
"""Seconds after which a task that should not have to wait counts as stuck."""


@pytest.fixture
def engine(auth):
    return auth.services.engine


async def in_a_task_of_its_own(work):
    """What somebody else sees: a task started within a transaction takes no part in it."""
    async with asyncio.timeout(PATIENCE):
        return await asyncio.create_task(work)


class Holder:
    """A task that writes a row in a transaction and then stays in it until it is cancelled."""

    def __init__(self, engine, row):
        self._engine = engine
        self._row = row
        self._has_written = asyncio.Event()
        self.task = asyncio.create_task(self._hold())

    async def _hold(self):
        async with self._engine.transaction():
            await self._engine.verifications.add(self._row)
            self._has_written.set()
            await asyncio.Event().wait()

    async def has_written(self):
        async with asyncio.timeout(PATIENCE):
            await self._has_written.wait()

    async def cancel(self):
        self.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await self.task


@pytest.fixture
async def holder(engine, clock):
    await engine.verifications.count()
    holder = Holder(engine, verification_row(clock, "held"))
    await holder.has_written()
    yield holder
    holder.task.cancel()
    await asyncio.gather(holder.task, return_exceptions=True)


# commit and rollback


async def test_what_a_transaction_wrote_is_there_after_it(engine, clock):
    async with engine.transaction():
        await engine.verifications.add(verification_row(clock, "a"))
        await engine.verifications.add(verification_row(clock, "b"))
    assert await in_a_task_of_its_own(engine.verifications.count()) == 2


async def test_an_exception_undoes_everything_and_comes_out(engine, clock):
    class Refused(Exception):
        pass

    async def write_and_refuse():
        async with engine.transaction():
            await engine.verifications.add(verification_row(clock))
            raise Refused

    with pytest.raises(Refused):
        await write_and_refuse()
    assert await engine.verifications.count() == 0


async def test_somebody_elses_fault_within_a_transaction_is_not_taken_for_the_databases(engine, clock):
    async def write_and_fail_to_send_mail():
        async with engine.transaction():
            await engine.verifications.add(verification_row(clock))
            raise ConnectionRefusedError("no mail server")

    with pytest.raises(ConnectionRefusedError):
        await write_and_fail_to_send_mail()
    assert await engine.verifications.count() == 0


async def test_cancellation_undoes_everything(engine, holder):
    await holder.cancel()
    assert await engine.verifications.count() == 0


async def test_a_cancelled_transaction_leaves_the_writer_free(engine, holder, clock):
    await holder.cancel()
    async with asyncio.timeout(PATIENCE), engine.transaction():
        await engine.verifications.add(verification_row(clock, "next"))
    assert [row.identifier for row in await engine.verifications.list()] == ["next"]


async def test_cancelling_one_who_waits_for_the_writer_harms_nobody(engine, holder, clock):
    waiting = Holder(engine, verification_row(clock, "waiting"))
    await asyncio.sleep(0.05)
    await waiting.cancel()
    await holder.cancel()
    async with asyncio.timeout(PATIENCE), engine.transaction():
        await engine.verifications.add(verification_row(clock, "next"))
    assert [row.identifier for row in await engine.verifications.list()] == ["next"]


async def test_a_cancelled_statement_leaves_its_connection_usable(engine, clock):
    await engine.verifications.count()
    for _ in range(30):
        task = asyncio.create_task(engine.verifications.count())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert await asyncio.gather(*(engine.verifications.count() for _ in range(20))) == [0] * 20


# nesting


async def test_an_inner_transaction_undone_leaves_the_outer_one_whole(engine, clock):
    await engine.users.add(user_row(clock))
    namesake = user_row(clock)

    async def write_and_clash():
        async with engine.transaction():
            await engine.verifications.add(verification_row(clock, "within"))
            await engine.users.add(namesake)

    async with engine.transaction():
        await engine.verifications.add(verification_row(clock, "before"))
        with pytest.raises(UniqueViolation):
            await write_and_clash()
        await engine.verifications.add(verification_row(clock, "after"))
    assert {row.identifier for row in await engine.verifications.list()} == {"before", "after"}


async def test_an_outer_transaction_undone_undoes_the_inner_one(engine, clock):
    async def write_twice_and_fail():
        async with engine.transaction():
            async with engine.transaction():
                await engine.verifications.add(verification_row(clock, "inner"))
            async with engine.transaction(), engine.transaction():
                await engine.verifications.add(verification_row(clock, "innermost"))
            raise LookupError

    with pytest.raises(LookupError):
        await write_twice_and_fail()
    assert await engine.verifications.count() == 0


# who sees what


async def test_a_transaction_sees_its_own_writes_and_nobody_else_does_before_its_end(engine, clock):
    await engine.verifications.count()
    async with engine.transaction():
        await engine.verifications.add(verification_row(clock))
        assert await engine.verifications.count() == 1
        assert await in_a_task_of_its_own(engine.verifications.count()) == 0
    assert await in_a_task_of_its_own(engine.verifications.count()) == 1


async def test_readers_do_not_wait_for_a_writer(engine, holder):
    async with asyncio.timeout(PATIENCE):
        assert await asyncio.gather(*(engine.verifications.count() for _ in range(20))) == [0] * 20
    assert not holder.task.done()


# many at once


async def test_many_writers_at_once_all_get_through(engine, clock):
    async def write(number):
        async with engine.transaction():
            await engine.verifications.add(verification_row(clock, f"{number} a"))
            await engine.verifications.count()
            await engine.verifications.add(verification_row(clock, f"{number} b"))

    await asyncio.gather(*(write(number) for number in range(20)))
    assert await engine.verifications.count() == 40


async def test_single_statements_and_transactions_do_not_get_in_each_others_way(engine, clock):
    async def write(number):
        await engine.verifications.add(verification_row(clock, f"{number} a"))
        async with engine.transaction():
            await engine.verifications.add(verification_row(clock, f"{number} b"))
        return await engine.verifications.remove(identifier=f"{number} a")

    assert await asyncio.gather(*(write(number) for number in range(20))) == [1] * 20
    assert await engine.verifications.count() == 20


async def test_whoever_locks_a_user_first_makes_the_others_wait(engine, clock):
    user = user_row(clock, name="0")
    await engine.users.add(user)

    async def count_one_more():
        async with engine.transaction():
            assert await engine.user_queries.lock(user.id)
            found = await engine.users.find(id=user.id)
            await asyncio.sleep(0)
            await engine.users.change({"id": user.id}, name=str(int(found.name) + 1))

    await asyncio.gather(*(count_one_more() for _ in range(20)))
    assert (await engine.users.find(id=user.id)).name == "20"


async def test_a_user_who_is_not_there_cannot_be_locked(engine):
    async with engine.transaction():
        assert not await engine.user_queries.lock("nobody")


# after the commit


async def test_what_waits_for_the_commit_happens_after_it_in_order(engine, clock):
    seen = []

    def tell(name):
        async def telling():
            seen.append((name, await in_a_task_of_its_own(engine.verifications.count())))

        return telling

    async with engine.transaction():
        await engine.after_commit(tell("first"))
        async with engine.transaction():
            await engine.after_commit(tell("inner"))
        await engine.verifications.add(verification_row(clock))
        assert seen == []
    await engine.after_commit(tell("no transaction"))
    assert seen == [("first", 1), ("inner", 1), ("no transaction", 1)]


async def test_what_waits_for_a_commit_that_does_not_come_never_happens(engine):
    seen = []

    def tell(name):
        async def telling():
            seen.append(name)

        return telling

    async def undone():
        async with engine.transaction():
            await engine.after_commit(tell("undone"))
            raise LookupError

    with pytest.raises(LookupError):
        await undone()
    async with engine.transaction():
        with pytest.raises(LookupError):
            await undone()
        await engine.after_commit(tell("done"))
    assert seen == ["done"]


# what belongs to a transaction and is done elsewhere


class Elsewhere:
    """A place that knows no transactions: what is done there, in order, with what the database shows to others."""

    def __init__(self, engine):
        self.done = []
        self._engine = engine

    def effect(self, name):
        async def take_effect():
            self.done.append((name, await in_a_task_of_its_own(self._engine.users.count())))

        return take_effect

    @property
    def names(self):
        return [name for name, _ in self.done]


@pytest.fixture
def elsewhere(engine):
    return Elsewhere(engine)


async def test_what_is_done_elsewhere_is_done_last_and_in_order_while_others_see_nothing_yet(engine, elsewhere, clock):
    async with engine.transaction():
        await engine.before_commit(elsewhere.effect("first"))
        await engine.before_commit(elsewhere.effect("second"))
        await engine.after_commit(elsewhere.effect("after"))
        await engine.users.add(user_row(clock))
        assert elsewhere.done == []
    assert elsewhere.done == [("first", 0), ("second", 0), ("after", 1)]


async def test_without_a_transaction_it_is_done_at_once(engine, elsewhere):
    await engine.before_commit(elsewhere.effect("now"))
    engine.if_undone(elsewhere.effect("never"))
    assert elsewhere.names == ["now"]


async def test_what_fails_elsewhere_undoes_the_transaction_and_comes_out(engine, elsewhere, clock):
    async def fail():
        raise ConnectionRefusedError("elsewhere is down")

    async def write_here_and_elsewhere():
        async with engine.transaction():
            await engine.users.add(user_row(clock))
            engine.if_undone(elsewhere.effect("taken back"))
            await engine.before_commit(fail)
            await engine.before_commit(elsewhere.effect("never"))
            await engine.after_commit(elsewhere.effect("never"))

    with pytest.raises(ConnectionRefusedError):
        await write_here_and_elsewhere()
    assert await engine.users.count() == 0
    assert elsewhere.names == ["taken back"]
    async with asyncio.timeout(PATIENCE), engine.transaction():
        await engine.users.add(user_row(clock))


async def undone(engine, elsewhere, *, effect="never", remedies=()):
    """A transaction, or a savepoint, that somebody gives up."""
    async with engine.transaction():
        await engine.before_commit(elsewhere.effect(effect))
        for remedy in remedies:
            engine.if_undone(remedy)
        raise LookupError


async def test_an_undone_transaction_does_nothing_elsewhere_and_takes_back_what_could_not_wait(engine, elsewhere):
    with pytest.raises(LookupError):
        await undone(engine, elsewhere, remedies=[elsewhere.effect("one"), elsewhere.effect("two")])
    assert elsewhere.names == ["two", "one"]


async def test_an_undone_savepoint_takes_back_its_own_alone(engine, elsewhere):
    async with engine.transaction():
        await engine.before_commit(elsewhere.effect("outer"))
        engine.if_undone(elsewhere.effect("never"))
        with pytest.raises(LookupError):
            await undone(engine, elsewhere, remedies=[elsewhere.effect("taken back")])
        assert elsewhere.names == ["taken back"]
    assert elsewhere.names == ["taken back", "outer"]


async def test_a_remedy_that_fails_keeps_no_other_from_its_work(engine, elsewhere):
    async def fail():
        raise ConnectionRefusedError("elsewhere is down")

    with pytest.raises(LookupError):
        await undone(engine, elsewhere, remedies=[elsewhere.effect("one"), fail])
    assert elsewhere.names == ["one"]

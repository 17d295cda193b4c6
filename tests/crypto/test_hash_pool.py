import asyncio
import threading
from time import perf_counter

import pytest
from passlib.context import CryptContext
from passlib.hash import pbkdf2_sha256

from asgi_auth.crypto.hash_pool import PasswordCheck, PasswordHasher
from asgi_auth.crypto.passwords import PasswordContext, password_context
from asgi_auth.errors import Overloaded, Unavailable


class GatedContext(PasswordContext):
    """Hashes cheaply, but only once the gate is open."""

    def __init__(self):
        super().__init__(cost=2)
        self.gate = threading.Event()
        self.started = threading.Semaphore(0)
        self.hashed = []

    def hash(self, secret):
        self.started.release()
        assert self.gate.wait(30)
        self.hashed.append(secret)
        return super().hash(secret)


@pytest.fixture
async def hasher():
    hasher = PasswordHasher(workers=2, context=password_context(cost=2))
    yield hasher
    await hasher.close()


@pytest.fixture
def gated():
    context = GatedContext()
    yield context
    context.gate.set()


async def until_started(context, calls=1):
    for _ in range(calls):
        assert await asyncio.to_thread(context.started.acquire, timeout=30)


async def start(*calls):
    """Tasks that have come as far as the pool."""
    tasks = [asyncio.ensure_future(call) for call in calls]
    await asyncio.sleep(0)
    return tasks


# hashing


async def test_a_hash_verifies_its_password_and_no_other(hasher):
    stored = await hasher.hash("correct horse")
    assert await hasher.verify("correct horse", stored) == PasswordCheck(is_valid=True)
    assert await hasher.verify("wrong", stored) == PasswordCheck(is_valid=False)


async def test_an_outdated_hash_comes_with_its_replacement(hasher):
    check = await hasher.verify("correct horse", pbkdf2_sha256.using(rounds=10).hash("correct horse"))
    assert check.is_valid
    assert await hasher.verify("correct horse", check.replacement) == PasswordCheck(is_valid=True)


@pytest.mark.parametrize("stored", [None, "", "garbage", "x" * 100_000])
async def test_no_hash_or_an_unreadable_one_is_invalid(hasher, stored):
    assert await hasher.verify("correct horse", stored) == PasswordCheck(is_valid=False)


async def test_an_unknown_account_costs_the_verification_of_a_stand_in():
    class CountingContext(PasswordContext):
        verified = 0

        def dummy_verify(self):
            self.verified += 1
            return super().dummy_verify()

    context = CountingContext(cost=2)
    hasher = PasswordHasher(workers=1, context=context)
    for stored in (None, "", "garbage"):
        await hasher.verify("correct horse", stored)
    assert context.verified == 3
    await hasher.close()


@pytest.mark.parametrize("stored", [None, "", "garbage"])
async def test_any_other_passlib_context_can_be_used(stored):
    hasher = PasswordHasher(workers=1, context=CryptContext(["pbkdf2_sha256"], pbkdf2_sha256__rounds=10))
    assert (await hasher.hash("correct horse")).startswith("$pbkdf2-sha256$10$")
    assert await hasher.verify("correct horse", stored) == PasswordCheck(is_valid=False)
    await hasher.close()


async def test_by_default_hashes_are_better_auths():
    hasher = PasswordHasher()
    stored = await hasher.hash("correct horse")
    assert (len(stored), stored[32]) == (161, ":")
    await hasher.close()


async def test_a_password_that_cannot_be_hashed_is_refused_and_the_pool_goes_on(hasher):
    for _ in range(5):
        with pytest.raises(ValueError, match="maximum"):
            await hasher.hash("x" * 5000)
    assert await hasher.hash("correct horse")


def test_a_check_does_not_show_the_new_hash():
    assert "hidden" not in repr(PasswordCheck(is_valid=True, replacement="hidden"))


# the loop goes on


async def test_the_event_loop_runs_while_hashes_are_computed(gated):
    hasher = PasswordHasher(workers=1, context=gated)
    (task,) = await start(hasher.hash("correct horse"))
    await until_started(gated)
    for _ in range(100):
        await asyncio.sleep(0)
    assert not task.done()
    gated.gate.set()
    assert await task
    await hasher.close()


def test_one_hasher_serves_several_event_loops():
    hasher = PasswordHasher(workers=1, context=password_context(cost=2))

    async def hash_and_verify():
        return await hasher.verify("correct horse", await hasher.hash("correct horse"))

    assert [asyncio.run(hash_and_verify()).is_valid for _ in range(3)] == [True, True, True]
    hasher.close_blocking()


def test_creating_a_hasher_starts_no_thread():
    before = threading.active_count()
    PasswordHasher(workers=8)
    assert threading.active_count() == before


# the bound


async def test_further_calls_are_refused_at_once_while_the_queue_is_full(gated):
    hasher = PasswordHasher(workers=2, max_queue=3, context=gated)
    accepted = await start(*(hasher.hash(f"password {number}") for number in range(5)))
    await until_started(gated, calls=2)
    for call in (hasher.hash("one too many"), hasher.verify("one too many", None)):
        with pytest.raises(Overloaded):
            await call
    gated.gate.set()
    assert len(set(await asyncio.gather(*accepted))) == 5
    assert await hasher.hash("now there is room")
    await hasher.close()


async def test_a_queue_of_none_refuses_what_cannot_start(gated):
    hasher = PasswordHasher(workers=1, max_queue=0, context=gated)
    (accepted,) = await start(hasher.hash("first"))
    with pytest.raises(Overloaded):
        await hasher.hash("second")
    gated.gate.set()
    assert await accepted
    await hasher.close()


def test_a_refusal_is_an_answer_of_503():
    assert issubclass(Overloaded, Unavailable)
    assert Overloaded().status == 503


@pytest.mark.parametrize(("workers", "max_queue"), [(0, 1), (-1, 1), (1, -1)])
def test_a_pool_without_workers_or_of_negative_length_is_refused(workers, max_queue):
    with pytest.raises(ValueError, match="at least one worker"):
        PasswordHasher(workers=workers, max_queue=max_queue)


async def test_the_number_of_waiting_calls_is_reported(gated):
    reported = []
    hasher = PasswordHasher(workers=1, max_queue=2, context=gated, on_queue=reported.append)
    tasks = await start(*(hasher.hash(f"password {number}") for number in range(3)))
    assert reported == [0, 1, 2]
    gated.gate.set()
    await asyncio.gather(*tasks)
    assert reported[-1] == 0
    await hasher.close()


# cancellation


async def test_work_cancelled_while_it_waits_never_runs_and_leaves_its_place(gated):
    hasher = PasswordHasher(workers=1, max_queue=1, context=gated)
    running, waiting = await start(hasher.hash("running"), hasher.hash("cancelled"))
    await until_started(gated)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    (replacing,) = await start(hasher.hash("in its place"))
    gated.gate.set()
    await asyncio.gather(running, replacing)
    assert gated.hashed == ["running", "in its place"]
    await hasher.close()


async def test_work_cancelled_while_it_runs_keeps_its_slot_until_it_is_done(gated):
    hasher = PasswordHasher(workers=1, max_queue=0, context=gated)
    (running,) = await start(hasher.hash("cancelled"))
    await until_started(gated)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    with pytest.raises(Overloaded):
        await hasher.hash("too early")
    gated.gate.set()
    await hasher.close()
    assert gated.hashed == ["cancelled"]
    assert await hasher.hash("in time")
    await hasher.close()


async def test_a_storm_of_cancelled_calls_leaks_no_slot(hasher):
    for _ in range(20):
        tasks = await start(*(hasher.hash("correct horse") for _ in range(20)))
        for task in tasks[::2]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    await hasher.close()
    assert len(await asyncio.gather(*(hasher.hash("correct horse") for _ in range(66)))) == 66


async def test_it_tells_what_was_done_how_long_it_waited_and_took():
    told = []
    hasher = PasswordHasher(workers=1, context=password_context(cost=2), on_done=lambda *figures: told.append(figures))
    stored = await hasher.hash("a password")
    await hasher.verify("a password", stored)
    await hasher.close()
    assert [operation for operation, _, _ in told] == ["hash", "verify"]
    assert all(waited > 0 and took > 0 for _, waited, took in told)


async def test_who_waits_for_a_worker_is_told_as_waiting(gated):
    told = []
    hasher = PasswordHasher(workers=1, context=gated, on_done=lambda *figures: told.append(figures))
    tasks = await start(hasher.hash("first"), hasher.hash("second"))
    await until_started(gated)
    both_are_there = perf_counter()
    await asyncio.sleep(0)
    opened = perf_counter()
    gated.gate.set()
    await asyncio.gather(*tasks)
    await hasher.close()
    (_, _, first_took), (_, second_waited, _) = told
    assert min(first_took, second_waited) >= opened - both_are_there


async def test_it_tells_when_it_refuses(gated):
    refused = []
    hasher = PasswordHasher(workers=1, max_queue=0, context=gated, on_refused=lambda: refused.append(True))
    (busy,) = await start(hasher.hash("a password"))
    with pytest.raises(Overloaded):
        await hasher.hash("another password")
    gated.gate.set()
    await busy
    await hasher.close()
    assert refused == [True]

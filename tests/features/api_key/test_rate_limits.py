"""How often a key may be used: windows, their ends, and what is counted where."""

from __future__ import annotations

import asyncio

import pytest

from asgi_auth.features.api_key import ApiKeyOptions, ApiKeys
from asgi_auth.features.api_key.errors import ApiKeyRateLimited
from tests.features.api_key.rows import add_key, costs_nothing, keys_of, new_key, service, verify, written
from tests.support import until


@pytest.fixture
def auth(make_auth, database_url):
    return make_auth(database=database_url, features=[ApiKeys()])


@pytest.fixture
def compatible(make_auth, database_url):
    return make_auth(database=database_url, features=[ApiKeys()], is_compatible=True)


async def let_through(auth, key, many, **options):
    """How many of so many requests at once are let through."""
    asked = (verify(auth, key, **options) for _ in range(many))
    results = await asyncio.gather(*asked, return_exceptions=True)
    wrong = [each for each in results if isinstance(each, Exception) and not isinstance(each, ApiKeyRateLimited)]
    assert wrong == []
    return sum(not isinstance(each, Exception) for each in results)


async def refusal(auth, key):
    with pytest.raises(ApiKeyRateLimited) as refused:
        await verify(auth, key)
    return refused.value


async def test_of_200_at_once_exactly_as_many_as_the_limit_are_let_through(auth):
    key = await new_key(auth, rate_limit_max=70)
    assert await let_through(auth, key, 200) == 70
    assert (await written(auth, key)).request_count == 70


async def test_a_refusal_says_when_to_come_back(auth, clock):
    key = await new_key(auth, rate_limit_max=2)
    for _ in range(2):
        await verify(auth, key)
    clock.advance(seconds=1, milliseconds=500)
    error = await refusal(auth, key)
    assert error.body == {
        "message": "Rate limit exceeded.",
        "code": "RATE_LIMITED",
        "details": {"tryAgainIn": 58_500},
    }
    assert (error.status, error.retry_after) == (429, 59)


async def test_who_never_pauses_is_let_through_as_often_as_the_limit_says(auth, clock):
    key = await new_key(auth, rate_limit_max=10)
    passed = 0
    for _ in range(180):  # three minutes, a request a second
        passed += await let_through(auth, key, 1)
        clock.advance(seconds=1)
    assert passed == 30


async def test_a_window_ends_a_window_after_its_first_request(auth, clock):
    key = await new_key(auth, rate_limit_max=2)
    clock.advance(seconds=45)  # after it was made
    await verify(auth, key)
    clock.advance(seconds=59)
    await verify(auth, key)
    assert (await refusal(auth, key)).try_again_in == 1_000
    clock.advance(seconds=1)
    assert await let_through(auth, key, 3) == 2


async def test_the_contracts_window_begins_anew_with_each_request(compatible, clock):
    key = await new_key(compatible, rate_limit_max=3, rate_limit_time_window=4_000)
    for seconds in (0, 3, 3):
        clock.advance(seconds=seconds)
        await verify(compatible, key)
    assert (await refusal(compatible, key)).try_again_in == 4_000
    clock.advance(seconds=3)
    assert (await refusal(compatible, key)).try_again_in == 1_000  # a refused one moves nothing
    clock.advance(seconds=1, milliseconds=1)
    assert (await verify(compatible, key)).request_count == 1


async def test_a_refused_request_is_counted_nowhere(auth, clock):
    key = await new_key(auth, rate_limit_max=1)
    await verify(auth, key)
    before = await written(auth, key)
    clock.advance(seconds=5)
    await refusal(auth, key)
    assert await written(auth, key) == before


async def test_a_key_follows_its_own_columns_at_once(auth, clock):
    key = await new_key(auth, rate_limit_max=2)
    assert await let_through(auth, key, 5) == 2
    await keys_of(auth).change({"id": key.id}, rate_limit_max=4)
    assert await let_through(auth, key, 5) == 2
    await keys_of(auth).change({"id": key.id}, rate_limit_enabled=False)
    assert await let_through(auth, key, 50) == 50
    await keys_of(auth).change({"id": key.id}, rate_limit_enabled=True, rate_limit_time_window=10_000)
    clock.advance(seconds=11)
    assert await let_through(auth, key, 50) == 4


@pytest.mark.parametrize("columns", [{"rate_limit_max": None}, {"rate_limit_time_window": None}])
async def test_without_a_number_or_a_window_nothing_is_limited(auth, columns):
    key = await new_key(auth, **{"rate_limit_max": 1} | columns)
    assert await let_through(auth, key, 20) == 20


async def test_a_configuration_may_limit_nothing(make_auth, database_url):
    auth = make_auth(database=database_url, features=[ApiKeys(ApiKeyOptions(limits_requests=False))])
    key = await new_key(auth, rate_limit_max=1)
    assert await let_through(auth, key, 20) == 20


async def test_a_limit_of_nothing_lets_nothing_through(auth):
    key = await new_key(auth, rate_limit_max=0)
    assert await let_through(auth, key, 3) == 0


async def test_keys_do_not_count_for_each_other(auth):
    one = await new_key(auth, rate_limit_max=3)
    other = await add_key(auth, one.owner_id, rate_limit_max=3)
    assert await let_through(auth, one, 9) == await let_through(auth, other, 9) == 3


async def test_any_answer_shows_the_counters_as_if_they_had_been_written_at_once(auth, clock):
    key = await new_key(auth, rate_limit_max=50)
    for _ in range(5):
        await verify(auth, key)
    clock.advance(seconds=1)
    assert (await verify(auth, key)).request_count == 6
    shown = await service(auth).get_api_key(key.id)
    assert (shown.request_count, shown.last_request, shown.updated_at) == (6, clock(), clock())
    (listed,) = (await service(auth).list_api_keys(key.owner_id)).keys
    assert listed == shown
    await written(auth, key)
    assert await service(auth).get_api_key(key.id) == shown
    clock.advance(minutes=2)
    assert (await service(auth).get_api_key(key.id)).request_count == 6
    assert (await verify(auth, key)).request_count == 1
    assert (await service(auth).get_api_key(key.id)).request_count == 1


async def test_after_a_restart_the_row_says_what_is_left(make_auth, database_url, clock):
    first = make_auth(database=database_url, features=[ApiKeys()])
    key = await new_key(first, rate_limit_max=10)
    assert await let_through(first, key, 7) == 7
    await first.services.close()
    clock.advance(seconds=30)
    second = make_auth(database=database_url, features=[ApiKeys()])
    assert await let_through(second, key, 7) == 3
    clock.advance(seconds=31)
    assert await let_through(second, key, 20) == 10


async def test_without_redis_processes_meet_in_the_row(make_auth, database_url, clock):
    auths = [make_auth(database=database_url, features=[ApiKeys()]) for _ in range(2)]
    key = await new_key(auths[0], rate_limit_max=10)
    assert await let_through(auths[0], key, 4) == 4
    assert await let_through(auths[1], key, 4) == 4
    for auth in (*auths, *auths):
        await written(auth, key)
        clock.advance(seconds=1)
        await let_through(auth, key, 0)
    row = await written(auths[0], key)
    assert row.request_count == 8
    passed = 0
    for auth in auths:
        passed += await let_through(auth, key, 1)
        await written(auth, key)
    for auth in auths:  # each has heard of the other's since its own was written
        passed += await let_through(auth, key, 1)
        await written(auth, key)
    assert passed <= 3
    assert (await written(auths[1], key)).request_count == 8 + passed


async def test_what_is_counted_in_two_processes_is_all_in_the_row(make_auth, database_url):
    auths = [make_auth(database=database_url, features=[ApiKeys()]) for _ in range(2)]
    key = await new_key(auths[0], rate_limit_max=10_000)
    for _ in range(5):
        await asyncio.gather(*(let_through(auth, key, 20) for auth in auths))
        await asyncio.gather(*(written(auth, key) for auth in auths))
    for auth in auths:
        await written(auth, key)
    assert (await keys_of(auths[0]).find(id=key.id)).request_count == 200


async def test_no_request_waits_for_its_count(make_auth, database_url, monkeypatch):
    monkeypatch.setattr("asgi_auth.features.api_key.use_writer.BATCH_DELAY", 3600)  # it is not asked to hurry
    auth = make_auth(database=database_url, features=[ApiKeys()])
    key = await new_key(auth, rate_limit_max=1_000_000)
    await verify(auth, key)
    await costs_nothing(auth, lambda: let_through(auth, key, 100))
    assert (await keys_of(auth).find(id=key.id)).request_count == 0
    assert (await written(auth, key)).request_count > 100


async def test_nobody_has_to_ask_for_it_to_be_written(auth):
    key = await new_key(auth, rate_limit_max=1_000)
    await verify(auth, key)
    async with asyncio.timeout(60):
        while not (await keys_of(auth).find(id=key.id)).request_count:  # noqa: ASYNC110  (it comes in its own time)
            await asyncio.sleep(0.05)


async def test_counting_makes_nobody_forget_the_key(auth):
    key = await new_key(auth, rate_limit_max=1_000)
    await verify(auth, key)
    await written(auth, key)
    marks = [await add_key(auth, key.owner_id) for _ in range(2)]
    told = []
    auth.services.remembering.hub.subscribe(Told(told))

    async def heard(mark):
        """Everything that was written before; changes behind our back are told by the database alone, in order."""
        run = auth.services.engine._executor.run_text
        await run(f"UPDATE apikey SET name = 'changed' WHERE id = '{mark.id}'")
        await until(lambda: mark.id in told)

    await heard(marks[0])
    told.clear()
    for _ in range(3):
        await verify(auth, key)
        await written(auth, key)
    await heard(marks[1])
    assert key.id not in told


class Told:
    """Keeps the ids of the keys that it is told have changed."""

    def __init__(self, told):
        self.told = told

    def forget(self, changes):
        self.told += [each for change in changes if change.table == "apikey" for each in change.keys]

    def forget_all(self):
        """Nothing is kept."""


async def test_the_contracts_window_goes_on_where_another_process_has_used_the_key(make_auth, database_url, clock):
    auths = [make_auth(database=database_url, features=[ApiKeys()], is_compatible=True) for _ in range(2)]
    key = await new_key(auths[0], rate_limit_max=10)
    for auth in auths:
        await let_through(auth, key, 2)
        await written(auth, key)
    clock.advance(seconds=50)
    await let_through(auths[1], key, 3)
    assert (await written(auths[1], key)).request_count == 7
    clock.advance(seconds=50)
    await let_through(auths[0], key, 1)  # it knows of no use for more than a minute
    assert (await written(auths[0], key)).request_count == 8


async def test_the_clock_may_go_back(auth, clock):
    key = await new_key(auth, rate_limit_max=5)
    assert await let_through(auth, key, 3) == 3
    clock.advance(seconds=-10)
    assert await let_through(auth, key, 5) == 2
    assert (await written(auth, key)).request_count == 5
    clock.advance(hours=-1)
    assert (await refusal(auth, key)).try_again_in == 60_000  # not an hour
    clock.advance(minutes=1)
    assert await let_through(auth, key, 9) == 5

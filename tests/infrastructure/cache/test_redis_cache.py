"""The shared cache gives back what was put there for this very key, unless anything it rests on has changed."""

from __future__ import annotations

import asyncio

import pytest

from asgi_auth.infrastructure.change_feed.base import Change
from tests.infrastructure.cache.shared import KEY, NOW, TAGS, Process, process

TOKEN = "a-token-that-nobody-may-read"
VALUE = b"ada@example.com and what else is known of her"


@pytest.fixture
async def here(redis_url):
    async with process(redis_url) as one:
        yield one


@pytest.fixture
async def there(redis_url, here):
    one = Process(redis_url)
    await one.begin_at_once()
    yield one
    await one.close()


async def entry_keys(one):
    return await one.client.command("KEYS", "asgi_auth:session:*")


async def test_what_one_process_has_put_another_finds(here, there):
    await here.remember(TOKEN, VALUE)
    assert await here.find(TOKEN) == await there.find(TOKEN) == VALUE
    assert await there.find("another token") is None
    assert await there.cache.find("user", TOKEN) is None


async def test_neither_tokens_nor_people_can_be_read_in_redis(here):
    session, user = "the-id-of-her-session", "the-id-of-ada-herself"
    await here.remember(TOKEN, VALUE, tags=(("session", session), ("user", user)))
    everything = []
    for name in await here.client.command("KEYS", "*"):
        everything += [name, await here.client.command("DUMP", name)]
    assert len(everything) > 8
    # None of these is short enough to be in random bytes by chance.
    for secret in (TOKEN.encode(), VALUE, b"ada@example", b"what else", session.encode(), user.encode()):
        assert all(secret not in seen for seen in everything)


async def test_every_key_but_the_epoch_ends_by_itself(here):
    await here.remember(TOKEN, VALUE)
    await here.cache.forget([Change("user", ("u2",))])
    names = set(await here.client.command("KEYS", "*"))
    lasting = {name for name in names if await here.client.command("PTTL", name) == -1}
    assert lasting == {b"asgi_auth:epoch"}
    assert len(names) >= 6


@pytest.mark.parametrize("tag", TAGS)
async def test_a_change_of_any_row_it_rests_on_voids_an_entry(here, there, tag):
    table, key = tag
    await here.remember(TOKEN, VALUE)
    await here.remember("of others", b"value", tags=(("session", "s9"), ("user", "u9")))
    await there.cache.forget([Change(table, (key,))])
    assert await here.find(TOKEN) is None
    assert await here.find("of others") == b"value"


async def test_a_change_of_a_whole_table_voids_every_entry_that_rests_on_any_of_its_rows(here):
    await here.remember(TOKEN, VALUE)
    await here.remember("of others", b"value", tags=(("user", "u9"),))
    await here.remember("keys", b"value", tags=(("jwks", "k1"),))
    await here.cache.forget([Change("user")])
    assert await here.find(TOKEN) is None
    assert await here.find("of others") is None
    assert await here.find("keys") == b"value"


async def test_new_rows_void_nothing(here):
    await here.remember(TOKEN, VALUE)
    await here.cache.forget([Change("user", ("u1",), is_new=True), Change("session", is_new=True)])
    assert await here.find(TOKEN) == VALUE


async def test_thousands_of_rows_at_once_are_dropped_each(here):
    for number in range(0, 3_000, 100):
        await here.remember(f"token {number}", VALUE, tags=(("session", f"{number}"),))
    await here.cache.forget([Change("session", tuple(f"{number}" for number in range(3_000)))])
    assert [await here.find(f"token {number}") for number in range(0, 3_000, 100)] == [None] * 30


@pytest.mark.parametrize("change", [Change("user", ("u1",)), Change("session", ("s1",)), Change("session")])
async def test_what_was_read_before_a_change_is_not_put_after_it(here, there, change):
    assert await here.find(TOKEN) is None
    # here somebody reads the old row, there it is changed
    await there.cache.forget([change])
    await here.put(TOKEN, b"old")
    assert await here.find(TOKEN) is None
    # what is read from now on is new
    await here.put(TOKEN, b"new")
    assert await there.find(TOKEN) == b"new"


async def test_nor_is_it_put_after_somebody_else_has_put_what_is_new(here, there):
    assert await here.find(TOKEN) is None
    await there.cache.forget([Change("user", ("u1",))])
    await there.remember("another token of hers", b"new")
    await here.put(TOKEN, b"old")
    assert await here.find(TOKEN) is None


@pytest.mark.parametrize("is_new_put", [False, True])
async def test_nor_is_it_put_after_redis_has_thrown_out_that_there_was_a_change(here, there, is_new_put):
    assert await here.find(TOKEN) is None
    await there.cache.forget([Change("user", ("u1",))])
    await there.client.command("DEL", *await there.client.command("KEYS", "asgi_auth:tag:*"))
    if is_new_put:
        await there.remember("another token of hers", b"new")
    await here.put(TOKEN, b"old")
    assert await here.find(TOKEN) is None
    await here.put(TOKEN, b"new")
    assert await here.find(TOKEN) == b"new"


async def test_nothing_is_put_that_was_not_looked_for_before(here):
    await here.put(TOKEN, VALUE)
    assert await here.find(TOKEN) is None
    await here.put(TOKEN, VALUE)
    await here.put("another", VALUE)
    assert await here.find(TOKEN) == VALUE
    assert await here.find("another") is None


async def test_nothing_is_put_that_was_read_in_another_epoch(here, there):
    assert await here.find(TOKEN) is None
    await there.client.command("HSET", "asgi_auth:epoch", "id", "x" * 22)
    await here.put(TOKEN, b"old")
    assert await here.find(TOKEN) is None
    await here.put(TOKEN, b"new")
    assert await here.find(TOKEN) == b"new"


async def test_an_entry_counts_for_no_other_key(here):
    await here.remember("one", b"value of one")
    [of_one] = await entry_keys(here)
    await here.remember("other", b"value of the other", tags=(("session", "s2"),))
    [of_other] = set(await entry_keys(here)) - {of_one}
    await here.client.command("SET", of_other, await here.client.command("GET", of_one))
    assert await here.find("other") is None
    assert await here.find("one") == b"value of one"


async def test_an_entry_changed_anywhere_or_cut_does_not_count(here):
    await here.remember(TOKEN, VALUE)
    [name] = await entry_keys(here)
    whole = await here.client.command("GET", name)
    for place in range(0, len(whole), 5):
        changed = bytearray(whole)
        changed[place] ^= 1
        for poison in (bytes(changed), whole[:place]):
            await here.client.command("SET", name, poison)
            assert await here.find(TOKEN) is None
    for poison in (b"", b"\x00", b"\x00" * 100, b"\xff" * 100, whole + b"x"):
        await here.client.command("SET", name, poison)
        assert await here.find(TOKEN) is None
    await here.client.command("SET", name, whole)
    assert await here.find(TOKEN) == VALUE


async def test_an_entry_cannot_be_freed_of_what_it_rests_on(here):
    await here.remember(TOKEN, VALUE)
    [name] = await entry_keys(here)
    whole = await here.client.command("GET", name)
    await here.client.command("SET", name, b"\x00" + whole[1 + whole[0] * 44 :])
    assert await here.find(TOKEN) is None


async def test_a_key_of_another_kind_is_a_miss(here):
    await here.remember(TOKEN, VALUE)
    [name] = await entry_keys(here)
    await here.client.command("DEL", name)
    await here.client.command("RPUSH", name, "x")
    assert await here.find(TOKEN) is None


async def test_who_has_another_secret_finds_nothing_but_changes_reach_everybody(redis_url, here):
    await here.remember(TOKEN, VALUE)
    other = Process(redis_url, key=b"x" * 32)
    await other.begin_at_once()
    assert await other.find(TOKEN) is None
    await other.put(TOKEN, b"theirs")
    assert (await other.find(TOKEN), await here.find(TOKEN)) == (b"theirs", VALUE)
    await other.cache.forget([Change("user", ("u1",))])
    assert await other.find(TOKEN) is await here.find(TOKEN) is None
    await other.close()


async def test_an_entry_ends_with_its_lifetime_even_where_somebody_keeps_it_in_redis(here):
    await here.remember(TOKEN, VALUE, lifetime=60)
    for name in await here.client.command("KEYS", "*"):
        await here.client.command("PERSIST", name)
    here.now = NOW + 59
    assert await here.find(TOKEN) == VALUE
    here.now = NOW + 60
    assert await here.find(TOKEN) is None


async def test_what_redis_throws_out_makes_entries_miss(here):
    await here.remember(TOKEN, VALUE)
    names = [*await here.client.command("KEYS", "asgi_auth:tag:*"), b"asgi_auth:epoch"]
    assert len(names) == 5
    for name in names:
        kept = await here.client.command("DUMP", name)
        await here.client.command("DEL", name)
        assert await here.find(TOKEN) is None
        await here.client.command("RESTORE", name, 0, kept)
        assert await here.find(TOKEN) == VALUE


async def test_of_many_reads_and_changes_at_once_none_leaves_what_is_old(here, there):
    """The rows are numbers that only grow; whoever finds one after a change has been told must find that or a later."""
    record = 0
    stale = []

    async def change():
        nonlocal record
        for _ in range(100):
            record += 1
            await there.cache.forget([Change("session", ("s1",))])
            told = record
            found = await there.find(TOKEN)
            if found is not None and int(found) < told:
                stale.append((found, told))
            await asyncio.sleep(0)

    async def read():
        while not changing.done():
            found = await here.find(TOKEN)
            if found is None:
                value = record
                await asyncio.sleep(0.001)
                await here.put(TOKEN, b"%d" % value)
                put.append(value)

    put = []
    changing = asyncio.create_task(change())
    await asyncio.gather(changing, *(read() for _ in range(5)))
    assert stale == []
    assert put


async def test_a_process_that_has_not_begun_finds_and_puts_nothing(redis_url, here):
    await here.remember(TOKEN, VALUE)
    late = Process(redis_url, key=KEY)
    assert await late.find(TOKEN) is None
    await late.put(TOKEN, b"x")
    await late.close()
    assert await here.find(TOKEN) == VALUE

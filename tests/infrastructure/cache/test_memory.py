"""Which of too many entries goes, and that finding it holds nobody up."""

from __future__ import annotations

import random

import pytest

from asgi_auth.infrastructure.cache.memory import Cell, MemoryCache, SecondChance
from asgi_auth.infrastructure.change_feed.base import Change


class Watched:
    """A cell that counts how often somebody looks whether it was used."""

    looks = 0

    def __init__(self, *, was_used: bool) -> None:
        self._was_used = was_used

    @property
    def was_used(self) -> bool:
        type(self).looks += 1
        return self._was_used

    @was_used.setter
    def was_used(self, value: bool) -> None:
        self._was_used = value


def remembered(most, *keys, used=()):
    """A bounded mapping of these keys, some of them used since."""
    cells = SecondChance(most)
    for key in keys:
        cells[key] = Cell(key, key, 0.0)
    for key in used:
        cells[key].was_used = True
    return cells


def test_of_too_many_the_oldest_that_was_not_used_since_goes():
    cells = remembered(3, "a", "b", "c", used="a")
    cells["d"] = Cell("d", "d", 0.0)
    assert set(cells) == {"a", "c", "d"}


def test_a_use_counts_for_one_turn():
    cells = remembered(3, "a", "b", "c", used="a")
    for key in "def":
        cells[key] = Cell(key, key, 0.0)
    assert set(cells) == {"d", "e", "f"}


def test_where_all_were_used_one_goes_without_a_look_at_everybody(monkeypatch):
    cells = SecondChance(5000)
    for number in range(5000):
        cells[number] = Watched(was_used=True)
    monkeypatch.setattr(Watched, "looks", 0)
    cells["another"] = Watched(was_used=False)
    assert len(cells) == 5000
    assert Watched.looks < 100


def test_what_was_dropped_before_its_turn_takes_nobody_else_along():
    cells = remembered(3, "a", "b", "c")
    del cells["a"]
    cells["d"] = Cell("d", "d", 0.0)
    assert set(cells) == {"b", "c", "d"}
    cells["e"] = Cell("e", "e", 0.0)
    assert set(cells) == {"c", "d", "e"}


def test_what_goes_is_told_once():
    gone = []
    cells = SecondChance(2, on_drop=lambda cell: gone.append(cell.key))
    for key in "abcd":
        cells[key] = Cell(key, key, 0.0)
    assert gone == ["a", "b"]


def test_entries_that_come_and_go_leave_nothing_behind():
    cells = SecondChance(10)
    for number in range(10_000):
        cells[number] = Cell(str(number), number, 0.0)
        del cells[number]
    assert len(cells) == 0
    assert len(cells._turns) <= 100


def test_emptied_it_begins_anew():
    cells = remembered(2, "a", "b")
    cells.clear()
    for key in "abc":
        cells[key] = Cell(key, key, 0.0)
    assert set(cells) == {"b", "c"}


def test_whatever_happens_there_are_never_too_many_and_every_one_can_be_found_by_its_row():
    dice = random.Random(1)
    cache = MemoryCache(20, tags=lambda value: (("session", value),))
    for _ in range(5000):
        key = str(dice.randrange(60))
        match dice.randrange(4):
            case 0:
                cache.put(key, key, until=0.0)
            case 1:
                cache.find(key)
            case 2:
                cache.drop(key)
            case _:
                cache.forget(Change("session", (key,)))
                assert cache.find(key) is None
        assert len(cache) <= 20


def on_one_user(count):
    """A memory, and so many cells in it that rest on rows of their own and on one user's."""
    cache = MemoryCache(count, tags=lambda value: (("session", value), ("user", "ada")))
    return cache, [cache.put(str(number), str(number), until=0.0) for number in range(count)]


def test_an_empty_one_has_nothing_to_drop():
    with pytest.raises(KeyError):
        SecondChance(10).popitem()


def test_one_of_many_that_rest_on_a_row_is_dropped_without_a_look_at_the_others(monkeypatch):
    cache, cells = on_one_user(1000)
    looks = []
    monkeypatch.setattr("asgi_auth.infrastructure.cache.memory.Cell.__eq__", lambda *pair: looks.append(pair) or False)
    cache.drop("500")
    cache.drop("999")
    assert looks == []
    cache.forget(Change("user", ("ada",)))
    assert len(cache) == 0
    assert not any(cell.is_live for cell in cells)


@pytest.mark.parametrize("forget", [MemoryCache.clear, lambda cache: cache.forget(Change("session"))])
def test_all_can_be_forgotten_at_once_and_found_again_by_their_rows_afterwards(forget):
    cache, cells = on_one_user(10)
    forget(cache)
    assert len(cache) == 0
    assert not any(cell.is_live for cell in cells)
    for key in "abc":
        cache.put(key, key, until=0.0)
    cache.forget(Change("user", ("bob",)))
    assert len(cache) == 3
    cache.forget(Change("user", ("ada",)))
    assert len(cache) == 0

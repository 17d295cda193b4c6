"""What every store promises, on every database."""

from __future__ import annotations

import asyncio
import traceback
from datetime import timedelta

import pytest

from asgi_auth import Account, Unavailable
from asgi_auth.engine import IntegrityViolation, UniqueViolation
from tests.contracts.rows import session_row, user_row, verification_row


@pytest.fixture
def engine(auth):
    return auth.services.engine


# add and find


async def test_what_was_added_is_found_as_it_was(engine, clock):
    user = user_row(clock, name="Ada ❤ O'Neil \"\\ %s $1 ?", email_verified=True, image="https://a.test/x.png")
    session = session_row(clock, user, ip_address=None, user_agent="")
    await engine.users.add(user)
    await engine.sessions.add(session)
    assert await engine.users.find(id=user.id) == user
    assert await engine.sessions.find(token=session.token) == session


async def test_every_column_of_an_account_comes_back(engine, clock):
    user = user_row(clock)
    account = Account(
        account_id="1234",
        provider_id="github",
        user_id=user.id,
        access_token="access",
        refresh_token="refresh",
        id_token="id-token",
        access_token_expires_at=clock() + timedelta(hours=1),
        refresh_token_expires_at=clock() + timedelta(days=1),
        scope="a,b",
        password="hash",
        created_at=clock(),
        updated_at=clock(),
        id="x",
    )
    await engine.users.add(user)
    await engine.accounts.add(account)
    assert await engine.accounts.find(id="x") == account


async def test_what_is_not_there_is_not_found(engine, clock):
    await engine.users.add(user_row(clock))
    assert await engine.users.find(id="nobody") is None


async def test_a_row_is_found_only_if_all_conditions_hold(engine, clock):
    user = user_row(clock)
    await engine.users.add(user)
    assert await engine.users.find(id=user.id, email=user.email, email_verified=False) == user
    assert await engine.users.find(id=user.id, email=user.email, email_verified=True) is None
    assert await engine.users.find(created_at=clock(), name="Ada") == user
    assert await engine.users.find(created_at=clock() + timedelta(milliseconds=1)) is None


async def test_none_as_a_condition_means_that_there_is_no_value(engine, clock):
    bare = user_row(clock)
    pictured = user_row(clock, "bob@example.com", image="https://a.test/x.png")
    await engine.users.add(bare)
    await engine.users.add(pictured)
    assert await engine.users.find(image=None) == bare
    assert await engine.users.find(image=None, id=pictured.id) is None
    assert await engine.users.count(image=None) == 1


# list and count


async def test_a_list_is_in_the_order_of_creation(engine, clock):
    rows = [verification_row(clock, id=str(number)) for number in (3, 1, 2)]
    for row in rows:
        clock.advance(milliseconds=1)
        await engine.verifications.add(verification_row(clock, id=row.id))
    assert [row.id for row in await engine.verifications.list(identifier="test:one")] == ["3", "1", "2"]


async def test_a_list_has_a_hundred_rows_at_most_unless_asked_otherwise(engine, clock):
    async with engine.transaction():
        for _ in range(101):
            await engine.verifications.add(verification_row(clock))
    assert len(await engine.verifications.list()) == 100
    assert len(await engine.verifications.list(limit=7)) == 7
    assert len(await engine.verifications.list(limit=1000)) == 101
    assert await engine.verifications.list(identifier="another") == []
    assert await engine.verifications.count() == 101
    assert await engine.verifications.count(identifier="another") == 0


# change


async def test_a_change_returns_the_row_as_it_is_now(engine, clock):
    user = user_row(clock)
    await engine.users.add(user)
    changed = await engine.users.change({"id": user.id}, name="Grace", email_verified=True)
    assert (changed.name, changed.email_verified, changed.email) == ("Grace", True, user.email)
    assert await engine.users.find(id=user.id) == changed


async def test_a_change_can_set_a_value_to_none(engine, clock):
    user = user_row(clock, image="https://a.test/x.png")
    await engine.users.add(user)
    assert (await engine.users.change({"id": user.id}, image=None)).image is None


async def test_a_change_of_a_row_that_is_not_there_returns_none(engine):
    assert await engine.users.change({"id": "nobody"}, name="Grace") is None


async def test_conditions_on_old_values_make_a_change_a_compare_and_set(engine, clock):
    user = user_row(clock)
    await engine.users.add(user)
    for before, after, done in [("Ada", "Grace", True), ("Ada", "Hedy", False), ("Grace", "Hedy", True)]:
        changed = await engine.users.change({"id": user.id, "name": before}, name=after)
        assert (changed is not None) is done
    assert await engine.users.change({"id": user.id, "image": None}, image="https://a.test/1") is not None
    assert await engine.users.change({"id": user.id, "image": None}, image="https://a.test/2") is None


async def test_of_many_who_compare_and_set_one_wins(engine, clock):
    user = user_row(clock)
    await engine.users.add(user)
    changes = [engine.users.change({"id": user.id, "name": "Ada"}, name=f"Ada {n}") for n in range(20)]
    winners = [changed for changed in await asyncio.gather(*changes) if changed is not None]
    assert len(winners) == 1
    assert await engine.users.find(id=user.id) == winners[0]


# take and remove


async def test_what_is_taken_is_returned_and_gone(engine, clock):
    row = verification_row(clock)
    await engine.verifications.add(row)
    assert await engine.verifications.take(id=row.id) == row
    assert await engine.verifications.take(id=row.id) is None
    assert await engine.verifications.count() == 0


async def test_of_many_who_take_a_row_one_gets_it(engine, clock):
    row = verification_row(clock)
    await engine.verifications.add(row)
    taken = await asyncio.gather(*(engine.verifications.take(id=row.id) for _ in range(20)))
    assert [found for found in taken if found is not None] == [row]


async def test_remove_tells_how_many_there_were(engine, clock):
    for identifier in ("a", "a", "b"):
        await engine.verifications.add(verification_row(clock, identifier))
    assert await engine.verifications.remove(identifier="a") == 2
    assert await engine.verifications.remove(identifier="a") == 0
    assert [row.identifier for row in await engine.verifications.list()] == ["b"]


# rules of the schema


async def test_a_repeated_unique_value_is_a_unique_violation(engine, clock):
    await engine.users.add(user_row(clock))
    other = user_row(clock, "bob@example.com")
    await engine.users.add(other)
    with pytest.raises(UniqueViolation):
        await engine.users.add(user_row(clock))
    with pytest.raises(UniqueViolation):
        await engine.users.change({"id": other.id}, email="ada@example.com")
    assert await engine.users.count() == 2


async def test_a_reference_to_nobody_is_an_integrity_violation(engine, clock):
    with pytest.raises(IntegrityViolation) as caught:
        await engine.sessions.add(session_row(clock, user_row(clock)))
    assert not isinstance(caught.value, UniqueViolation)


async def test_a_missing_value_is_an_integrity_violation(engine, clock):
    user = user_row(clock)
    await engine.users.add(user)
    with pytest.raises(IntegrityViolation) as caught:
        await engine.users.change({"id": user.id}, name=None)
    assert not isinstance(caught.value, UniqueViolation)
    assert await engine.users.find(id=user.id) == user


async def test_a_violation_tells_nothing_of_what_is_stored(engine, clock, capsys):
    person, namesake = (user_row(clock, "secret.person@example.com") for _ in range(2))
    await engine.users.add(person)
    with pytest.raises(UniqueViolation) as caught:
        await engine.users.add(namesake)
    told = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + capsys.readouterr().out
    assert "secret.person" not in told


async def test_what_belongs_to_a_user_goes_with_the_user(engine, clock):
    user, other = user_row(clock), user_row(clock, "bob@example.com")
    for person in (user, other):
        await engine.users.add(person)
        await engine.sessions.add(session_row(clock, person))
    assert await engine.users.remove(id=user.id) == 1
    assert [session.user_id for session in await engine.sessions.list()] == [other.id]


# statements


async def test_a_statement_is_compiled_once(engine, clock):
    await engine.users.add(user_row(clock))
    with engine.recorded() as statements:
        await engine.users.find(id="1")
        await engine.users.find(id="2")
        await engine.users.find(image=None)
    assert statements[0] is statements[1]
    assert statements[2] != statements[0]


async def test_values_never_become_part_of_the_sql(engine, clock):
    hostile = '\'; DROP TABLE "user"; --'
    user = user_row(clock, name=hostile)
    with engine.recorded() as statements:
        await engine.users.add(user)
        assert await engine.users.find(name=hostile) == user
    assert not any("DROP" in sql for sql in statements)


async def test_a_table_that_is_gone_is_a_fault(engine, database_url, clock):
    await engine.users.add(user_row(clock))
    await engine._executor.run_text("DROP TABLE verification")
    with pytest.raises(Unavailable):
        await engine.verifications.find(identifier="x")


async def test_a_whole_table_is_not_deleted_by_forgetting_a_condition(engine):
    for deletion in (engine.users.remove, engine.users.take):
        with pytest.raises(ValueError, match="condition"):
            await deletion()

"""What is known of our keys is true: who withdraws or adds one is heard of, and asking costs no query meanwhile."""

from __future__ import annotations

import asyncio

import pytest

from asgi_auth.crypto.tokens import generate_id
from asgi_auth.errors import InvalidToken
from asgi_auth.features.jwt import JWTService
from asgi_auth.features.jwt.events import SigningKeyCreated
from asgi_auth.features.jwt.models import StoredKey
from tests.features.jwt.stored_keys import kid_of, rows
from tests.support import eventually


async def test_a_key_whose_row_is_deleted_verifies_nothing_any_more(auth, service):
    token = await service.sign_jwt({"sub": "u"})
    verified = await service.verify_jwt(token)
    await auth.services.engine._executor.run_text('DELETE FROM "jwks"')

    async def is_refused():
        try:
            await service.verify_jwt(token)
        except InvalidToken:
            return True
        return False

    await eventually(is_refused)
    assert verified.standing is None or not verified.standing.cell.is_live


async def test_other_processes_hear_of_it(make_jwt, database_url):
    here, there = (make_jwt(database=database_url).services.get(JWTService) for _ in range(2))
    token = await here.sign_jwt({"sub": "u"})

    async def is_taken():
        try:
            await there.verify_jwt(token)
        except InvalidToken:
            return False
        return True

    assert await is_taken()
    new = await there.rotate_keys()

    async def is_rotated():
        return kid_of(await here.sign_jwt({"sub": "u"})) == new

    await eventually(is_rotated)
    assert await is_taken()
    await here._services.engine.store("jwks", StoredKey).remove(id=kid_of(token))

    async def is_refused():
        return not await is_taken()

    await eventually(is_refused)


async def test_a_key_made_elsewhere_a_moment_ago_is_known_at_once(make_jwt, database_url):
    here, there = (make_jwt(database=database_url).services.get(JWTService) for _ in range(2))
    await here.sign_jwt({"sub": "u"})
    await here.cache_jwks()
    await there.rotate_keys()
    await here.verify_jwt(await there.sign_jwt({"sub": "u"}))


async def test_signing_and_verifying_cost_no_query_once_keys_are_known(auth, service):
    token = await service.sign_jwt({"sub": "u"})

    async def is_free():
        with auth.services.engine.recorded() as statements:
            await service.sign_jwt({"sub": "u"})
            await service.verify_jwt(token)
            await service.get_jwks()
        return not statements

    await eventually(is_free)


async def test_a_flood_of_unknown_keys_has_the_table_read_once_in_ten_seconds(make_jwt, clock):
    auth = make_jwt()
    service = auth.services.get(JWTService)
    token = await service.sign_jwt({"sub": "u"})
    verified = await service.verify_jwt(token)

    async def statements_of_a_flood():
        with auth.services.engine.recorded() as statements:
            for _ in range(20):
                assert not await service.refresh_jwks_if_needed(generate_id())
            answers = await asyncio.gather(*(service.refresh_jwks_if_needed(generate_id()) for _ in range(20)))
            assert not any(answers)
            assert await service.refresh_jwks_if_needed(kid_of(token))
        return len(statements)

    assert [await statements_of_a_flood() for _ in range(2)] == [1, 0]
    clock.advance(seconds=10)
    assert await statements_of_a_flood() == 1
    assert verified.standing.cell.is_live  # what is known was not thrown away for it


async def test_within_a_transaction_a_key_is_made_in_it_and_goes_with_it(auth, service):
    signed = []

    async def in_a_transaction(*, is_undone):
        async with auth.services.engine.transaction():
            signed.append(await service.sign_jwt({"sub": "u"}))
            await service.verify_jwt(signed[-1])
            if is_undone:
                raise RuntimeError("undone")

    with pytest.raises(RuntimeError, match="undone"):
        await in_a_transaction(is_undone=True)
    assert await rows(auth) == []
    with pytest.raises(InvalidToken):
        await service.verify_jwt(signed[-1])
    await in_a_transaction(is_undone=False)
    await service.verify_jwt(signed[-1])
    assert len(await rows(auth)) == 1


async def test_listeners_and_the_audit_log_hear_of_new_keys(auth, service):
    seen, entries = [], []

    async def note(event):
        seen.append(event)

    auth.services.events.subscribe(SigningKeyCreated, note)
    auth.services.audit.add_listener(entries.append)
    first = kid_of(await service.sign_jwt({"sub": "u"}))
    second = await service.rotate_keys()
    assert seen == [SigningKeyCreated(first, "EdDSA"), SigningKeyCreated(second, "EdDSA", has_ended_others=True)]
    assert [(entry.event, entry.target_id) for entry in entries] == [
        ("jwt.key_created", first),
        ("jwt.key_created", second),
    ]


async def test_keys_are_warmed_up_beforehand(make_jwt):
    auth = make_jwt()
    service = auth.services.get(JWTService)
    await service.cache_jwks()
    assert await rows(auth) == []  # reading makes none
    await service.rotate_keys()
    await service.cache_jwks()
    with auth.services.engine.recorded() as statements:
        await service.sign_jwt({"sub": "u"})
    assert statements == []


async def test_health_tells_of_a_key_that_cannot_be_read(auth, service, clock):
    async def jwks():
        return (await auth.services.ping())["jwks"]

    assert await jwks() is None
    await service.sign_jwt({"sub": "u"})
    (row,) = await rows(auth)
    await auth.services.engine.store("jwks", StoredKey).change({"id": row.id}, private_key='"00"')
    clock.advance(minutes=1)  # an answer is shared for a second
    assert await jwks() == "SigningKeyUnreadable"


async def test_no_private_key_is_in_redis(make_jwt, redis_url, sqlite_url):
    auth = make_jwt({"encrypts_keys": False}, database=sqlite_url, redis=redis_url)
    service = auth.services.get(JWTService)
    for _ in range(3):
        await service.verify_jwt(await service.sign_jwt({"sub": "u"}))
        await service.cache_jwks()
    await auth.services.remembering.caches.close()  # what is still on its way to Redis
    assert not [name for name in await auth.services.remembering.redis.command("KEYS", "*") if b"jwks" in name]

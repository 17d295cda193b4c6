"""A provider's keys: asked for once, and again when there is reason to."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta

import pytest
from joserfc.jwk import ECKey
from starlette.responses import JSONResponse, PlainTextResponse

from asgi_auth.oauth.errors import ProviderFailed, ProviderUnreachable
from asgi_auth.oauth.remembered import Remembered


def key(kid):
    return ECKey.generate_key("P-256", {"kid": kid, "use": "sig"})


async def test_they_are_asked_for_once_however_many_wait(client, provider, oidc):
    await asyncio.gather(*(client.verify_id_token(provider, oidc.id_token()) for _ in range(20)))
    await client.verify_id_token(provider, oidc.id_token())
    assert (oidc.count("/jwks"), oidc.count("/.well-known/openid-configuration")) == (1, 1)


async def test_they_are_asked_for_again_after_an_hour(client, provider, oidc, clock):
    await client.verify_id_token(provider, oidc.id_token())
    clock.advance(hours=1, seconds=1)
    await client.verify_id_token(provider, oidc.id_token())
    assert oidc.count("/jwks") == 2


async def test_a_withdrawn_key_is_believed_no_longer(client, provider, oidc, clock):
    withdrawn = oidc.key
    await client.verify_id_token(provider, oidc.id_token())
    oidc.key = key("second")
    clock.advance(hours=1, seconds=1)
    with pytest.raises(ProviderFailed, match="unknown key"):
        await client.verify_id_token(provider, oidc.id_token(key=withdrawn))


async def test_a_new_key_is_found_before_that(client, provider, oidc, clock):
    await client.verify_id_token(provider, oidc.id_token())
    oidc.key = key("second")
    clock.advance(seconds=11)
    assert await client.verify_id_token(provider, oidc.id_token())
    assert oidc.count("/jwks") == 2


async def test_a_flood_of_unknown_keys_has_them_asked_for_once_in_ten_seconds(client, provider, oidc, clock):
    await client.verify_id_token(provider, oidc.id_token())
    clock.advance(seconds=11)
    forged = [oidc.id_token(key=key(f"forged-{number}")) for number in range(30)]
    answers = await asyncio.gather(
        *(client.verify_id_token(provider, token) for token in forged), return_exceptions=True
    )
    assert all(isinstance(answer, ProviderFailed) for answer in answers)
    for token in forged:
        with pytest.raises(ProviderFailed, match="unknown key"):
            await client.verify_id_token(provider, token)
    assert oidc.count("/jwks") == 2


async def test_a_token_need_not_name_the_only_key(client, provider, oidc):
    alone = oidc.id_token(header={"kid": None})
    assert await client.verify_id_token(provider, alone)


async def test_a_token_must_name_one_of_several_keys(client, provider, oidc):
    both = [oidc.key.as_dict(private=False), key("second").as_dict(private=False)]
    oidc.answer_with("/jwks", JSONResponse({"keys": both}))
    with pytest.raises(ProviderFailed, match="unknown key"):
        await client.verify_id_token(provider, oidc.id_token(header={"kid": None}))
    assert await client.verify_id_token(provider, oidc.id_token())


async def test_keys_that_we_cannot_use_do_not_spoil_the_others(client, provider, oidc):
    odd = [{"kty": "AKP", "kid": "post-quantum"}, {"kty": "EC"}, {}, "text", None, {"kty": "RSA", "n": 1, "e": "AQAB"}]
    odd += [{"kty": "RSA", "n": "A" * 100_000, "e": "AQAB"}, {"kty": ["EC"]}, {"kty": "OKP", "crv": "X25519", "x": ""}]
    oidc.answer_with("/jwks", JSONResponse({"keys": [*odd, oidc.key.as_dict(private=False)]}))
    assert await client.verify_id_token(provider, oidc.id_token())


@pytest.mark.parametrize(
    "answer",
    [
        JSONResponse({}),
        JSONResponse({"keys": {}}),
        JSONResponse([]),
        JSONResponse({"keys": [{}] * 101}),
        PlainTextResponse("no keys today"),
        PlainTextResponse("[" * 5000),
        JSONResponse({"keys": []}, 404),
    ],
)
async def test_a_document_that_holds_no_keys_proves_nothing(client, provider, oidc, answer):
    oidc.answer_with("/jwks", answer)
    with pytest.raises(ProviderUnreachable):
        await client.verify_id_token(provider, oidc.id_token())


async def test_a_failure_is_not_remembered(client, provider, oidc):
    oidc.answer_with("/jwks", PlainTextResponse("down", 503))
    with pytest.raises(ProviderUnreachable):
        await client.verify_id_token(provider, oidc.id_token())
    oidc.answer_rightly("/jwks")
    assert await client.verify_id_token(provider, oidc.id_token())


async def test_one_that_goes_away_takes_the_answer_from_nobody(client, provider, oidc):
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def slowly(_):
        asked.set()
        await go_on.wait()
        return JSONResponse({"keys": [oidc.key.as_dict(private=False)]})

    oidc.answer_with("/jwks", slowly)
    first = asyncio.create_task(client.verify_id_token(provider, oidc.id_token()))
    second = asyncio.create_task(client.verify_id_token(provider, oidc.id_token()))
    await asked.wait()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    go_on.set()
    assert (await second)["sub"] == "grace-1"
    assert oidc.count("/jwks") == 1


async def test_closing_gives_up_what_is_under_way(client, provider, oidc):
    asked = asyncio.Event()

    async def never(_):
        asked.set()
        await asyncio.sleep(60)
        return JSONResponse({})

    oidc.answer_with("/jwks", never)
    waiting = asyncio.create_task(client.verify_id_token(provider, oidc.id_token()))
    await asked.wait()
    await client.close()
    with pytest.raises(ProviderUnreachable, match="closed"):
        await waiting


def test_what_was_under_way_in_an_event_loop_that_is_gone_is_begun_anew(clock):
    async def load():
        load.count += 1
        if load.count == 1:
            await asyncio.sleep(5)
        return "keys"

    async def give_up():
        with suppress(TimeoutError):
            await asyncio.wait_for(remembered.get(), 0.01)

    load.count = 0
    remembered = Remembered(load, lifetime=timedelta(hours=1), clock=clock)
    asyncio.run(give_up())
    assert asyncio.run(remembered.get()) == "keys"

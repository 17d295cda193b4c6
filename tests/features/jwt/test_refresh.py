"""Refresh tokens: each counts once, and one that comes again ends the session that it rests on."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial

import httpx
import pytest
import structlog

from asgi_auth import RateLimitOptions, SessionOptions, Unavailable
from asgi_auth.errors import InvalidToken
from asgi_auth.features.jwt import InvalidRefreshToken, JWTService, RefreshTokenReused
from asgi_auth.features.jwt.models import StoredKey, StoredRefreshToken
from tests.features.jwt.stored_keys import part, rows
from tests.middleware.people import welcome
from tests.support import BOB, browser, session_user, sign_up, whoami

REFRESH = {"refresh_tokens": True}


@pytest.fixture
def auth(make_jwt, database_url):
    return make_jwt(REFRESH, database=database_url)


@pytest.fixture
async def ada(auth):
    return await welcome(auth)


@pytest.fixture
async def pair(auth, service, ada):
    """Ada's first tokens."""
    return await service.issue(await auth.services.sessions.get_session(ada.token))


@pytest.fixture
def reused(auth):
    """What listeners are told."""
    seen = []

    async def note(event):
        seen.append(event)

    auth.services.events.subscribe(RefreshTokenReused, note)
    return seen


async def stored(auth):
    return await auth.services.engine.store("jwtRefreshToken", StoredRefreshToken).list()


async def is_signed_in(auth, person):
    try:
        await auth.services.sessions.get_session(person.token, reads_record=True)
    except InvalidToken:
        return False
    return True


async def test_a_client_goes_on_from_pair_to_pair_without_a_cookie(auth, client, service):
    first = await client.get("/api/auth/token")
    assert list(first.json()) == ["token", "refreshToken"]
    async with browser(auth.wrap(whoami), origin=None) as program:
        refresh_token = first.json()["refreshToken"]
        for _ in range(3):
            answer = await program.post("/api/auth/token/refresh", json={"refreshToken": refresh_token})
            assert answer.status_code == 200
            assert answer.headers["cache-control"] == "no-store"
            assert answer.json()["refreshToken"] != refresh_token
            refresh_token = answer.json()["refreshToken"]
            verified = await service.verify_jwt(answer.json()["token"])
            assert verified.claims["email"] == "ada@example.com"
        assert not program.cookies
    assert await session_user(client) is not None
    assert len(await stored(auth)) == 1


async def test_nothing_that_is_stored_opens_anything(auth, service, pair, ada):
    (row,) = await stored(auth)
    assert pair.refresh_token not in str(row)
    assert row.token_hash not in repr(row)
    assert (row.session_id, row.user_id) == (ada.session.id, ada.user.id)
    for guess in (row.id, row.token_hash, row.id + row.token_hash, pair.refresh_token.rpartition(".")[0]):
        with pytest.raises(InvalidRefreshToken):
            await service.refresh_jwt(guess)
    assert await is_signed_in(auth, ada)


async def test_one_that_comes_again_ends_the_family_and_its_session(auth, service, pair, ada, reused):
    following = await service.refresh_jwt(pair.refresh_token)
    with pytest.raises(InvalidRefreshToken):
        await service.refresh_jwt(pair.refresh_token)
    assert not await is_signed_in(auth, ada)
    assert reused == [RefreshTokenReused(user_id=ada.user.id, session_id=ada.session.id)]
    assert await stored(auth) == []
    for token in (following.refresh_token, pair.refresh_token):
        with pytest.raises(InvalidRefreshToken):
            await service.refresh_jwt(token)
    assert len(reused) == 1


async def test_other_sessions_of_the_same_user_go_on(auth, service, pair, ada):
    other = await auth.services.passwords.sign_in(ada.user.email, "correct horse battery")
    theirs = await service.issue(await auth.services.sessions.get_session(other.session.token))
    await service.refresh_jwt(pair.refresh_token)
    with pytest.raises(InvalidRefreshToken):
        await service.refresh_jwt(pair.refresh_token)
    assert (await service.refresh_jwt(theirs.refresh_token)).refresh_token


async def test_of_50_who_redeem_it_at_once_one_is_given_the_next_and_the_session_ends(auth, service, pair, ada, reused):
    tries = (service.refresh_jwt(pair.refresh_token) for _ in range(50))
    answers = await asyncio.gather(*tries, return_exceptions=True)
    won = [answer for answer in answers if not isinstance(answer, BaseException)]
    assert len(won) == 1
    assert all(isinstance(answer, InvalidRefreshToken) for answer in answers if answer is not won[0])
    assert not await is_signed_in(auth, ada)
    assert len(reused) == 1
    with pytest.raises(InvalidRefreshToken):
        await service.refresh_jwt(won[0].refresh_token)


async def test_the_audit_log_has_it(auth, service, pair, ada):
    entries = []
    auth.services.audit.add_listener(entries.append)
    await service.refresh_jwt(pair.refresh_token)
    with pytest.raises(InvalidRefreshToken):
        await service.refresh_jwt(pair.refresh_token)
    told = [(entry.event, entry.outcome, entry.user_id, entry.session_id) for entry in entries]
    assert ("jwt.refresh_token_reused", "failure", ada.user.id, ada.session.id) in told
    assert not any(pair.refresh_token in str(entry) for entry in entries)


@pytest.mark.parametrize("end", ["revoke_session", "sign_out", "sql", "user"])
async def test_it_ends_with_its_session_whoever_ended_that(auth, service, pair, ada, reused, end):
    services = auth.services
    match end:
        case "revoke_session":
            await services.sessions.revoke_session(ada.session.id)
            assert await stored(auth) == []
        case "sign_out":
            await services.sessions.revoke_token(ada.token, reason="sign_out")
            assert await stored(auth) == []
        case "sql":
            await services.engine._executor.run_text('DELETE FROM "session"')
        case "user":
            await services.deletions.delete(ada.user.id)
    with pytest.raises(InvalidRefreshToken):
        await service.refresh_jwt(pair.refresh_token)
    assert await stored(auth) == []
    assert reused == []


async def test_it_ends_when_its_session_expires(auth, service, pair, clock):
    clock.advance(days=7, seconds=1)
    with pytest.raises(InvalidRefreshToken):
        await service.refresh_jwt(pair.refresh_token)


async def test_using_it_extends_its_session_as_any_use_does(service, pair, clock):
    refresh_token = pair.refresh_token
    for _ in range(4):
        clock.advance(days=5)
        refresh_token = (await service.refresh_jwt(refresh_token)).refresh_token


async def test_it_ends_by_itself_and_is_deleted_then(make_jwt, database_url, clock):
    auth = make_jwt(REFRESH | {"refresh_lifetime": timedelta(hours=2)}, database=database_url)
    service = auth.services.get(JWTService)
    ada, bob = await welcome(auth), await welcome(auth, "bob@example.com")
    sessions = auth.services.sessions
    pair = await service.issue(await sessions.get_session(ada.token))
    clock.advance(hours=1, minutes=59)
    pair = await service.refresh_jwt(pair.refresh_token)
    clock.advance(hours=2)
    with pytest.raises(InvalidRefreshToken):
        await service.refresh_jwt(pair.refresh_token)
    assert await is_signed_in(auth, ada)
    clock.advance(seconds=1)
    await service.issue(await sessions.get_session(bob.token))
    assert [row.user_id for row in await stored(auth)] == [bob.user.id]


async def test_a_session_has_one_at_a_time_and_the_earlier_one_is_no_reuse(auth, service, pair, ada, reused):
    again = await service.issue(await auth.services.sessions.get_session(ada.token))
    assert len(await stored(auth)) == 1
    with pytest.raises(InvalidRefreshToken):
        await service.refresh_jwt(pair.refresh_token)
    assert await is_signed_in(auth, ada)
    assert reused == []
    await service.refresh_jwt(again.refresh_token)


@pytest.mark.parametrize("token", ["", ".", "a", "a.b", "x" * 5000, "\ud800", "\x00", "é" * 100])
async def test_what_is_none_of_ours_is_refused_without_a_query(auth, service, pair, token):
    with auth.services.engine.recorded() as statements, pytest.raises(InvalidRefreshToken):
        await service.refresh_jwt(token)
    assert statements == []


async def test_no_other_token_passes_for_one_nor_one_for_another(auth, service, pair, ada):
    signed = auth.services.signer.sign(ada.token)
    for token in (ada.token, signed, pair.token):
        with pytest.raises(InvalidRefreshToken):
            await service.refresh_jwt(token)
    with pytest.raises(InvalidToken):
        await auth.services.bearer_tokens.get_session_from_bearer(pair.refresh_token)
    with pytest.raises(InvalidToken):
        await service.verify_jwt(pair.refresh_token)


async def test_what_cannot_be_signed_uses_nothing_up(auth, service, pair):
    (key,) = await rows(auth)
    keys = auth.services.engine.store("jwks", StoredKey)
    await keys.change({"id": key.id}, private_key='"00"')
    with pytest.raises(RuntimeError):
        await service.refresh_jwt(pair.refresh_token)
    await keys.change({"id": key.id}, private_key=key.private_key)
    assert (await service.refresh_jwt(pair.refresh_token)).refresh_token


async def test_an_outage_is_no_verdict(auth, service, pair, ada):
    await auth.services.engine._executor.run_text('DROP TABLE "jwtRefreshToken"')
    with pytest.raises(Unavailable):
        await service.refresh_jwt(pair.refresh_token)
    assert await is_signed_in(auth, ada)


async def test_refusals_look_like_any_other_and_count_against_the_address(make_jwt):
    limits = RateLimitOptions(is_enabled=True, storage="memory")
    auth = make_jwt(REFRESH, rate_limits=limits)
    async with browser(auth.wrap(whoami)) as client:
        post = partial(client.post, "/api/auth/token/refresh")
        answers: list[httpx.Response] = [await post(json={"refreshToken": f"guess {n}"}) for n in range(6)]
    assert [answer.status_code for answer in answers] == [401] * 5 + [429]
    assert answers[0].json() == {"message": "Unauthorized", "code": "UNAUTHORIZED"}


@pytest.mark.parametrize("body", [{}, {"refreshToken": 7}, {"refreshToken": None}])
async def test_a_body_has_to_hold_a_refresh_token(client, body):
    answer = await client.post("/api/auth/token/refresh", json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, "VALIDATION_ERROR")


async def test_another_site_cannot_use_a_browser_for_it(client):
    token = (await client.get("/api/auth/token")).json()["refreshToken"]
    headers = {"origin": "https://evil.test"}
    answer = await client.post("/api/auth/token/refresh", json={"refreshToken": token}, headers=headers)
    assert answer.status_code == 403


async def test_the_way_to_refresh_is_described(client):
    paths = (await client.get("/api/auth/open-api/generate-schema")).json()["paths"]
    assert "/token/refresh" in paths


async def test_what_it_costs(make_jwt):
    auth = make_jwt(REFRESH)

    async def cost(method, path, **options):
        with auth.services.engine.recorded() as statements:
            answer = await client.request(method, f"/api/auth{path}", **options)
        assert answer.status_code == 200
        return len(statements), answer.json()

    async with browser(auth.wrap(whoami)) as client:
        await sign_up(client)
        for path in ("/token", "/jwks"):
            await cost("GET", path)
        given, tokens = await cost("GET", "/token")
        assert given == 3  # the session; the earlier one goes, the new one comes
        refreshed, _ = await cost("POST", "/token/refresh", json={"refreshToken": tokens["refreshToken"]})
        assert refreshed == 3  # the family; the session; the next token


async def test_everybody_elses_tokens_are_left_alone(auth, client, service):
    async with browser(auth.wrap(whoami)) as bob:
        await sign_up(bob, BOB)
        theirs = (await bob.get("/api/auth/token")).json()
        mine = (await client.get("/api/auth/token")).json()
        await client.post("/api/auth/sign-out")
        with pytest.raises(InvalidRefreshToken):
            await service.refresh_jwt(mine["refreshToken"])
        following = await service.refresh_jwt(theirs["refreshToken"])
    assert part(following.token, 1)["email"] == BOB["email"]


@pytest.mark.every_storage
async def test_it_works_wherever_sessions_live(make_jwt, storage):
    auth = make_jwt(REFRESH, session=SessionOptions(refresh_after=timedelta()))
    service = auth.services.get(JWTService)
    ada = await welcome(auth)
    pair = await service.issue(await auth.services.sessions.get_session(ada.token))
    following = await service.refresh_jwt(pair.refresh_token)
    with pytest.raises(InvalidRefreshToken):
        await service.refresh_jwt(pair.refresh_token)
    with pytest.raises(InvalidRefreshToken):
        await service.refresh_jwt(following.refresh_token)
    assert not await is_signed_in(auth, ada)


async def test_no_log_has_a_token_or_a_key(auth, client, service):
    with structlog.testing.capture_logs() as logs:
        tokens = (await client.get("/api/auth/token")).json()
        header = (await client.get("/api/auth/get-session")).headers["set-auth-jwt"]
        following = await service.refresh_jwt(tokens["refreshToken"])
        await service.rotate_keys()
        for _ in range(2):
            await client.post("/api/auth/token/refresh", json={"refreshToken": tokens["refreshToken"]})
    private = [row.private_key for row in await rows(auth)]
    assert {entry["event"] for entry in logs} >= {"jwt.key_created", "jwt.refresh_token_reused"}
    for secret in (*tokens.values(), header, following.token, following.refresh_token, *private):
        assert secret not in str(logs)

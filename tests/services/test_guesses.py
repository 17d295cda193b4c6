"""Wrong guesses: counted by address and by account before they are judged, without shutting the owner out."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from asgi_auth import DeletionOptions, InvalidRequest, RateLimit, RateLimitOptions
from asgi_auth.endpoints.responses import Answer
from asgi_auth.endpoints.routing import Endpoints, post
from asgi_auth.errors import InvalidCredentials, RateLimited
from asgi_auth.feature import Feature
from asgi_auth.services.session import Device
from tests.endpoints.limited import client_of
from tests.mailbox import Mailbox
from tests.services.recorders import Figures
from tests.support import ADA, BASE_URL, BOB, PASSWORD, sign_up

WRONG = {"email": ADA["email"], "password": "not this one"}
RIGHT = {"email": ADA["email"], "password": PASSWORD}
QUARTER = timedelta(minutes=15)
NO_DELETION = DeletionOptions()
HOME, ELSEWHERE = "203.0.113.7", "198.51.100.9"


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def guarded(make_auth, request):
    """A factory of Auths that count wrong guesses, in memory or in a database, and no requests by path."""
    is_shared = request.param != "memory"
    url = request.getfixturevalue(f"{request.param}_url") if is_shared else "sqlite://"

    def make(*, features=(), metrics=None, deletion=NO_DELETION, **options):
        storage = "database" if is_shared else "memory"
        limits = RateLimitOptions(is_enabled=True, storage=storage, **{"rules": {"**": None}, **options})
        return make_auth(database=url, rate_limits=limits, features=features, metrics=metrics, deletion=deletion)

    return make


async def signs_in(client, body) -> int:
    client.cookies.clear()
    return (await client.post("/api/auth/sign-in/email", json=body)).status_code


async def guess(services, address, password="wrong", email=ADA["email"]) -> str:
    """What becomes of one attempt on the service, by its name."""
    try:
        await services.passwords.sign_in(email, password, device=Device(ip_address=address))
    except (InvalidCredentials, RateLimited) as error:
        return type(error).__name__
    return "in"


# by address


async def test_the_sixth_wrong_guess_of_an_address_is_not_judged(guarded, clock):
    async with client_of(guarded()) as client:
        await sign_up(client)
        assert [await signs_in(client, WRONG) for _ in range(6)] == [401] * 5 + [429]
        assert await signs_in(client, RIGHT) == 429
        clock.advance(minutes=15)
        assert await signs_in(client, RIGHT) == 200


async def test_a_success_neither_counts_nor_clears(guarded, clock):
    async with client_of(guarded()) as client:
        await sign_up(client)
        for _ in range(4):
            assert await signs_in(client, WRONG) == 401
            assert [await signs_in(client, RIGHT) for _ in range(3)] == [200] * 3
            clock.advance(minutes=3)
        assert [await signs_in(client, WRONG), await signs_in(client, WRONG)] == [401, 429]
        clock.advance(minutes=3)  # 15 since the first
        assert await signs_in(client, WRONG) == 401


async def test_the_refusal_says_which_rule_and_when_to_come_back(guarded, clock):
    async with client_of(guarded()) as client:
        for _ in range(5):
            await signs_in(client, WRONG)
        clock.advance(minutes=5)
        response = await client.post("/api/auth/sign-in/email", json=WRONG)
    assert response.json() == {"message": "Too many requests. Please try again later."}
    assert response.headers["retry-after"] == response.headers["x-retry-after"] == "600"
    assert response.headers["ratelimit"] == '"failed_sign_ins";r=0;t=600'
    assert response.headers["ratelimit-policy"] == '"failed_sign_ins";q=5;w=900'


async def test_of_200_wrong_guesses_at_once_five_are_judged(guarded):
    figures = Figures()
    auth = guarded(metrics=figures)
    async with client_of(auth) as client:
        await sign_up(client)
        answers = await asyncio.gather(*(client.post("/api/auth/sign-in/email", json=WRONG) for _ in range(200)))
    assert sorted(answer.status_code for answer in answers) == [401] * 5 + [429] * 195
    assert figures.counts.count(("auth.login.failure", {"method": "password"})) == 5
    assert figures.counts.count(("auth.rate_limit.refused", {"rule": "failed_sign_ins"})) == 195


async def test_many_of_one_network_sign_in_at_once_and_nobody_is_refused(guarded):
    async with client_of(guarded()) as client:
        await sign_up(client)
        client.cookies.clear()
        answers = await asyncio.gather(*(client.post("/api/auth/sign-in/email", json=RIGHT) for _ in range(40)))
        assert {answer.status_code for answer in answers} == {200}
        mixed = [WRONG, RIGHT, RIGHT, WRONG] * 5
        answers = await asyncio.gather(*(client.post("/api/auth/sign-in/email", json=body) for body in mixed))
    wrong = [answer.status_code for answer, body in zip(answers, mixed, strict=True) if body is WRONG]
    assert sorted(wrong) == [401] * 5 + [429] * 5


async def test_what_is_no_guess_does_not_count(guarded):
    async with client_of(guarded()) as client:
        await sign_up(client)
        client.cookies.clear()
        wrong = [{}, {"email": "nobody"}, {"email": "no address", "password": "x"}, {**RIGHT, "password": "x" * 200}]
        for body in wrong * 3:
            assert await signs_in(client, body) == 400
        for _ in range(6):
            assert (await client.post("/api/auth/verify-password", json={"password": "x"})).status_code == 401
        assert await signs_in(client, RIGHT) == 200


async def test_whoever_is_cut_off_before_the_verdict_has_not_guessed_wrong(guarded):
    limits = guarded().services.rate_limits

    async def cut_off():
        async with limits.guess_from(HOME), limits.guess_at(ADA["email"], client=HOME):
            asyncio.current_task().cancel()
            await asyncio.sleep(0)

    for _ in range(21):
        with pytest.raises(asyncio.CancelledError):
            await asyncio.create_task(cut_off())
    async with limits.guess_from(HOME), limits.guess_at(ADA["email"], client=HOME):
        pass  # and nobody is refused


async def test_whoever_is_cut_off_after_a_right_guess_has_not_guessed_wrong(guarded, monkeypatch):
    limits = guarded().services.rate_limits
    give_back = limits._guesses.give_back

    async def slowly(*args, **options):
        await asyncio.sleep(0)  # the request ends here
        await give_back(*args, **options)

    monkeypatch.setattr(limits._guesses, "give_back", slowly)

    async def cut_off():
        async with limits.guess_from(HOME):
            asyncio.get_running_loop().call_soon(asyncio.current_task().cancel)

    for _ in range(6):
        with pytest.raises(asyncio.CancelledError):
            await asyncio.create_task(cut_off())
    async with limits.guess_from(HOME):
        pass  # and nobody is refused


async def test_asking_a_signed_in_user_again_is_a_guess_too(guarded):
    async with client_of(guarded(deletion=DeletionOptions(is_allowed=True))) as client:
        await sign_up(client)
        told = [(await client.post("/api/auth/verify-password", json={"password": "x"})).status_code for _ in range(3)]
        change = {"currentPassword": "x", "newPassword": "another horse battery"}
        told += [(await client.post("/api/auth/change-password", json=change)).status_code for _ in range(2)]
        assert told == [400] * 5
        assert (await client.post("/api/auth/delete-user", json={"password": "x"})).status_code == 429
        assert (await client.post("/api/auth/verify-password", json={"password": PASSWORD})).status_code == 429


async def test_a_stolen_session_does_not_let_its_password_be_guessed_from_everywhere(guarded):
    change = {"currentPassword": "x", "newPassword": "another horse battery"}
    attempts = [("verify-password", {"password": "x"}), ("change-password", change), ("delete-user", {"password": "x"})]
    auth = guarded(deletion=DeletionOptions(is_allowed=True), failed_sign_ins_per_account=RateLimit(3, QUARTER))
    async with client_of(auth) as home:
        await sign_up(home)
        told = []
        for place in range(6):
            path, body = attempts[place % 3]
            async with client_of(auth, f"198.51.100.{place}") as thief:
                thief.cookies.update(home.cookies)
                told.append((await thief.post(f"/api/auth/{path}", json=body)).status_code)
        assert told == [400] * 3 + [429] * 3
        assert (await home.post("/api/auth/verify-password", json={"password": PASSWORD})).status_code == 200


class WrongCode(InvalidRequest):
    code = "WRONG_CODE"
    is_wrong_guess = True


class Codes(Endpoints):
    @post("/sign-in/code", counts_failures=True)
    async def enter(self, call):
        if call.record()["code"] == "right":
            return Answer(body={"ok": True})
        raise WrongCode


class ByCode(Feature):
    name = "code"

    def endpoints(self, services):  # noqa: ARG002  (a socket)
        return [Codes()]


async def test_features_ways_in_join_by_the_same_mark(guarded):
    async with client_of(guarded(features=[ByCode()])) as client:
        codes = ["wrong", "right", "wrong", "wrong"]
        told = [(await client.post("/api/auth/sign-in/code", json={"code": code})).status_code for code in codes]
        assert told == [400, 200, 400, 400]
        assert [await signs_in(client, WRONG) for _ in range(3)] == [401, 401, 429]


# by account


async def test_guesses_from_everywhere_add_up_whether_or_not_there_is_an_account(guarded):
    services = guarded(failed_sign_ins_per_account=RateLimit(3, QUARTER)).services
    await services.passwords.sign_up(ADA["email"], PASSWORD, "Ada")
    for email in (ADA["email"], BOB["email"]):
        told = [await guess(services, f"198.51.100.{number}", email=email) for number in range(4)]
        assert told == ["InvalidCredentials"] * 3 + ["RateLimited"]


async def test_letter_case_makes_no_other_account(guarded):
    services = guarded(failed_sign_ins_per_account=RateLimit(1, QUARTER)).services
    assert await guess(services, ELSEWHERE) == "InvalidCredentials"
    assert await guess(services, ELSEWHERE, email=ADA["email"].upper()) == "RateLimited"


async def test_of_200_guesses_from_200_addresses_as_many_are_judged_as_may_be(guarded):
    services = guarded().services
    told = await asyncio.gather(*(guess(services, f"198.51.100.{number}") for number in range(200)))
    assert sorted(told) == ["InvalidCredentials"] * 20 + ["RateLimited"] * 180


async def test_strangers_lock_nobody_out_where_they_are_signed_in(guarded, clock):
    services = guarded(failed_sign_ins_per_account=RateLimit(3, QUARTER)).services
    ada = await services.passwords.sign_up(ADA["email"], PASSWORD, "Ada", device=Device(ip_address=HOME))
    clock.advance(days=6)
    await services.sessions.refresh_session(ada.session.token)
    clock.advance(days=2)  # remembered by the session alone
    told = [await guess(services, f"198.51.100.{number}") for number in range(5)]
    assert told[-1] == "RateLimited"
    assert await guess(services, HOME, PASSWORD) == "in"


async def test_nor_where_they_were_let_in_lately(guarded, clock):
    services = guarded(failed_sign_ins_per_account=RateLimit(3, QUARTER)).services
    ada = await services.passwords.sign_up(ADA["email"], PASSWORD, "Ada", device=Device(ip_address=HOME))
    await services.passwords.sign_out(ada.session.token)
    clock.advance(days=6)
    assert [await guess(services, f"198.51.100.{number}") for number in range(4)][-1] == "RateLimited"
    assert await guess(services, HOME, PASSWORD) == "in"


async def test_a_place_one_is_known_at_has_a_limit_of_its_own(guarded):
    services = guarded(failed_sign_ins_per_account=RateLimit(3, QUARTER)).services
    await services.passwords.sign_up(ADA["email"], PASSWORD, "Ada", device=Device(ip_address=HOME))
    told = [await guess(services, HOME) for _ in range(4)]
    assert told == ["InvalidCredentials"] * 3 + ["RateLimited"]
    assert await guess(services, ELSEWHERE, PASSWORD) == "in"


async def test_elsewhere_the_owner_waits_until_the_window_is_over(guarded, clock):
    services = guarded(failed_sign_ins_per_account=RateLimit(3, QUARTER)).services
    await services.passwords.sign_up(ADA["email"], PASSWORD, "Ada", device=Device(ip_address=HOME))
    for number in range(4):
        await guess(services, f"198.51.100.{number}")
        clock.advance(minutes=1)
    assert await guess(services, ELSEWHERE, PASSWORD) == "RateLimited"
    clock.advance(minutes=11)  # 15 since the first, whatever came after it
    assert await guess(services, ELSEWHERE, PASSWORD) == "in"


async def test_whoever_resets_the_password_is_known_where_they_did(make_auth):
    mailbox = Mailbox()
    limits = RateLimitOptions(is_enabled=True, failed_sign_ins_per_account=RateLimit(1, QUARTER))
    auth = make_auth(base_url=BASE_URL, mail=mailbox.options, rate_limits=limits)
    passwords = auth.services.passwords
    await passwords.sign_up(ADA["email"], PASSWORD, "Ada", device=Device(ip_address=HOME))
    assert await guess(auth.services, "198.51.100.1") == "InvalidCredentials"
    assert await guess(auth.services, ELSEWHERE, PASSWORD) == "RateLimited"
    async with client_of(auth, ELSEWHERE) as client:
        await client.post("/api/auth/request-password-reset", json={"email": ADA["email"]})
        new = {"token": (await mailbox.link(auth)).token, "newPassword": "another horse battery"}
        assert (await client.post("/api/auth/reset-password", json=new)).status_code == 200
        assert await signs_in(client, {"email": ADA["email"], "password": new["newPassword"]}) == 200


async def test_nobody_is_known_at_an_address_that_cannot_be_told(guarded):
    services = guarded(failed_sign_ins_per_account=RateLimit(1, QUARTER)).services
    await services.passwords.sign_up(ADA["email"], PASSWORD, "Ada")
    assert await guess(services, ELSEWHERE) == "InvalidCredentials"
    assert await guess(services, "", PASSWORD) == "RateLimited"


async def test_knowing_one_account_at_an_address_opens_no_other(guarded):
    services = guarded(failed_sign_ins_per_account=RateLimit(1, QUARTER)).services
    await services.passwords.sign_up(ADA["email"], PASSWORD, "Ada", device=Device(ip_address=HOME))
    await services.passwords.sign_up(BOB["email"], PASSWORD, "Bob", device=Device(ip_address=ELSEWHERE))
    assert await guess(services, HOME, email=BOB["email"]) == "InvalidCredentials"
    assert await guess(services, HOME, email=BOB["email"]) == "RateLimited"


async def test_without_these_rules_guessing_is_limited_by_path_alone(guarded):
    services = guarded(failed_sign_ins=None, failed_sign_ins_per_account=None).services
    assert {await guess(services, HOME) for _ in range(30)} == {"InvalidCredentials"}


async def test_no_e_mail_address_is_told_to_whoever_looks_at_the_counters(make_auth, database_url):
    auth = make_auth(database=database_url, rate_limits=RateLimitOptions(is_enabled=True, storage="database"))
    await guess(auth.services, HOME)
    assert await auth.services.rate_limits.allows_mail(ADA["email"])
    rows = await auth.services.engine._executor.run_text('SELECT "key" FROM "rateLimit"')
    assert len(rows) == 2
    assert not any("ada" in key for (key,) in rows)

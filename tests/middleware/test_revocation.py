"""Whatever ends or changes a session or its user, wherever it happens, is true at once for those who were known."""

from __future__ import annotations

from contextlib import AsyncExitStack
from datetime import timedelta

import httpx
import pytest

from asgi_auth import (
    Auth,
    CacheLifetimes,
    CacheOptions,
    CookieCacheOptions,
    DeletionOptions,
    PasswordOptions,
    RedisOptions,
)
from asgi_auth.errors import InvalidToken
from tests.mailbox import Mailbox
from tests.support import ADA, BASE_URL, PASSWORD, browser, eventually, me, sign_up, whoami

PATIENT_REDIS = RedisOptions(timeout=timedelta(seconds=5))
NEW = "a new and longer password"


class Place:
    """One process's Auth, and a browser of Ada's that it knows."""

    def __init__(self, auth: Auth, client: httpx.AsyncClient) -> None:
        self.auth = auth
        self.client = client

    async def knows(self) -> bool:
        return (await me(self.client))["email"] is not None

    async def is_told(self) -> bool:
        return not await self.knows()


async def sign_out(ada: Place, other: httpx.AsyncClient) -> None:
    await other.post("/api/auth/sign-out")


async def revoke_session(ada: Place, other: httpx.AsyncClient) -> None:
    token = (await other.get("/api/auth/get-session")).json()["session"]["token"]
    assert (await other.post("/api/auth/revoke-session", json={"token": token})).status_code == 200


async def revoke_sessions(ada: Place, other: httpx.AsyncClient) -> None:
    assert (await other.post("/api/auth/revoke-sessions")).status_code == 200


async def revoke_others(ada: Place, other: httpx.AsyncClient) -> None:
    async with browser(ada.auth.wrap(whoami)) as third:
        await third.post("/api/auth/sign-in/email", json=ADA)
        assert (await third.post("/api/auth/revoke-other-sessions")).status_code == 200


async def change_password(ada: Place, other: httpx.AsyncClient) -> None:
    async with browser(ada.auth.wrap(whoami)) as third:
        await third.post("/api/auth/sign-in/email", json=ADA)
        body = {"currentPassword": PASSWORD, "newPassword": NEW, "revokeOtherSessions": True}
        assert (await third.post("/api/auth/change-password", json=body)).status_code == 200


async def delete_user(ada: Place, other: httpx.AsyncClient) -> None:
    assert (await other.post("/api/auth/delete-user", json={"password": PASSWORD})).status_code == 200


async def revoke_by_service(ada: Place, other: httpx.AsyncClient) -> None:
    session = (await other.get("/api/auth/get-session")).json()["session"]
    assert await ada.auth.services.sessions.revoke_session(session["id"])


async def limit_sessions(ada: Place, other: httpx.AsyncClient) -> None:
    user = (await other.get("/api/auth/get-session")).json()["user"]
    await ada.auth.services.sessions.enforce_session_limit(user["id"], 0)


ENDS = [
    sign_out,
    revoke_session,
    revoke_sessions,
    revoke_others,
    change_password,
    delete_user,
    revoke_by_service,
    limit_sessions,
]


@pytest.fixture(params=["memory", "cookie cache", "Redis"])
def options(request):
    options: dict[str, object] = {"deletion": DeletionOptions(is_allowed=True)}
    if request.param == "cookie cache":
        options["cookie_cache"] = CookieCacheOptions(is_enabled=True)
    if request.param == "Redis":
        options["redis"] = request.getfixturevalue("redis_url")
        options["redis_options"] = PATIENT_REDIS
    return options


@pytest.fixture
async def places(options, make_auth, database_url):  # what is asked for first is closed last
    """Two processes on one database: Ada signs up at the first, and both know her."""
    async with AsyncExitStack() as stack:
        made = []
        for _ in range(2):
            auth = make_auth(database=database_url, **options)
            await auth.services.start()
            client = await stack.enter_async_context(browser(auth.wrap(whoami)))
            made.append(Place(auth, client))
        await sign_up(made[0].client)
        made[1].client.cookies = httpx.Cookies(made[0].client.cookies)
        for place in made:
            await becomes_known(place)
        yield made


async def becomes_known(place: Place) -> None:
    """Wait until a request of Ada's costs no query: the feed has to be there first."""

    async def costs_no_query() -> bool:
        with place.auth.services.engine.recorded() as statements:
            assert await place.knows()
        return not statements

    await eventually(costs_no_query)


@pytest.mark.parametrize("end", ENDS)
async def test_it_is_true_at_once_where_it_happens(places, end):
    here = places[0]
    async with browser(here.auth.wrap(whoami)) as other:
        other.cookies = httpx.Cookies(here.client.cookies)
        await end(here, other)
    assert not await here.knows()


@pytest.mark.parametrize("end", ENDS)
async def test_it_is_true_everywhere_before_long(places, end):
    here, there = places
    async with browser(here.auth.wrap(whoami)) as other:
        other.cookies = httpx.Cookies(here.client.cookies)
        await end(here, other)
    await eventually(there.is_told)


async def test_a_reset_password_ends_the_sessions_of_whoever_knew_the_old_one(make_auth, options):
    mailbox = Mailbox()
    password = PasswordOptions(revokes_sessions_on_reset=True)
    auth = make_auth(mail=mailbox.options, base_url=BASE_URL, password=password, **options)
    async with browser(auth.wrap(whoami)) as client:
        await sign_up(client)
        assert (await me(client))["email"] == ADA["email"]
        await auth.services.passwords.forget_password(ADA["email"])
        await auth.services.passwords.reset_password((await mailbox.link(auth)).token, NEW)
        assert (await me(client))["email"] is None


async def test_a_change_of_the_user_shows_at_once(places):
    here, there = places
    user = (await here.client.get("/api/auth/get-session")).json()["user"]
    assert (await here.auth.services.users.find(user["id"])).name == "Ada"
    assert (await there.auth.services.users.find(user["id"])).name == "Ada"
    await here.client.post("/api/auth/update-user", json={"name": "Countess"})
    assert (await here.auth.services.users.find(user["id"])).name == "Countess"
    assert (await here.auth.services.users.find_by_email(ADA["email"])).name == "Countess"

    async def is_renamed() -> bool:
        found = await there.auth.services.users.find(user["id"])
        shown = (await there.client.get("/api/auth/get-session")).json()["user"]
        return found.name == shown["name"] == "Countess"

    await eventually(is_renamed)


async def test_a_change_that_is_undone_changes_nothing(places):
    here = places[0]
    user = (await here.client.get("/api/auth/get-session")).json()["user"]
    services = here.auth.services

    async def undone() -> None:
        async with services.engine.transaction():
            await services.users.change(user["id"], name="Nobody")
            assert (await services.users.find(user["id"])).name == "Nobody"
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await undone()
    assert (await services.users.find(user["id"])).name == "Ada"
    assert await here.knows()


async def test_what_a_transaction_sees_is_not_remembered_for_others(places):
    here = places[0]
    services = here.auth.services
    token = (await here.client.get("/api/auth/get-session")).json()["session"]["token"]

    async def undone() -> None:
        async with services.engine.transaction():
            await services.sessions.revoke_token(token)
            with pytest.raises(InvalidToken):
                await services.sessions.get_session(token)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await undone()
    assert await here.knows()


async def test_a_process_that_has_not_met_somebody_asks_redis_before_the_database(
    make_auth, database_url, redis_url, clock
):
    short = CacheOptions(sessions=CacheLifetimes(memory=timedelta(seconds=1), shared=timedelta(minutes=30)))
    async with AsyncExitStack() as stack:
        places = []
        for _ in range(2):
            auth = make_auth(database=database_url, redis=redis_url, redis_options=PATIENT_REDIS, cache=short)
            await auth.services.start()
            client = await stack.enter_async_context(browser(auth.wrap(whoami)))
            places.append(Place(auth, client))
        here, there = places
        await sign_up(here.client)
        there.client.cookies = httpx.Cookies(here.client.cookies)

        async def learns_it_from_redis() -> bool:
            clock.advance(seconds=2)
            assert await here.knows()
            with there.auth.services.engine.recorded() as statements:
                assert await there.knows()
            return not statements

        await eventually(learns_it_from_redis)
        await here.client.post("/api/auth/sign-out")
        await eventually(there.is_told)

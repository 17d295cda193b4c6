"""Tokens that hold now: refreshed when they are due, once for all who ask, and never lost."""

import asyncio
from datetime import timedelta

import pytest
from starlette.responses import JSONResponse, Response

from asgi_auth.errors import (
    AccessTokenFailed,
    AccountNotFound,
    ProviderNotSupported,
    RefreshFailed,
    RefreshTokenNotFound,
)
from asgi_auth.oauth.tokens import Tokens
from asgi_auth.services.provider_access import ProviderAccessService
from tests.contracts.rows import user_row
from tests.grants import ENCRYPTED, PROVIDER, link, social_options

PATIENCE = 10
"""Seconds after which what should come has not come."""


@pytest.fixture
def auth(make_auth, database_url, oidc):
    """An Auth that knows the tests' provider; tokens lie as they are on SQLite, and encrypted on Postgres."""
    options = {} if database_url.startswith("sqlite") else {"accounts": ENCRYPTED}
    return make_auth(database=database_url, social=social_options(oidc), **options)


@pytest.fixture
async def user(auth, clock):
    user = user_row(clock)
    await auth.services.users.add(user)
    return user


@pytest.fixture
async def account(auth, oidc, user):
    return await link(auth, oidc, user.id)


@pytest.fixture
def access(auth):
    return auth.services.provider_access


def stored(auth):
    return auth.services.accounts.find_linked(PROVIDER, "grace-1")


def refreshes(oidc):
    return sum(1 for _, _, form in oidc.requests if form.get("grant_type") == "refresh_token")


def tokens_named(name):
    return JSONResponse({"access_token": f"at-{name}", "refresh_token": f"rt-{name}", "token_type": "Bearer"})


class Gate:
    """A token endpoint that answers when it is told to; one that ``is_late`` has made its answer long before."""

    def __init__(self, oidc, response=None, *, is_late=False):
        self._rightly = oidc.right_answer("/token")
        self._response = response
        self._is_late = is_late
        self._opens = asyncio.Event()
        self.asked = asyncio.Event()
        oidc.answer_with("/token", self._handle)

    async def _handle(self, request):
        response = await self._rightly(request) if self._is_late else self._response
        self.asked.set()
        await self._opens.wait()
        return response or await self._rightly(request)

    def open(self):
        self._opens.set()


# when


@pytest.mark.parametrize(("left", "is_refreshed"), [(3600, False), (5, False), (4.999, True), (0, True), (-60, True)])
async def test_an_access_token_is_refreshed_within_five_seconds_of_its_end(
    access, account, clock, oidc, left, is_refreshed
):
    clock.now = account.access_token_expires_at - timedelta(seconds=left)
    found = await access.access(account)
    assert (found.is_refreshed, refreshes(oidc)) == (is_refreshed, int(is_refreshed))


async def test_what_was_refreshed_is_stored(auth, access, account, clock):
    before = auth.services.accounts.tokens_of(account)
    clock.advance(hours=1)
    found = await access.access(account)
    assert found.account == await stored(auth)
    after = auth.services.accounts.tokens_of(found.account)
    assert after == found.tokens
    assert not {after.access_token, after.refresh_token} & {before.access_token, before.refresh_token}
    assert after.access_token_expires_at == clock() + timedelta(hours=1)
    assert (found.account.scope, found.account.updated_at) == (account.scope, clock())


async def test_a_token_without_an_end_is_not_refreshed(auth, access, user, oidc, clock):
    endless = Tokens(access_token="at-endless", refresh_token="rt")
    account = await auth.services.accounts.link(user.id, PROVIDER, "grace-1", endless)
    clock.advance(days=365)
    assert (await access.access(account)).tokens.access_token == "at-endless"
    assert refreshes(oidc) == 0


async def test_a_token_whose_end_the_provider_does_not_tell_is_refreshed_each_time(access, account, oidc, clock):
    oidc.token_fields = {"expires_in": None}
    clock.advance(hours=2)
    first = await access.access(account)
    second = await access.access(first.account)
    assert first.tokens.access_token != second.tokens.access_token
    assert first.tokens.access_token_expires_at is None
    assert refreshes(oidc) == 2


async def test_without_a_refresh_token_the_old_access_token_is_all_there_is(auth, access, user, clock, oidc):
    only = Tokens(access_token="at-1", access_token_expires_at=clock())
    account = await auth.services.accounts.link(user.id, PROVIDER, "grace-1", only)
    assert (await access.access(account)).tokens.access_token == "at-1"
    with pytest.raises(RefreshTokenNotFound):
        await access.refresh(account)
    assert refreshes(oidc) == 0


async def test_a_refresh_that_was_asked_for_does_not_wait_until_it_is_due(access, account, oidc):
    assert (await access.refresh(account)).is_refreshed
    assert refreshes(oidc) == 1


async def test_a_provider_that_is_not_configured_any_more_is_not_asked(auth, access, user):
    account = await auth.services.accounts.link(user.id, "gone", "1", Tokens(access_token="at", refresh_token="rt"))
    for use in (access.access, access.refresh):
        with pytest.raises(ProviderNotSupported):
            await use(account)


# once


async def test_all_who_ask_at_once_share_one_request(access, account, clock, oidc):
    clock.advance(hours=2)
    found = await asyncio.gather(
        *(access.access(account) for _ in range(20)), *(access.refresh(account) for _ in range(5))
    )
    assert len({each.tokens.access_token for each in found}) == 1
    assert refreshes(oidc) == 1


async def test_two_accounts_do_not_wait_for_each_other(auth, access, account, user, oidc, clock):
    other = await link(auth, oidc, user.id, "grace-2")
    clock.advance(hours=2)
    gate = Gate(oidc)
    async with asyncio.timeout(PATIENCE):
        first = asyncio.create_task(access.access(account))
        await gate.asked.wait()
        oidc.answer_rightly("/token")
        assert (await access.access(other)).is_refreshed
        gate.open()
        assert (await first).is_refreshed
    assert refreshes(oidc) == 2


async def test_whoever_saw_the_old_row_gets_what_was_stored_since(access, account, clock, oidc):
    clock.advance(hours=2)
    first = await access.access(account)
    second = await access.access(account)
    assert second.tokens == first.tokens
    assert refreshes(oidc) == 1


@pytest.fixture
async def elsewhere(auth, make_auth, database_url, oidc):
    """The same in another process, which has just seen the database."""
    other = make_auth(database=database_url, social=social_options(oidc), accounts=auth.config.accounts)
    await other.services.start()
    services = other.services
    return ProviderAccessService(services.accounts, services.oauth, clock=services.clock, looks_again=(0.05,) * 200)


async def test_of_two_processes_the_one_that_is_refused_gets_what_the_other_was_given(
    auth, access, elsewhere, account, oidc
):
    """The provider takes each refresh token once, and answers the first request after it has refused the second."""
    gate = Gate(oidc, is_late=True)
    first = asyncio.create_task(access.refresh(account))
    async with asyncio.timeout(PATIENCE):
        await gate.asked.wait()
        refusal = Gate(oidc)
        refusal.open()
        second = asyncio.create_task(elsewhere.refresh(account))
        await refusal.asked.wait()
        gate.open()
        found = await asyncio.gather(first, second)
    assert found[0].tokens == found[1].tokens
    assert await stored(auth) == found[0].account == found[1].account


async def test_of_two_processes_that_both_get_tokens_the_first_to_store_them_wins(
    auth, access, elsewhere, account, oidc
):
    gates = []
    refreshing = []
    for each in (access, elsewhere):
        gates.append(Gate(oidc, tokens_named(f"late-{len(gates)}")))
        refreshing.append(asyncio.create_task(each.refresh(account)))
        async with asyncio.timeout(PATIENCE):
            await gates[-1].asked.wait()
    gates[1].open()
    second = await refreshing[1]
    gates[0].open()
    first = await refreshing[0]
    assert first.tokens.access_token == second.tokens.access_token == "at-late-1"
    assert await stored(auth) == first.account == second.account


async def test_new_tokens_do_not_overwrite_those_of_a_sign_in_meanwhile(auth, access, account, oidc):
    gate = Gate(oidc, tokens_named("late"))
    refreshing = asyncio.create_task(access.refresh(account))
    async with asyncio.timeout(PATIENCE):
        await gate.asked.wait()
        newer = await auth.services.accounts.store_tokens(account, Tokens(access_token="at-3", refresh_token="rt-3"))
        gate.open()
        assert (await refreshing).account == newer
    assert await stored(auth) == newer


# never lost


async def test_new_tokens_are_stored_though_nobody_waits_for_them_any_more(auth, access, account, oidc):
    gate = Gate(oidc)
    refreshing = asyncio.create_task(access.refresh(account))
    async with asyncio.timeout(PATIENCE):
        await gate.asked.wait()
        refreshing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await refreshing
        gate.open()
        await access.close()
    changed = await stored(auth)
    assert changed.refresh_token != account.refresh_token
    oidc.answer_rightly("/token")
    assert (await access.refresh(changed)).is_refreshed


async def test_a_database_that_is_away_for_a_moment_loses_no_tokens(auth, account, oidc, clock):
    """A provider that takes each refresh token once would never take the stored one again."""
    patient = ProviderAccessService(auth.services.accounts, auth.services.oauth, clock=clock, looks_again=(0.05,) * 100)
    database, right_answer = auth.services.engine._executor, oidc.right_answer("/token")
    coming_back = []

    async def come_back():
        await asyncio.sleep(0.15)
        await database.run_text("ALTER TABLE away RENAME TO account")

    async def go_away(request):
        await database.run_text("ALTER TABLE account RENAME TO away")
        coming_back.append(asyncio.create_task(come_back()))
        return await right_answer(request)

    oidc.answer_with("/token", go_away)
    async with asyncio.timeout(PATIENCE):
        access = await patient.refresh(account)
        await coming_back[0]
    assert access.is_refreshed
    oidc.answer_rightly("/token")
    assert (await patient.refresh(await stored(auth))).is_refreshed


async def test_an_account_unlinked_meanwhile_stays_away(auth, access, account, oidc):
    gate = Gate(oidc)
    refreshing = asyncio.create_task(access.refresh(account))
    async with asyncio.timeout(PATIENCE):
        await gate.asked.wait()
        await auth.services.engine.accounts.remove(id=account.id)
        gate.open()
        with pytest.raises(AccountNotFound):
            await refreshing
    assert await stored(auth) is None


GARBAGE = [
    Response("<html>no</html>", media_type="text/html"),
    Response("", media_type="application/json"),
    JSONResponse(None),
    JSONResponse([]),
    JSONResponse({}),
    JSONResponse({"access_token": 5}),
    JSONResponse({"access_token": ""}),
    JSONResponse({"error": "invalid_grant"}),
    JSONResponse({"error": "invalid_grant", "error_description": "rt-canary"}, 400),
    JSONResponse({"access_token": "at", "token_type": "Bearer", "expires_in": "soon"}),
    Response("boom", 500),
    Response("", 302, {"location": "http://127.0.0.1:1/"}),
]


async def test_garbage_instead_of_tokens_changes_nothing(auth, account, oidc, clock):
    services = auth.services
    access = ProviderAccessService(services.accounts, services.oauth, clock=clock, looks_again=())
    clock.advance(hours=2)
    for answer in GARBAGE:
        oidc.answer_with("/token", answer)
        with pytest.raises(RefreshFailed):
            await access.refresh(account)
        with pytest.raises(AccessTokenFailed):
            await access.access(account)
    assert refreshes(oidc) == 2 * len(GARBAGE)
    assert await stored(auth) == account


async def test_after_a_failure_the_next_one_asks_again(access, account, oidc, clock):
    clock.advance(hours=2)
    oidc.answer_with("/token", Response("boom", 500))
    with pytest.raises(AccessTokenFailed):
        await access.access(account)
    oidc.answer_rightly("/token")
    assert (await access.access(account)).is_refreshed

"""The account used last, in a cookie: when it is set, what it is good for, and for whom."""

from datetime import timedelta

import msgspec
import pytest

from asgi_auth.crypto.jwe import ClaimsCipher
from asgi_auth.crypto.keys import ACCOUNT_CACHE_SALT, SESSION_CACHE_SALT
from asgi_auth.models import encode_hook
from asgi_auth.oauth.tokens import Tokens
from tests.grants import ENCRYPTED_WITH_COOKIE, PROVIDER, WITH_COOKIE, link, social_options
from tests.support import ADA, BOB, SECRET, browser, sign_up, user_id, whoami

COOKIE = "better-auth.account_data"
ATTRIBUTES = "; Max-Age=300; Path=/; HttpOnly; SameSite=Lax"
CLEARED = f"{COOKIE}=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax"
BY_COOKIE = {"useAccountCookie": True}
NOT_FOUND = {"message": "Account not found", "code": "ACCOUNT_NOT_FOUND"}


@pytest.fixture
def auth(make_auth, oidc):
    """An Auth with the cookie and the tests' provider, in memory."""
    return make_auth(social=social_options(oidc), accounts=WITH_COOKIE)


@pytest.fixture
async def ada(auth):
    async with browser(auth.wrap(whoami)) as client:
        await sign_up(client)
        yield client


@pytest.fixture
async def account(auth, ada, oidc, clock):
    """Ada's account; her browser has it in the cookie, because it had to be refreshed."""
    return await kept_account(auth, ada, oidc, clock)


async def kept_account(auth, client, oidc, clock):
    linked = await link(auth, oidc, await user_id(client))
    clock.advance(hours=2)
    response = await post(client, "/get-access-token", {"accountId": linked.id})
    assert account_cookies(response) != []
    return await stored(auth)


def stored(auth):
    return auth.services.accounts.find_linked(PROVIDER, "grace-1")


async def post(client, path, body):
    return await client.post(f"/api/auth{path}", json=body)


def account_cookies(response):
    return [cookie for cookie in response.headers.get_list("set-cookie") if cookie.startswith(COOKIE)]


def contents(client):
    """What is in the cookie of a browser."""
    payload = ClaimsCipher([SECRET], salt=ACCOUNT_CACHE_SALT).decrypt(client.cookies[COOKIE])
    return msgspec.json.decode(payload)


def sealed(account, clock, *, secret=SECRET, salt=ACCOUNT_CACHE_SALT, **changes):
    claims = msgspec.to_builtins(account, enc_hook=encode_hook) | changes
    return ClaimsCipher([secret], salt=salt).seal(claims, now=clock(), lifetime=timedelta(minutes=5))


# what is in it


async def test_it_holds_the_row_as_better_auth_writes_it(auth, ada, account, clock):
    claims = contents(ada)
    assert list(claims)[:13] == [
        "accountId",
        "providerId",
        "userId",
        "accessToken",
        "refreshToken",
        "idToken",
        "accessTokenExpiresAt",
        "refreshTokenExpiresAt",
        "scope",
        "password",
        "createdAt",
        "updatedAt",
        "id",
    ]
    assert (claims["id"], claims["userId"], claims["accessToken"]) == (
        account.id,
        account.user_id,
        account.access_token,
    )
    assert claims["accessTokenExpiresAt"] == account.access_token_expires_at.iso()
    assert claims["exp"] - claims["iat"] == 300
    assert claims["iat"] == int(clock().timestamp())


async def test_it_is_an_http_only_cookie_for_five_minutes(auth, ada, oidc, clock):
    linked = await link(auth, oidc, await user_id(ada))
    clock.advance(hours=2)
    [cookie] = account_cookies(await post(ada, "/get-access-token", {"accountId": linked.id}))
    assert cookie.endswith(ATTRIBUTES)


async def test_tokens_that_lie_encrypted_are_encrypted_within_it(make_auth, oidc, clock):
    auth = make_auth(social=social_options(oidc), accounts=ENCRYPTED_WITH_COOKIE)
    async with browser(auth.wrap(whoami)) as client:
        await sign_up(client)
        account = await kept_account(auth, client, oidc, clock)
        assert contents(client)["accessToken"] == account.access_token
        body = (await post(client, "/get-access-token", BY_COOKIE)).json()
    assert body["accessToken"] == auth.services.cipher.decrypt(account.access_token)


async def test_without_the_option_it_is_neither_set_nor_read(make_auth, auth, ada, account, oidc, clock):
    plain = make_auth(social=social_options(oidc))
    async with browser(plain.wrap(whoami)) as client:
        await sign_up(client)
        linked = await link(plain, oidc, await user_id(client))
        clock.advance(hours=2)
        client.cookies[COOKIE] = sealed(linked, clock)
        response = await post(client, "/get-access-token", {"accountId": linked.id})
        assert "set-cookie" not in response.headers
        assert (await post(client, "/get-access-token", BY_COOKIE)).json() == NOT_FOUND
        assert account_cookies(await post(client, "/sign-out", {})) == []


# what it is good for


async def test_the_account_in_it_needs_no_look_at_the_accounts(auth, ada, account):
    with auth.services.engine.recorded() as statements:
        response = await post(ada, "/get-access-token", BY_COOKIE)
    assert response.json()["accessToken"] == account.access_token
    assert not any("account" in statement for statement in statements)


async def test_it_is_renewed_with_the_tokens_in_it(auth, ada, account, clock):
    clock.now = account.access_token_expires_at
    ada.cookies.clear()
    await post(ada, "/sign-in/email", {"email": ADA["email"], "password": ADA["password"]})
    ada.cookies[COOKIE] = sealed(account, clock)
    response = await post(ada, "/get-access-token", BY_COOKIE)
    changed = await stored(auth)
    assert response.json()["accessToken"] == changed.access_token != account.access_token
    assert contents(response)["accessToken"] == changed.access_token


async def test_an_old_one_does_not_ask_the_provider_with_an_old_refresh_token(auth, ada, account, oidc):
    old = ada.cookies[COOKIE]
    await post(ada, "/refresh-token", BY_COOKIE)
    ada.cookies.clear()
    await post(ada, "/sign-in/email", {"email": ADA["email"], "password": ADA["password"]})
    ada.cookies[COOKIE] = old
    response = await post(ada, "/refresh-token", BY_COOKIE)
    assert response.status_code == 200
    assert response.json()["accessToken"] == (await stored(auth)).access_token


async def test_a_refresh_of_the_account_in_it_renews_it_however_it_was_selected(auth, ada, account):
    for selection in (BY_COOKIE, {"accountId": account.id}):
        response = await post(ada, "/refresh-token", selection)
        assert len(account_cookies(response)) == 1
        assert contents(ada)["accessToken"] == response.json()["accessToken"]


async def test_a_refresh_of_another_account_leaves_it_alone(auth, ada, account, oidc):
    other = await link(auth, oidc, account.user_id, "grace-2")
    response = await post(ada, "/refresh-token", {"accountId": other.id})
    assert (response.status_code, account_cookies(response)) == (200, [])


async def test_account_info_renews_it_with_the_tokens(auth, ada, account, clock):
    clock.advance(hours=2)
    response = await ada.get("/api/auth/account-info", params={"accountId": account.id})
    assert contents(response)["accessToken"] == (await stored(auth)).access_token != account.access_token


async def test_long_tokens_take_several_cookies(auth, ada, clock):
    long = Tokens(access_token="a" * 6000, access_token_expires_at=clock() + timedelta(hours=1))
    account = await auth.services.accounts.link(await user_id(ada), PROVIDER, "grace-1", long)
    value = sealed(account, clock)
    for index in range(0, len(value), 3500):
        ada.cookies[f"{COOKIE}.{index // 3500}"] = value[index : index + 3500]
    assert (await post(ada, "/get-access-token", BY_COOKIE)).json()["accessToken"] == "a" * 6000
    cleared = account_cookies(await post(ada, "/sign-out", {}))
    assert [cookie.partition("=")[0] for cookie in cleared] == [COOKIE, f"{COOKIE}.0", f"{COOKIE}.1", f"{COOKIE}.2"]


# for whom


async def test_it_is_worth_nothing_in_another_users_browser(auth, ada, account):
    async with browser(auth.wrap(whoami)) as bob:
        await sign_up(bob, BOB)
        bob.cookies[COOKIE] = ada.cookies[COOKIE]
        for path in ("/get-access-token", "/refresh-token"):
            for body in (BY_COOKIE, {**BY_COOKIE, "userId": account.user_id}):
                response = await post(bob, path, body)
                assert (response.status_code, response.json()) == (400, NOT_FOUND)


async def test_it_is_worth_nothing_without_a_session(auth, ada, account):
    async with browser(auth.wrap(whoami)) as stranger:
        stranger.cookies[COOKIE] = ada.cookies[COOKIE]
        for path in ("/get-access-token", "/refresh-token"):
            response = await post(stranger, path, BY_COOKIE)
            assert (response.status_code, response.content) == (401, b"")


async def test_it_is_worth_nothing_with_a_revoked_session(auth, ada, account):
    await auth.services.sessions.revoke_all_user_sessions(account.user_id)
    assert (await post(ada, "/get-access-token", BY_COOKIE)).status_code == 401


FORGERIES = {
    "under another secret": {"secret": SECRET[::-1]},
    "for the session's cookie": {"salt": SESSION_CACHE_SALT},
    "with a token of another type": {"accessToken": 5},
    "with a moment that is none": {"createdAt": "yesterday"},
    "of nobody": {"userId": None},
}


@pytest.mark.parametrize("changes", FORGERIES.values(), ids=FORGERIES)
async def test_what_we_did_not_seal_like_this_is_no_account(ada, account, clock, changes):
    await assert_is_no_account(ada, sealed(account, clock, **changes))


def with_another_end(value):
    """The last character but one, not the last, whose low bits a decoder may ignore."""
    return f"{value[:-2]}{'B' if value[-2] == 'A' else 'A'}{value[-1]}"


@pytest.mark.parametrize("change", [lambda _: "garbage", lambda _: "", with_another_end])
async def test_what_is_not_whole_is_no_account(ada, account, clock, change):
    await assert_is_no_account(ada, change(sealed(account, clock)))


async def assert_is_no_account(client, value):
    client.cookies.delete(COOKIE)
    client.cookies[COOKIE] = value
    response = await post(client, "/get-access-token", BY_COOKIE)
    assert (response.status_code, response.json()) == (400, NOT_FOUND)


async def test_it_ends_though_the_browser_keeps_it(ada, account, clock):
    value = ada.cookies[COOKIE]
    clock.advance(minutes=6)
    ada.cookies.delete(COOKIE)
    ada.cookies[COOKIE] = value
    assert (await post(ada, "/get-access-token", BY_COOKIE)).json() == NOT_FOUND


# going


async def test_it_goes_with_the_session(ada, account):
    response = await post(ada, "/sign-out", {})
    assert account_cookies(response) == [CLEARED, CLEARED]
    assert COOKIE not in ada.cookies


async def test_it_goes_with_a_session_that_ended_elsewhere(auth, ada, account):
    await auth.services.sessions.revoke_all_user_sessions(account.user_id)
    assert CLEARED in account_cookies(await ada.get("/api/auth/get-session"))


async def test_it_goes_with_the_account(auth, ada, account):
    response = await post(ada, "/unlink-account", {"accountId": account.id})
    assert (response.json(), account_cookies(response)) == ({"status": True}, [CLEARED])


async def test_it_stays_when_another_account_goes(auth, ada, account, oidc):
    other = await link(auth, oidc, account.user_id, "grace-2")
    assert account_cookies(await post(ada, "/unlink-account", {"accountId": other.id})) == []


async def test_what_was_unlinked_elsewhere_cannot_be_refreshed_with_it(auth, ada, account, oidc):
    await auth.services.accounts.unlink(account.user_id, account.id)
    before = oidc.count("/token")
    assert (await post(ada, "/refresh-token", BY_COOKIE)).json() == NOT_FOUND
    assert oidc.count("/token") == before

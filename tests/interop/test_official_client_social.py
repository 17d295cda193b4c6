"""The official JavaScript client, unmodified, must be content with accounts of other services as a way in."""

from __future__ import annotations

from asgi_auth import Auth, AuthConfig, RateLimitOptions
from tests.interop.foreign_services import our_options, running_services, their_options
from tests.servers.live import serve
from tests.servers.node import better_auth_server, run_client
from tests.support import whoami

SECRET = "a secret for the interoperability tests, 48 chars"
SCRIPT = "social.mjs"
GRACE = {
    "name": "Grace",
    "email": "grace@example.com",
    "emailVerified": True,
    "image": "https://example.com/grace.png",
}
OOPS = "/oops?from=there&error="
DEFAULT_PAGE = "/api/auth/error?error="
DENIED = "access_denied&error_description=The+person+said+no"


async def test_the_official_client_against_asgi_auth(database_url):
    async with running_services() as services:
        config = AuthConfig.development(
            secret=SECRET,
            database=database_url,
            social=our_options(services),
            rate_limits=RateLimitOptions(is_enabled=False),
        )
        async with serve(Auth(config).wrap(whoami)) as base_url:
            services["corp"].sign_out_redirect_uris.add(f"{base_url}/bye")
            assert_the_client_is_content(await run_client(base_url, script=SCRIPT))


async def test_the_official_client_against_better_auths_own_server(tmp_path):
    async with running_services() as services:
        providers = their_options(services)
        with better_auth_server(tmp_path / "better-auth.sqlite", secret=SECRET, generic_oauth=providers) as base_url:
            services["corp"].sign_out_redirect_uris.add(f"{base_url}/bye")
            assert_the_client_is_content(await run_client(base_url, script=SCRIPT))


def assert_the_client_is_content(results):
    """What `social.mjs` must report of any server that speaks the protocol."""
    _assert_a_stranger_becomes_a_user(results)
    _assert_an_account_opens_the_provider(results)
    _assert_a_known_user_comes_again(results)
    _assert_signing_out_goes_on_at_the_provider(results)
    _assert_an_id_token_lets_its_person_in(results)
    _assert_the_refused_stay_outside(results)
    _assert_only_its_user_links_an_account(results)
    _assert_a_linked_account_is_a_way_in(results)


def _assert_a_stranger_becomes_a_user(results):
    assert results["departure"] == {"redirect": True, "asked": _asked("corp")}
    assert results["cookiesAway"] == ["better-auth.state"]
    assert results["newUser"] == _sent_to("/welcome")
    assert results["cookiesBack"] == ["better-auth.session_token"]
    session = _data(results, "grace")
    assert session["user"].items() >= GRACE.items()
    assert results["replay"] == _sent_to(f"{DEFAULT_PAGE}state_mismatch")
    assert results["graceAfterReplay"] == session


def _assert_an_account_opens_the_provider(results):
    (account,) = _data(results, "accounts")
    assert account.items() >= {"providerId": "corp", "accountId": "grace-1", "scopes": ["openid", "email"]}.items()
    assert not {"accessToken", "refreshToken", "idToken", "password"} & account.keys()
    refreshed, token, then = (_data(results, step) for step in ("refreshed", "token", "tokenThen"))
    assert token["scopes"] == then["scopes"] == ["openid", "email"]
    assert token["accessToken"] != refreshed["accessToken"] == then["accessToken"]
    assert then["accessTokenExpiresAt"] == refreshed["accessTokenExpiresAt"] > token["accessTokenExpiresAt"]
    assert token["idToken"] != refreshed["idToken"] == then["idToken"]
    named = {"providerId": "corp", "accountId": account["id"], "scope": "openid,email", "refreshTokenExpiresAt": None}
    assert refreshed.items() >= named.items()
    assert refreshed["refreshToken"]
    for step in ("info", "infoThen"):
        _assert_the_provider_tells(_data(results, step), account, **GRACE)
    assert _code(results, "tokenOfNoAccount") == (400, "ACCOUNT_NOT_FOUND")
    assert _code(results, "unlinkLast") == (400, "FAILED_TO_UNLINK_LAST_ACCOUNT")
    assert results["tokenOfNobody"] == {"data": None, "error": {"status": 401, "statusText": "Unauthorized"}}


def _assert_a_known_user_comes_again(results):
    assert results["signOut"] == {"data": None, "error": None}
    assert results["knownUser"] == results["byForm"] == _sent_to("/app")
    assert results["departureOfForm"] == {"redirect": False, "asked": _asked("corp")}
    user = _data(results, "grace")["user"]
    assert results["graceAgain"]["user"] == results["graceOnPhone"]["user"] == user


def _assert_signing_out_goes_on_at_the_provider(results):
    back = {"id_token_hint": 3, "post_logout_redirect_uri": "/bye", "client_id": "tests"}
    followed, told, alone = results["signOutThere"]
    assert followed == {
        "redirect": True,
        "asked": {**back, "state": "a b"},
        "followed": True,
        "status": 302,
        "location": "/bye?state=a+b",
    }
    assert told == {"redirect": False, "asked": back, "followed": False, "status": 302, "location": "/bye"}
    assert alone == {"redirect": True, "asked": {"id_token_hint": 3}, "followed": True, "status": 200}
    assert results["signOutNobody"] == {"data": {"success": True}, "error": None}
    assert _code(results, "signOutAway") == (403, "INVALID_CALLBACK_URL")


def _assert_an_id_token_lets_its_person_in(results):
    signed_in, session = _data(results, "byIdToken"), results["graceByIdToken"]
    assert signed_in.items() >= {"redirect": False, "token": session["session"]["token"]}.items()
    assert signed_in["user"] == session["user"] == _data(results, "grace")["user"]
    for step in ("wrongIdToken", "othersIdToken", "wrongNonce"):
        assert _code(results, step) == (401, "INVALID_TOKEN"), step
    assert _data(results, "linkByIdToken") == {"url": "", "status": True, "redirect": False}
    assert _code(results, "linkOthersIdToken") == (409, "SOCIAL_ACCOUNT_ALREADY_LINKED")
    assert [account["accountId"] for account in results["accountsAtLast"]][1:] == ["ada-7"]


def _assert_the_refused_stay_outside(results):
    assert _code(results, "unknownProvider") == (404, "PROVIDER_NOT_FOUND")
    assert _code(results, "untrustedPage") == (403, "INVALID_CALLBACK_URL")
    assert results["denied"] == _sent_to(OOPS + DENIED)
    assert results["deniedWithoutPage"] == _sent_to(DEFAULT_PAGE + DENIED)
    assert results["otherBrowser"] == _sent_to(f"{OOPS}state_mismatch")
    assert results["noCode"] == _sent_to(f"{OOPS}no_code")
    assert results["wrongCode"] == _sent_to(f"{OOPS}invalid_code")
    assert results["noState"] == _sent_to(f"{DEFAULT_PAGE}state_not_found")
    assert _code(results, "linkOfNobody") == (401, "UNAUTHORIZED")
    assert results["nobody"] == [None, None]


def _assert_only_its_user_links_an_account(results):
    ada = results["ada"]
    assert ada["user"]["emailVerified"] is False
    # the address alone makes nobody a user whom we have not seen to have it
    assert results["beforeLinking"] == _sent_to(f"{OOPS}account_not_linked")
    assert results["linking"] == {"redirect": True, "asked": _asked("home")}
    assert results["linked"] == _sent_to("/app")
    assert results["adaLinked"] == ada
    accounts = results["adasAccounts"]
    assert [(account["providerId"], account["accountId"], account["scopes"]) for account in accounts] == [
        ("credential", ada["user"]["id"], []),
        ("home", "ada-7", ["openid", "email"]),
    ]
    assert results["linkOthers"] == _sent_to(f"{OOPS}email_does_not_match")
    assert results["linkDenied"] == _sent_to(OOPS + DENIED)
    assert results["adasAccountsStill"] == accounts


def _assert_a_linked_account_is_a_way_in(results):
    assert results["signInLinked"] == _sent_to("/app")
    user, linked = results["adaOnPhone"]["user"], results["adasAccounts"][1]
    assert user.items() >= {"id": results["ada"]["user"]["id"], "name": "Ada", "image": None}.items()
    assert user["emailVerified"] is True
    told = {"name": "Ada at home", "email": "ada@example.com", "image": "https://example.com/ada.png"}
    _assert_the_provider_tells(_data(results, "linkedInfo"), linked, **told, emailVerified=True)
    assert _data(results, "unlink") == {"status": True}
    assert _code(results, "unlinkAgain") == (400, "FAILED_TO_UNLINK_LAST_ACCOUNT")
    assert results["accountsThen"] == results["adasAccounts"][:1]
    assert results["signInUnlinked"] == _sent_to("/app")
    assert results["adaOnPhoneThen"]["user"] == user
    again = results["accountsThereupon"][1]
    assert again["id"] != linked["id"]
    assert again["accountId"] == "ada-7"


def _assert_the_provider_tells(info, account, **person):
    assert info["user"] == person
    assert info["account"] == {name: account[name] for name in ("id", "providerId", "accountId")}
    sub = account["accountId"]
    standard = {"sub": sub, "email_verified": person["emailVerified"], "picture": person["image"]}
    assert info["data"].items() >= {"id": sub, **standard, **person}.items()


def _asked(provider):
    """The parameters of a provider's URL; of random ones their length."""
    return {
        "response_type": "code",
        "client_id": "tests",
        "state": 32,
        "scope": "openid email",
        "redirect_uri": f"/api/auth/callback/{provider}",
        "nonce": 32,
        "code_challenge_method": "S256",
        "code_challenge": 43,
    }


def _sent_to(location):
    return {"status": 302, "location": location}


def _data(results, step):
    assert results[step]["error"] is None, step
    return results[step]["data"]


def _code(results, step):
    assert results[step]["data"] is None, step
    return results[step]["error"]["status"], results[step]["error"].get("code")

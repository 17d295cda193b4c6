"""The official JavaScript client, unmodified, must be content with the server."""

from asgi_auth import Auth, AuthConfig, RateLimitOptions
from tests.servers.live import serve
from tests.servers.node import better_auth_server, run_client
from tests.support import whoami

SECRET = "a secret for the interoperability tests, 48 chars"


async def test_the_official_client_against_asgi_auth(database_url):
    # Everybody here comes from one address, and in a hurry.
    unlimited = RateLimitOptions(is_enabled=False)
    auth = Auth(AuthConfig.development(secret=SECRET, database=database_url, rate_limits=unlimited))
    async with serve(auth.wrap(whoami)) as base_url:
        assert_the_client_is_content(await run_client(base_url))


async def test_the_official_client_against_better_auths_own_server(tmp_path):
    with better_auth_server(tmp_path / "better-auth.sqlite", secret=SECRET) as base_url:
        assert_the_client_is_content(await run_client(base_url))


def assert_the_client_is_content(results):
    """What `client.mjs` must report of any server that speaks the protocol."""
    _assert_signing_up_signs_in(results)
    _assert_signing_out_ends_the_session(results)
    _assert_a_wrong_password_is_refused(results)
    _assert_the_user_is_updated(results)
    _assert_other_sessions_are_revoked(results)
    _assert_an_address_signs_up_once(results)


def _assert_signing_up_signs_in(results):
    user, token = _data(results, "signUp")["user"], _data(results, "signUp")["token"]
    assert user.items() >= {"name": "Ada", "email": "ada@example.com", "emailVerified": False, "image": None}.items()
    assert results["cookiesSignedIn"] == ["better-auth.session_token"]
    assert _data(results, "session")["user"] == user
    assert _data(results, "session")["session"].items() >= {"token": token, "userId": user["id"]}.items()
    assert results["datesAreDates"] is True
    assert _tokens(results, "sessions") == {token}


def _assert_signing_out_ends_the_session(results):
    assert _data(results, "signOut") == {"success": True}
    assert results["cookiesSignedOut"] == []
    assert results["sessionSignedOut"] == {"data": None, "error": None}
    assert _error(results, "sessionsSignedOut") == {
        "code": "UNAUTHORIZED",
        "message": "Unauthorized",
        "status": 401,
        "statusText": "Unauthorized",
    }


def _assert_a_wrong_password_is_refused(results):
    for step in ("wrongPassword", "oldPassword"):
        assert _error(results, step) == {
            "code": "INVALID_EMAIL_OR_PASSWORD",
            "message": "Invalid email or password",
            "status": 401,
            "statusText": "Unauthorized",
        }


def _assert_the_user_is_updated(results):
    signed_in = _data(results, "signIn")
    assert signed_in["redirect"] is False
    assert signed_in["user"] == _data(results, "signUp")["user"]
    assert _data(results, "updateUser") == {"status": True}
    assert _data(results, "sessionUpdated")["user"]["name"] == "Ada Lovelace"
    assert _data(results, "changePassword")["token"] is None
    assert _data(results, "changePassword")["user"]["name"] == "Ada Lovelace"


def _assert_other_sessions_are_revoked(results):
    laptop, phone = _data(results, "signIn")["token"], _data(results, "phoneSignIn")["token"]
    assert _tokens(results, "sessionsOfBoth") == {laptop, phone}
    assert _data(results, "revokeOtherSessions") == {"status": True}
    assert results["phoneSession"] == {"data": None, "error": None}
    assert _data(results, "laptopSession")["session"]["token"] == laptop
    assert _data(results, "lastSignOut") == {"success": True}
    assert results["lastSession"] == {"data": None, "error": None}


def _assert_an_address_signs_up_once(results):
    error = _error(results, "duplicateSignUp")
    assert (error["status"], error["code"]) == (422, "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL")
    assert error["message"] == "User already exists. Use another email."


def _data(results, step):
    assert results[step]["error"] is None, step
    return results[step]["data"]


def _error(results, step):
    assert results[step]["data"] is None, step
    return results[step]["error"]


def _tokens(results, step):
    return {session["token"] for session in _data(results, step)}

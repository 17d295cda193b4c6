"""The official JavaScript client's plugin for API keys, unmodified, must be content with the server."""

from datetime import datetime, timedelta

from asgi_auth import Auth, AuthConfig, RateLimitOptions
from asgi_auth.features.api_key import ApiKeyOptions, ApiKeys
from tests.servers.live import serve
from tests.servers.node import better_auth_server, run_client
from tests.support import whoami

SECRET = "a secret for the interoperability tests, 48 chars"


async def test_the_official_client_makes_keys_here(database_url):
    # Everybody here comes from one address, and in a hurry.
    unlimited = RateLimitOptions(is_enabled=False)
    auth = Auth(
        AuthConfig.development(secret=SECRET, database=database_url, rate_limits=unlimited),
        features=[ApiKeys(ApiKeyOptions(allows_metadata=True, enables_sessions=True))],
    )
    async with serve(auth.wrap(whoami)) as base_url:
        assert_the_client_is_content(await run_client(base_url, script="keys.mjs"))


async def test_the_official_client_makes_keys_at_better_auths_own_server(tmp_path):
    options = {"enableMetadata": True, "enableSessionForAPIKeys": True}
    with better_auth_server(tmp_path / "better-auth.sqlite", secret=SECRET, api_keys=options) as base_url:
        assert_the_client_is_content(await run_client(base_url, script="keys.mjs"))


def assert_the_client_is_content(results):
    """What `keys.mjs` must report of any server that speaks the protocol."""
    _assert_a_key_is_made(results)
    _assert_it_is_shown(results)
    _assert_it_is_a_session(results)
    _assert_it_is_nobody_elses(results)
    _assert_it_ends(results)


def _assert_a_key_is_made(results):
    made = _data(results, "create")
    assert made["key"].startswith("bk_")
    assert len(made["key"]) == 67
    assert made["start"] == made["key"][:6]
    assert (made["name"], made["prefix"], made["metadata"]) == ("backup", "bk_", {"host": "a"})
    assert made["referenceId"] == _data(results, "signUp")["user"]["id"]
    lifetime = datetime.fromisoformat(made["expiresAt"]) - datetime.fromisoformat(made["createdAt"])
    assert lifetime == timedelta(days=2)
    assert results["datesAreDates"] is True
    assert _refusal(results, "createSignedOut") == (401, "UNAUTHORIZED_SESSION")
    assert _refusal(results, "tooLong") == (400, "INVALID_NAME_LENGTH")
    assert _refusal(results, "serverOnly") == (400, "SERVER_ONLY_PROPERTY")


def _assert_it_is_shown(results):
    made, another = _data(results, "create"), _data(results, "another")
    shown = {name: value for name, value in made.items() if name != "key"}
    assert _data(results, "get") == shown
    listed = _data(results, "list")
    assert (listed["total"], {key["id"] for key in listed["apiKeys"]}) == (2, {made["id"], another["id"]})
    page = _data(results, "page")
    assert (page["total"], page["limit"], [key["name"] for key in page["apiKeys"]]) == (2, 1, ["backup"])
    assert _data(results, "update") == shown | {"name": "renamed"}
    assert _refusal(results, "updateNothing") == (400, "NO_VALUES_TO_UPDATE")


def _assert_it_is_a_session(results):
    session = _data(results, "sessionOfKey")
    assert session["user"]["email"] == "ada@example.com"
    assert session["session"]["id"] == _data(results, "create")["id"]
    assert results["cookiesOfKey"] == []
    assert _refusal(results, "sessionOfDisabled") == (401, "KEY_DISABLED")


def _assert_it_is_nobody_elses(results):
    assert _refusal(results, "foreignGet") == (404, "KEY_NOT_FOUND")
    assert _refusal(results, "foreignDelete") == (404, "KEY_NOT_FOUND")
    assert _data(results, "foreignList") == {"apiKeys": [], "total": 0}


def _assert_it_ends(results):
    assert _data(results, "disable")["enabled"] is False
    assert _data(results, "delete") == {"success": True}
    assert _refusal(results, "deleteAgain") == (404, "KEY_NOT_FOUND")
    assert [key["id"] for key in _data(results, "lastList")["apiKeys"]] == [_data(results, "another")["id"]]


def _data(results, step):
    assert results[step]["error"] is None, (step, results[step]["error"])
    return results[step]["data"]


def _refusal(results, step):
    assert results[step]["data"] is None, step
    return results[step]["error"]["status"], results[step]["error"]["code"]

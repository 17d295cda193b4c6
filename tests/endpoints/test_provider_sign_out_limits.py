"""POST /sign-out where no provider signs out, what going on there costs, and what it does not depend on."""

import asyncio
from datetime import timedelta

import pytest
import structlog
from starlette.responses import JSONResponse, PlainTextResponse

from asgi_auth import ConfigurationError, SocialOptions
from asgi_auth.oauth.client import OAuthClient
from asgi_auth.providers import GitHub, Google
from asgi_auth.services.provider_sign_out import ProviderSignOutService
from tests.endpoints.provider_sign_outs import ALL_CLEARED, DONE, PATH, sent_to, sign_out
from tests.endpoints.social_trips import corp, session_of, social, trip, who
from tests.support import SESSION_COOKIE, browser, sign_up, whoami

DISCOVERY = "/.well-known/openid-configuration"


pytestmark = pytest.mark.usefixtures("signs_out")


@pytest.mark.parametrize(
    "endpoint",
    [
        None,
        "",
        5,
        ["https://login.example/out"],
        "/logout",
        "not a url",
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "java\tscript:alert(1)",
        " javascript:alert(1)",
        "data:text/html,x",
        "ftp://login.example/out",
        "myapp://out",
    ],
)
async def test_an_endpoint_that_is_none_changes_nothing(grace, site, oidc, clock, endpoint):
    oidc.metadata["end_session_endpoint"] = endpoint
    clock.advance(hours=2)  # what was discovered before is forgotten
    response = await grace.post(PATH, json={"callbackURL": "/bye"})
    assert response.json() == DONE
    assert "location" not in response.headers
    assert response.headers.get_list("set-cookie") == ALL_CLEARED
    assert await site.services.engine.sessions.count() == 0
    await trip(grace, oidc)  # nor does it keep anybody from signing in
    assert await who(grace) == "grace@example.com"


async def test_people_are_sent_by_https_alone_where_providers_are_public(make_auth, oidc):
    site = make_auth(social=social(corp(oidc)))
    async with browser(site.wrap(whoami)) as client:
        await trip(client, oidc)
        public = OAuthClient(
            [
                corp(
                    oidc,
                    discovery_url=None,
                    authorization_url="https://a.example",
                    token_url="https://a.example",
                    user_info_url="https://a.example",
                    end_session_url="http://a.example",
                )
            ],
            clock=site.services.clock,
            timeout=timedelta(seconds=1),
            allows_private_addresses=False,
        )
        found = ProviderSignOutService(site.services.accounts, public)
        assert await found.find_url((await session_of(client))["user"]["id"]) is None


def test_a_declared_endpoint_that_is_no_https_is_a_mistake(oidc):
    with pytest.raises(ConfigurationError, match="end_session_url of corp begins with https://"):
        SocialOptions(providers=(GitHub(id="corp", client_id="a", end_session_url="javascript:alert(1)"),))


@pytest.mark.parametrize("changes", [{"signs_out": False}, {"id": "other"}])
async def test_nor_does_a_provider_that_is_left_alone_or_gone(make_auth, oidc, sqlite_url, changes):
    site = make_auth(social=social(corp(oidc)), database=sqlite_url)
    then = make_auth(social=social(corp(oidc, **changes)), database=sqlite_url)
    async with browser(site.wrap(whoami)) as client:
        await trip(client, oidc)
        token = client.cookies[SESSION_COOKIE]
    async with browser(then.wrap(whoami), cookies={SESSION_COOKIE: token}) as client:
        assert await who(client) == "grace@example.com"
        assert await sign_out(client, callbackURL="/bye") == DONE


# what it costs, and what it does not depend on


@pytest.mark.parametrize(
    ("answer", "reason"), [(PlainTextResponse("down", 503), "503"), (JSONResponse({"issuer": "https://evil.test"}), "")]
)
async def test_a_provider_that_is_down_keeps_nobody_signed_in(site, grace, oidc, clock, answer, reason):
    oidc.answer_with(DISCOVERY, answer)
    clock.advance(hours=2)
    with structlog.testing.capture_logs() as logs:
        assert await sign_out(grace, callbackURL="/bye") == DONE
    (failed,) = [entry for entry in logs if entry["event"] == "social.provider_failed"]
    assert reason in failed["reason"]
    assert await site.services.engine.sessions.count() == 0


async def test_a_provider_that_does_not_answer_is_not_waited_for(site, grace, oidc, clock):
    released = asyncio.Event()

    async def wait(request):
        await released.wait()
        return await oidc.right_answer(DISCOVERY)(request)

    user_id = (await session_of(grace))["user"]["id"]
    oidc.answer_with(DISCOVERY, wait)
    clock.advance(hours=2)
    impatient = ProviderSignOutService(site.services.accounts, site.services.oauth, wait=timedelta(milliseconds=20))
    assert await impatient.find_url(user_id) is None
    released.set()  # the request goes on for those who come after
    assert (await sent_to(grace))[0] == oidc.end_session_url
    assert oidc.count(DISCOVERY) == 2


async def test_what_is_discovered_is_not_asked_for_again(grace, oidc):
    before = oidc.count(DISCOVERY)
    assert (await sign_out(grace))["url"]
    assert oidc.count(DISCOVERY) == before


async def test_a_database_that_fails_once_the_session_has_ended_does_not_hide_that_it_has(site, grace):
    await site.services.engine._executor.run_text('DROP TABLE "account"')
    assert await sign_out(grace) == DONE
    assert await who(grace) is None


@pytest.mark.parametrize(
    ("providers", "costs"),
    [
        ((), 2),
        ((GitHub(client_id="a"), Google(client_id="a")), 2),
        (("corp",), 3),
    ],
    ids=["none", "that never sign out", "that may"],
)
async def test_one_statement_more_and_only_where_a_provider_may_sign_out(make_auth, oidc, providers, costs):
    known = [corp(oidc) if provider == "corp" else provider for provider in providers]
    site = make_auth(social=social(*known))
    async with browser(site.wrap(whoami)) as client:
        await sign_up(client)
        with site.services.engine.recorded() as statements:
            assert await sign_out(client) == DONE
        assert len(statements) == costs, statements  # the session is read and deleted, the accounts are read
        with site.services.engine.recorded() as statements:
            assert await sign_out(client) == DONE
        assert statements == []

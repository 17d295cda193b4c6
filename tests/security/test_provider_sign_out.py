"""Attacks on signing out at the provider: somebody else's ID token, a page that leads away, another site."""

import asyncio

import pytest

from asgi_auth import CookieCacheOptions
from tests.endpoints.provider_sign_outs import DONE, PATH, sent_to, sign_out, stored_id_token
from tests.endpoints.social_trips import corp, query_of, social, trip, who
from tests.endpoints.wire import exchange, http, request
from tests.support import BOB, SESSION_COOKIE, browser, sign_up, whoami

pytestmark = pytest.mark.usefixtures("signs_out")


@pytest.mark.parametrize("url", ["https://evil.test/", "//evil.test", "/\\evil.test", "javascript:alert(1)", "evil"])
async def test_nobody_is_led_away(grace, url):
    response = await grace.post(PATH, json={"callbackURL": url})
    assert (response.status_code, response.json()["code"]) == (403, "INVALID_CALLBACK_URL")
    assert "set-cookie" not in response.headers
    assert await who(grace) == "grace@example.com"


async def test_another_site_signs_nobody_out_and_learns_nothing(grace):
    for headers in (
        {"origin": "https://evil.test"},
        {"origin": "null"},
        {"origin": "", "referer": "https://evil.test/"},
    ):
        response = await grace.post(PATH, json={}, headers=headers)
        assert response.status_code == 403
        assert "url" not in response.json()
    assert (await grace.get(PATH)).status_code == 404
    assert await who(grace) == "grace@example.com"


async def test_where_no_host_is_told_no_page_is_named(grace, site):
    token = ("authorization", f"Bearer {grace.cookies[SESSION_COOKIE]}")
    scope = http("POST", "/sign-out", [token, ("content-type", "application/json")])
    scope["headers"] = [(name, value) for name, value in scope["headers"] if name != b"host"]
    answer = await exchange(site.endpoints, scope, request(b'{"callbackURL":"/bye"}'))
    assert query_of(answer.json()["url"]).keys() == {"id_token_hint"}


async def test_the_id_token_is_nowhere_but_in_that_url(site, grace, listening):
    id_token = await stored_id_token(site)
    response = await grace.post(PATH, json={"callbackURL": "/bye"})
    assert response.text.count(id_token) == 1
    assert [name for name, value in response.headers.items() if id_token in value] == ["location"]
    assert id_token not in listening()


async def test_nobody_is_signed_out_with_an_id_token_of_somebody_else(site, grace):
    async with browser(site.wrap(whoami)) as other:
        await sign_up(other, BOB)
        assert await sign_out(other, callbackURL="/bye") == DONE
    assert (await sent_to(grace))[1]["id_token_hint"]


async def test_of_two_sign_outs_at_once_one_gets_the_id_token(site, grace):
    answers = await asyncio.gather(*(sign_out(grace) for _ in range(2)))
    assert sorted("url" in answer for answer in answers) == [False, True]


async def test_a_revoked_session_that_the_cookie_cache_still_knows_gets_no_id_token(make_auth, oidc):
    site = make_auth(social=social(corp(oidc)), cookie_cache=CookieCacheOptions(is_enabled=True))
    async with browser(site.wrap(whoami)) as client:
        await trip(client, oidc)
        token = client.cookies[SESSION_COOKIE].partition(".")[0]
        await site.services.engine.sessions.take(token=token)
        assert await sign_out(client) == DONE


async def test_an_expired_session_gets_no_id_token(grace, clock):
    clock.advance(days=8)
    assert await sign_out(grace) == DONE

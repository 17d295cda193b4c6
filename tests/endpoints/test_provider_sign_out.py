"""POST /sign-out goes on at the provider (OpenID Connect RP-Initiated Logout 1.0), and never depends on it."""

import httpx
import pytest
from starlette.responses import PlainTextResponse

from asgi_auth import AccountOptions
from asgi_auth.oauth.tokens import Tokens
from asgi_auth.providers import GitHub
from tests.endpoints.provider_sign_outs import ALL_CLEARED, DONE, PATH, sent_to, sign_out, stored_id_token
from tests.endpoints.social_trips import LINK, SIGN_IN, come_back, corp, depart, social, trip, who
from tests.support import ADA, BASE_URL, SESSION_COOKIE, browser, sign_up, whoami

CREDENTIALS = {"email": ADA["email"], "password": ADA["password"]}


pytestmark = pytest.mark.usefixtures("signs_out")


async def test_whoever_came_by_a_provider_goes_on_to_sign_out_there(site, grace, oidc):
    id_token = await stored_id_token(site)
    response = await grace.post(PATH, json={"callbackURL": "/bye"})

    url = (
        f"{oidc.url}/logout?id_token_hint={id_token}"
        "&post_logout_redirect_uri=http%3A%2F%2Fapp.test%2Fbye&client_id=tests"
    )
    assert list(response.json().items()) == [("success", True), ("url", url), ("redirect", True)]
    assert response.headers["location"] == url
    assert response.headers["cache-control"] == "no-store"
    assert response.headers.get_list("set-cookie") == ALL_CLEARED
    assert await who(grace) is None


async def test_the_provider_understands_and_sends_them_back(grace, oidc, clock):
    oidc.sign_out_redirect_uris.add(f"{BASE_URL}/bye")
    clock.advance(hours=3)  # the ID token has expired, the session has not
    url = (await sign_out(grace, callbackURL="/bye", state="a b&c"))["url"]
    async with httpx.AsyncClient() as anyone:
        back = await anyone.get(url)
    assert (back.status_code, back.headers["location"]) == (302, f"{BASE_URL}/bye?state=a+b%26c")


@pytest.mark.parametrize("body", [None, {}, {"callbackURL": ""}, {"state": "s"}, {"disableRedirect": False}])
async def test_without_a_page_to_come_back_to_the_id_token_is_all_that_is_sent(site, grace, oidc, body):
    id_token = await stored_id_token(site)
    response = await (grace.post(PATH) if body is None else grace.post(PATH, json=body))
    assert response.json() == {
        "success": True,
        "url": f"{oidc.end_session_url}?id_token_hint={id_token}",
        "redirect": True,
    }


async def test_a_client_that_does_not_want_to_follow_is_told_all_the_same(grace):
    response = await grace.post(PATH, json={"callbackURL": "/bye", "disableRedirect": True})
    assert response.json().keys() == {"success", "url", "redirect"}
    assert response.json()["redirect"] is False
    assert "location" not in response.headers


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("/bye?a=b&c=d#end", f"{BASE_URL}/bye?a=b&c=d#end"),
        ("/a b/é", f"{BASE_URL}/a%20b/%C3%A9"),
        (f"{BASE_URL}/bye", f"{BASE_URL}/bye"),
    ],
)
async def test_the_page_to_come_back_to_is_named_in_full(grace, given, sent):
    assert (await sent_to(grace, callbackURL=given))[1]["post_logout_redirect_uri"] == sent


async def test_a_page_of_the_providers_declaration_serves_where_nobody_names_one(make_auth, oidc):
    home = "https://app.example/signed-out"
    site = make_auth(social=social(corp(oidc, sign_out_redirect_uri=home)))
    async with browser(site.wrap(whoami)) as client:
        await trip(client, oidc)
        _, query = await sent_to(client, state="s")
        assert (query["post_logout_redirect_uri"], query["client_id"], query["state"]) == (home, "tests", "s")
        await trip(client, oidc)
        _, query = await sent_to(client, callbackURL="/bye")
        assert query["post_logout_redirect_uri"] == f"{BASE_URL}/bye"


async def test_a_declared_endpoint_goes_before_the_providers_own_and_keeps_its_query(make_auth, oidc):
    declared = "https://login.example/out?theme=dark&client_id=other&id_token_hint=other#top"
    site = make_auth(social=social(corp(oidc, end_session_url=declared)))
    async with browser(site.wrap(whoami)) as client:
        await trip(client, oidc)
        id_token = await stored_id_token(site)
        url = (await sign_out(client, callbackURL="/bye"))["url"]
        assert url == (
            f"https://login.example/out?theme=dark&client_id=tests&id_token_hint={id_token}"
            "&post_logout_redirect_uri=http%3A%2F%2Fapp.test%2Fbye#top"
        )


async def test_what_is_declared_needs_no_discovery(make_auth, oidc, clock):
    site = make_auth(social=social(corp(oidc, end_session_url=f"{oidc.url}/out")))
    async with browser(site.wrap(whoami)) as client:
        await trip(client, oidc)
        oidc.answer_with("/.well-known/openid-configuration", PlainTextResponse("down", 503))
        clock.advance(hours=2)
        assert (await sent_to(client))[0] == f"{oidc.url}/out"


async def test_any_provider_may_be_told_where_it_signs_out(make_auth):
    site = make_auth(social=social(GitHub(client_id="our-id", end_session_url="https://login.example/out")))
    async with browser(site.wrap(whoami)) as client:
        user = (await sign_up(client)).json()["user"]
        await site.services.accounts.link(user["id"], "github", "17", Tokens(access_token="a-token"))
        assert await sent_to(client) == ("https://login.example/out", {"client_id": "our-id"})


@pytest.mark.parametrize("accounts", [AccountOptions(encrypts_tokens=True), AccountOptions(has_cookie=True)])
async def test_however_accounts_are_kept(make_auth, oidc, accounts):
    site = make_auth(social=social(corp(oidc)), accounts=accounts)
    async with browser(site.wrap(whoami)) as client:
        await trip(client, oidc)
        assert (await sent_to(client))[1] == {"id_token_hint": await stored_id_token(site)}
        assert "better-auth.account_data" not in client.cookies


async def test_by_bearer_token_too(site, grace):
    headers = {"authorization": f"Bearer {grace.cookies[SESSION_COOKIE]}"}
    async with browser(site.wrap(whoami), origin=None) as program:
        first, second = [(await program.post(PATH, headers=headers)).json() for _ in range(2)]
    assert first["url"]
    assert second == DONE


# whose account


@pytest.fixture
async def ada(make_auth, oidc, database_url):
    """The browser of Ada, who has a password; on SQLite and on Postgres."""
    providers = [corp(oidc, id=name, end_session_url=f"{oidc.url}/logout/{name}") for name in ("corp", "home")]
    github = GitHub(client_id="tests", client_secret="secret")
    oidc.person |= {"sub": "ada-7", "email": ADA["email"]}
    async with browser(make_auth(social=social(*providers, github), database=database_url).wrap(whoami)) as client:
        await sign_up(client)
        yield client


async def travel(client, oidc, clock, provider, path=SIGN_IN):
    """Ada is at a provider and comes back, a second after whatever was before."""
    clock.advance(seconds=1)
    url = await depart(client, path, provider=provider)
    arrived = await come_back(client, oidc, url, path=f"/api/auth/callback/{provider}")
    assert arrived.headers["location"] == "/dash"


async def test_a_session_begun_with_a_password_goes_on_to_the_users_provider(ada, oidc, clock):
    assert await sign_out(ada) == DONE
    await ada.post("/api/auth/sign-in/email", json=CREDENTIALS)
    await travel(ada, oidc, clock, "corp", LINK)
    assert (await sent_to(ada))[0] == f"{oidc.url}/logout/corp"


async def test_of_several_providers_the_one_used_last_is_it(ada, oidc, clock):
    for provider in ("corp", "home"):
        await travel(ada, oidc, clock, provider, LINK)
    assert (await sent_to(ada))[0] == f"{oidc.url}/logout/home"
    await travel(ada, oidc, clock, "corp")
    assert (await sent_to(ada))[0] == f"{oidc.url}/logout/corp"
    await ada.post("/api/auth/sign-in/email", json=CREDENTIALS)
    assert (await sent_to(ada))[0] == f"{oidc.url}/logout/corp"


async def test_an_account_without_an_id_token_is_named_by_the_client_alone(site, grace):
    account = await site.services.accounts.find_linked("corp", "grace-1")
    await site.services.engine.accounts.change({"id": account.id}, id_token=None)
    assert (await sent_to(grace))[1] == {"client_id": "tests"}

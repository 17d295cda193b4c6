"""Signing in through every provider, and whose account nobody gets by an address that was never verified."""

import json
from dataclasses import replace
from urllib.parse import parse_qs, parse_qsl, urlsplit

import httpx
import pytest

from asgi_auth import SocialOptions
from tests.servers.provider_server import id_token
from tests.servers.provider_shapes import SHAPES, shape_of
from tests.support import ADA, BASE_URL, browser, me, sign_up, whoami

each = pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.provider.id)
VERIFYING = {"google", "github", "apple", "discord", "linkedin", "slack", "twitch", "twitter"}


def with_address(shape, email):
    """The same person, with another address wherever the provider tells one."""
    changed = json.loads(
        json.dumps({"person": shape.person, "more": shape.more}).replace(str(shape.expected[1]), email)
    )
    return replace(shape, **changed)


@pytest.fixture
def application(make_auth, clock, servers):
    """An application that people sign in to with one provider only."""

    def make(shape):
        provider = servers.add(shape, now=clock().timestamp())
        return make_auth(base_url=BASE_URL, social=SocialOptions(providers=(provider,), allows_private_addresses=True))

    return make


async def travel(app, client, provider_id, **beside):
    """The whole way there and back as a browser goes it; returns where it ends."""
    wish = {"provider": provider_id, "callbackURL": "/home", "errorCallbackURL": "/sorry"}
    url = (await client.post("/api/auth/sign-in/social", json=wish)).json()["url"]
    async with httpx.AsyncClient(trust_env=False, verify=False) as elsewhere:
        answer = urlsplit((await elsewhere.get(url)).headers["location"])
    fields = {**dict(parse_qsl(answer.query)), **beside}
    if "form_post" in url:
        async with browser(app, origin="https://appleid.apple.com") as other_site:  # whose page has none of our cookies
            posted = await other_site.post(answer.path, data=fields)
        back = await client.get(posted.headers["location"])
    else:
        back = await client.get(answer.path, params=fields)
    return urlsplit(back.headers["location"])


@each
async def test_a_stranger_gets_a_user_of_the_persons_name_and_address(application, shape):
    auth = application(shape)
    app = auth.wrap(whoami)
    _, email, is_verified, name, image = shape.expected
    async with browser(app) as client:
        assert (await travel(app, client, shape.provider.id)).path == "/home"
        assert (await me(client))["email"] == email
    user = await auth.services.users.find_by_email(email)
    assert (user.email_verified, user.name, user.image) == (is_verified, name, image)


@each
async def test_whoever_comes_again_is_the_same_user(application, shape):
    auth = application(shape)
    app = auth.wrap(whoami)
    async with browser(app) as client:
        await travel(app, client, shape.provider.id)
        first = await me(client)
    async with browser(app) as client:
        await travel(app, client, shape.provider.id)
        assert (await me(client))["subject"] == first["subject"]


@each
async def test_an_address_gives_an_account_away_only_where_the_provider_verified_it(application, shape):
    shape = with_address(shape, ADA["email"])
    auth = application(shape)
    app = auth.wrap(whoami)
    async with browser(app) as client:
        await sign_up(client)
        ada = await me(client)
    await auth.services.users.change(ada["subject"], email_verified=True)
    async with browser(app) as client:
        end = await travel(app, client, shape.provider.id)
        visitor = await me(client)
    if shape.provider.id in VERIFYING:
        assert (end.path, visitor["subject"]) == ("/home", ada["subject"])
    else:
        assert (end.path, parse_qs(end.query)) == ("/sorry", {"error": ["account_not_linked"]})
        assert visitor["subject"] is None


async def test_apples_name_is_given_once_and_signs_nobody_else_in(application):
    shape = shape_of("apple")
    auth = application(shape)
    app = auth.wrap(whoami)
    forged = json.dumps({"name": {"firstName": "Ada", "lastName": "Lovelace"}, "email": ADA["email"]})
    async with browser(app) as client:
        await travel(app, client, "apple", user=forged)
        assert (await me(client))["email"] == shape.expected[1]
    assert (await auth.services.users.find_by_email(shape.expected[1])).name == "Ada Lovelace"
    assert await auth.services.users.find_by_email(ADA["email"]) is None


@pytest.mark.parametrize("user", ["", "no json", "[]", "7", '{"name": "Ada"}', '{"name": {"firstName": ["Ada"]}}'])
async def test_a_name_of_another_shape_stops_nobody(application, user):
    app = application(shape_of("apple")).wrap(whoami)
    async with browser(app) as client:
        assert (await travel(app, client, "apple", user=user)).path == "/home"


async def test_people_without_an_address_are_told_so(application):
    shape = shape_of("twitter")
    person = {"data": {name: value for name, value in shape.person["data"].items() if name != "confirmed_email"}}
    app = application(replace(shape, person=person)).wrap(whoami)
    async with browser(app) as client:
        end = await travel(app, client, "twitter")
    assert (end.path, parse_qs(end.query)) == ("/sorry", {"error": ["email_not_found"]})


LIMITED_LOGIN = replace(
    shape_of("facebook"),
    issuer="https://www.facebook.com",
    person={"sub": "10160001234567890", "name": "Jane Doe", "email": "jane@example.com", "nonce": "n"},
)
OF_APPS = [shape_of("google"), shape_of("microsoft"), shape_of("apple"), LIMITED_LOGIN]
of_apps = pytest.mark.parametrize("shape", OF_APPS, ids=lambda shape: shape.provider.id)


async def offer(client, shape, token, **beside):
    body = {"provider": shape.provider.id, "idToken": {"token": token, **beside}}
    return await client.post("/api/auth/sign-in/social", json=body)


@of_apps
async def test_an_apps_id_token_lets_its_person_in(application, clock, shape):
    async with browser(application(shape).wrap(whoami)) as client:
        answer = await offer(client, shape, id_token(shape, now=clock().timestamp()))
        assert (answer.status_code, answer.json()["redirect"]) == (200, False)
        assert (await me(client))["email"] == shape.person["email"]


@of_apps
@pytest.mark.parametrize(
    "claims",
    [{"aud": "their-app"}, {"iss": "https://evil.test"}, {"exp": 1}, {"sub": ""}, {"azp": "their-app"}],
    ids=str,
)
async def test_an_id_token_of_somebody_else_lets_nobody_in(application, clock, shape, claims):
    async with browser(application(shape).wrap(whoami)) as client:
        answer = await offer(client, shape, id_token(shape, now=clock().timestamp(), **claims))
        assert (answer.status_code, answer.json()["code"]) == (401, "INVALID_TOKEN")
        assert (await me(client))["subject"] is None


async def test_an_id_token_with_another_nonce_lets_nobody_in(application, clock):
    async with browser(application(LIMITED_LOGIN).wrap(whoami)) as client:
        token = id_token(LIMITED_LOGIN, now=clock().timestamp())
        assert (await offer(client, LIMITED_LOGIN, token, nonce="other")).json()["code"] == "INVALID_TOKEN"
        assert (await offer(client, LIMITED_LOGIN, token, nonce="n")).status_code == 200


@pytest.mark.parametrize("shape", [LIMITED_LOGIN, shape_of("microsoft")], ids=lambda shape: shape.provider.id)
async def test_nor_does_an_apps_id_token_give_an_account_away_by_an_unverified_address(application, clock, shape):
    auth = application(shape)
    app = auth.wrap(whoami)
    async with browser(app) as client:
        await sign_up(client)
        ada = await me(client)
    await auth.services.users.change(ada["subject"], email_verified=True)
    async with browser(app) as client:
        token = id_token(shape, now=clock().timestamp(), email=ADA["email"], email_verified=True)
        answer = await offer(client, shape, token)
        assert (answer.status_code, answer.json()["code"]) == (401, "OAUTH_LINK_ERROR")
        assert (await me(client))["subject"] is None


@pytest.mark.parametrize("provider_id", sorted(VERIFYING - {"google", "apple"} | {"gitlab", "spotify"}))
async def test_other_providers_take_no_id_tokens(application, clock, provider_id):
    shape = shape_of(provider_id)
    async with browser(application(shape).wrap(whoami)) as client:
        answer = await offer(client, shape, "a.b.c")
    assert (answer.status_code, answer.json()["code"]) == (404, "ID_TOKEN_NOT_SUPPORTED")

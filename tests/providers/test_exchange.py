"""From the way out to the person: every provider against a real server that answers as it documents."""

from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from asgi_auth.oauth.client import AuthorizationRequest, OAuthClient
from asgi_auth.oauth.errors import ProviderFailed
from tests.servers.provider_shapes import CLIENT, OTHER_TENANT, PERSONAL_TENANT, SHAPES, shape_of
from tests.support import FrozenClock

REDIRECT_URI = "http://app.test/api/auth/callback/provider"
VERIFIER = "a" * 64

each = pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.provider.id)


class Journey:
    """One person's way through a provider, and our requests for it."""

    def __init__(self, provider, clock):
        self.provider = provider
        self.client = OAuthClient([provider], clock=clock, timeout=timedelta(seconds=30), allows_private_addresses=True)

    async def code(self):
        request = AuthorizationRequest(state="s", redirect_uri=REDIRECT_URI, code_verifier=VERIFIER)
        async with httpx.AsyncClient(trust_env=False, verify=False) as browser:
            answer = await browser.get(await self.client.authorization_url(self.provider, request))
        query = parse_qs(urlsplit(answer.headers["location"]).query)
        assert query["state"] == ["s"]
        return query["code"][0]

    async def tokens(self, code=None, **changed):
        fields = {"redirect_uri": REDIRECT_URI, "code_verifier": VERIFIER, **changed}
        return await self.client.exchange(self.provider, code=code or await self.code(), **fields)

    async def profile(self, **options):
        return await self.client.profile(self.provider, await self.tokens(), **options)


@pytest.fixture
def travelling(servers):
    """Opens a way through a provider of this shape, declared with these changes."""

    @asynccontextmanager
    async def travel(shape, **changed):
        clock = FrozenClock()
        provider = servers.add(shape, now=clock().timestamp())
        journey = Journey(replace(provider, **changed), clock)
        try:
            yield journey
        finally:
            await journey.client.close()

    return travel


def saying(shape, **claims):
    return replace(shape, person={**shape.person, **claims})


@each
async def test_a_code_becomes_the_person(travelling, shape):
    async with travelling(shape) as journey:
        profile = await journey.profile()
    assert (profile.id, profile.email, profile.is_email_verified, profile.name, profile.image) == shape.expected


@each
async def test_what_was_granted_is_told(travelling, shape):
    async with travelling(shape) as journey:
        tokens = await journey.tokens()
    granted = shape.token.get("scope", ())
    expected = granted if isinstance(granted, list) else granted and granted.replace(",", " ").split()
    assert tokens.scopes == tuple(expected)
    assert tokens.access_token


@each
async def test_a_code_works_once(travelling, shape):
    async with travelling(shape) as journey:
        code = await journey.code()
        await journey.tokens(code)
        with pytest.raises(ProviderFailed, match="the provider refused"):
            await journey.tokens(code)


@each
async def test_a_wrong_secret_is_refused(travelling, shape):
    wrong = {"private_key": None, "client_secret": "wrong"} if shape.provider.id == "apple" else {"client_secret": "no"}
    async with travelling(shape, **wrong) as journey:
        with pytest.raises(ProviderFailed, match="invalid_client"):
            await journey.tokens()


@each
async def test_tokens_are_renewed(travelling, shape):
    async with travelling(shape) as journey:
        tokens = await journey.tokens()
        renewed = await journey.client.refresh(journey.provider, tokens.refresh_token)
        assert renewed.access_token == tokens.access_token
        with pytest.raises(ProviderFailed, match="the provider refused"):
            await journey.client.refresh(journey.provider, "somebody-elses")


async def test_slacks_refusal_to_tell_who_it_is_comes_with_status_200(travelling):
    refusal = {"ok": False, "error": "token_expired"}
    async with travelling(replace(shape_of("slack"), person=refusal)) as journey:
        with pytest.raises(ProviderFailed, match="refused to say who it is"):
            await journey.profile()


@pytest.mark.parametrize("provider_id", [shape.provider.id for shape in SHAPES if shape.provider.uses_pkce])
async def test_somebody_elses_code_does_not_work_without_the_verifier(travelling, provider_id):
    async with travelling(shape_of(provider_id)) as journey:
        with pytest.raises(ProviderFailed, match="the provider refused"):
            await journey.tokens(code_verifier="b" * 64)


@each
@pytest.mark.parametrize("wrong", [None, [1]], ids=repr)
async def test_a_person_without_an_id_is_the_providers_failure(travelling, shape, wrong):
    names = {"id", "sub", "https://slack.com/user_id", "data"}
    person = {name: wrong if name in names else value for name, value in shape.person.items()}
    async with travelling(replace(shape, person=person)) as journey:
        tokens = await journey.tokens()
        with pytest.raises(ProviderFailed) as failure:
            await journey.client.profile(journey.provider, tokens)
    assert CLIENT["client_secret"] not in str(failure.value)


@each
@pytest.mark.parametrize("answer", [7, [{"id": "1"}]], ids=repr)
async def test_an_answer_of_another_kind_is_the_providers_failure(travelling, shape, answer):
    person = {"sub": answer} if shape.issuer else answer
    async with travelling(replace(shape, person=person)) as journey:
        tokens = await journey.tokens()
        with pytest.raises(ProviderFailed):
            await journey.client.profile(journey.provider, tokens)


@pytest.mark.parametrize("shape", [shape for shape in SHAPES if "email" in shape.person], ids=lambda s: s.provider.id)
@pytest.mark.parametrize("email", [["a@b.test"], 7], ids=repr)
async def test_an_address_of_another_kind_is_the_providers_failure(travelling, shape, email):
    more = {"emails": [{"email": email, "primary": True, "verified": True}]} if shape.more else {}
    async with travelling(replace(saying(shape, email=email), more=more)) as journey:
        with pytest.raises(ProviderFailed, match="does not say who it is"):
            await journey.profile()


@pytest.mark.parametrize("shape", [shape for shape in SHAPES if "email" in shape.person], ids=lambda s: s.provider.id)
async def test_people_without_an_address_have_none(travelling, shape):
    async with travelling(replace(saying(shape, email=None), more={})) as journey:
        assert (await journey.profile()).email is None


@pytest.mark.parametrize("provider_id", ["google", "microsoft", "apple", "twitch"])
async def test_an_id_token_of_another_issuer_is_refused(travelling, provider_id):
    async with travelling(replace(shape_of(provider_id), issuer="https://evil.test")) as journey:
        with pytest.raises(ProviderFailed, match="issuer"):
            await journey.profile()


@pytest.mark.parametrize("provider_id", ["google", "microsoft", "apple", "twitch"])
async def test_an_id_token_for_another_application_is_refused(travelling, provider_id):
    async with travelling(saying(shape_of(provider_id), aud="their-app")) as journey:
        with pytest.raises(ProviderFailed, match="another application"):
            await journey.profile()


@pytest.mark.parametrize("provider_id", ["google", "microsoft", "apple"])
async def test_an_id_token_for_an_app_of_our_own_is_taken(travelling, provider_id):
    shape = saying(shape_of(provider_id), aud="our-phone-app")
    async with travelling(shape, more_client_ids=("our-phone-app",)) as journey:
        assert (await journey.profile()).id == shape.expected[0]


async def test_people_of_another_tenant_are_kept_out_of_ours(travelling):
    ours = "11111111-2222-3333-4444-555555555555"
    async with travelling(shape_of("microsoft"), tenant_id=ours) as journey:
        with pytest.raises(ProviderFailed, match="issuer"):
            await journey.profile()


async def test_a_tenant_cannot_pretend_to_be_that_of_personal_accounts(travelling):
    assert OTHER_TENANT in shape_of("microsoft").issuer
    async with travelling(saying(shape_of("microsoft"), tid=PERSONAL_TENANT)) as journey:
        with pytest.raises(ProviderFailed, match="issuer"):
            await journey.profile()


async def test_people_of_another_workspace_are_kept_out_of_ours(travelling):
    for provider_id, option in (("google", {"hd": "other.test"}), ("slack", {"team": "T0OTHER"})):
        async with travelling(shape_of(provider_id), **option) as journey:
            with pytest.raises(ProviderFailed, match="does not say who it is"):
                await journey.profile()


async def test_a_github_app_that_may_not_read_addresses_knows_only_the_public_one(travelling):
    shape = replace(saying(shape_of("github"), email="public@example.com"), more={})
    async with travelling(shape) as journey:
        profile = await journey.profile()
    assert (profile.email, profile.is_email_verified) == ("public@example.com", False)


async def test_apples_name_comes_beside_and_brings_nothing_else(travelling):
    given = {"name": {"firstName": "Ada", "lastName": "Lovelace"}, "email": "victim@example.com", "sub": "other"}
    shape = shape_of("apple")
    async with travelling(shape) as journey:
        profile = await journey.profile(given=given)
    assert (profile.name, profile.email, profile.id) == ("Ada Lovelace", shape.expected[1], shape.expected[0])


@pytest.mark.parametrize("provider_id", [shape.provider.id for shape in SHAPES if shape.provider.id != "apple"])
async def test_what_comes_through_the_browser_changes_nobody_else(travelling, provider_id):
    given = {"name": {"firstName": "Eve"}, "email": "victim@example.com", "sub": "other", "id": "other"}
    shape = shape_of(provider_id)
    async with travelling(shape) as journey:
        profile = await journey.profile(given=given)
    assert (profile.id, profile.email, profile.is_email_verified, profile.name, profile.image) == shape.expected


async def test_an_application_maps_profiles_its_own_way(travelling):
    def by_login(profile):
        return replace(profile, name=profile.claims["login"])

    async with travelling(shape_of("github"), map_profile=by_login) as journey:
        assert (await journey.profile()).name == "octocat"

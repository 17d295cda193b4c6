"""What comes beside signing in through a provider: letters to unverified addresses, and the account in a cookie."""

import pytest
from starlette.responses import PlainTextResponse

from asgi_auth import AccountOptions, EmailOptions, PasswordOptions
from asgi_auth.events import SignedInByProvider
from asgi_auth.mails import VerifyEmailMail
from tests.endpoints.social_trips import CALLBACK, LINK, SIGN_IN, come_back, corp, depart, error_of, social, trip, who
from tests.mailbox import Mailbox
from tests.services.recorders import Figures
from tests.support import BASE_URL, browser, whoami

ACCOUNT_COOKIE = "better-auth.account_data="


@pytest.fixture
def mailbox():
    return Mailbox()


@pytest.fixture
def make_site(make_auth, oidc, mailbox):
    def make(*, accepts_id_tokens=True, requires_verified_email=False, **options):
        provider = corp(oidc, accepts_id_tokens=accepts_id_tokens, requires_verified_email=requires_verified_email)
        return make_auth(social=social(provider), mail=mailbox.options, base_url=BASE_URL, **options)

    return make


@pytest.mark.parametrize(
    ("options", "is_verified", "letters"),
    [
        ({"email": EmailOptions(verifies_on_sign_up=True)}, False, 1),
        ({"email": EmailOptions(verifies_on_sign_up=True)}, True, 0),
        ({"email": EmailOptions(verifies_on_sign_in=True)}, False, 0),
        ({"password": PasswordOptions(requires_verified_email=True)}, False, 0),
        ({"requires_verified_email": True}, False, 1),
        ({"requires_verified_email": True}, True, 0),
        ({}, False, 0),
    ],
)
async def test_a_new_users_unverified_address_gets_a_letter_where_configured(
    make_site, oidc, mailbox, options, is_verified, letters
):
    site = make_site(**options)
    oidc.person["email_verified"] = is_verified
    async with browser(site.wrap(whoami)) as client:
        for _ in range(2):
            await trip(client, oidc)
    arrived = await mailbox.arrived(site)
    assert [type(letter) for letter in arrived] == [VerifyEmailMail] * letters
    assert all(letter.to == oidc.person["email"] for letter in arrived)


async def test_the_letter_leads_on_to_the_callback_and_lets_in(make_site, oidc, mailbox):
    site = make_site(requires_verified_email=True)
    oidc.person["email_verified"] = False
    async with browser(site.wrap(whoami)) as client:
        assert error_of(await trip(client, oidc, callbackURL="/dash")) == "email_not_verified"
        assert await who(client) is None
        letter = await mailbox.link(site)
        assert (await client.get(letter.url)).headers["location"] == "/dash"
        assert (await trip(client, oidc)).headers["location"] == "/dash"


async def test_a_letter_follows_an_id_token_too(make_site, oidc, mailbox):
    site = make_site(email=EmailOptions(verifies_on_sign_up=True))
    oidc.person["email_verified"] = False
    async with browser(site.wrap(whoami)) as client:
        body = {"provider": "corp", "callbackURL": "/dash", "idToken": {"token": oidc.id_token()}}
        assert (await client.post(SIGN_IN, json=body)).status_code == 200
    assert (await mailbox.link(site)).url.endswith("&callbackURL=%2Fdash")


async def test_listeners_get_to_know_what_the_client_sent_along(make_site, oidc):
    site, told = make_site(), []

    async def listen(event):
        told.append((event.provider_id, event.is_new, dict(event.added), event.session.user_id))

    site.services.events.subscribe(SignedInByProvider, listen)
    async with browser(site.wrap(whoami)) as client:
        await trip(client, oidc, additionalData={"referral": "r1", "errorURL": "https://evil.test"})
        token = {"provider": "corp", "additionalData": {"referral": "r2"}, "idToken": {"token": oidc.id_token()}}
        await client.post(SIGN_IN, json=token)
        await trip(client, oidc, LINK, additionalData={"referral": "r3"})
    user = await site.services.users.find_by_email(oidc.person["email"])
    assert told == [
        ("corp", True, {"referral": "r1"}, user.id),
        ("corp", False, {"referral": "r2"}, user.id),
    ]


async def test_who_is_not_let_in_is_counted_and_logged_without_the_providers_words(make_auth, oidc, capsys):
    figures = Figures()
    site = make_auth(social=social(corp(oidc)), metrics=figures)
    async with browser(site.wrap(whoami)) as client:
        for error in ("access_denied", "x\n[info] sign_in.completed"):
            await come_back(client, oidc, await depart(client), error=error)
        await trip(client, oidc)
    counted = [(name, labels) for name, labels in figures.counts if name.startswith("auth.login.")]
    failure, success = ("auth.login.failure", {"method": "oauth"}), ("auth.login.success", {"method": "oauth"})
    assert counted == [failure, failure, success]
    logged = capsys.readouterr().out
    assert "reason=access_denied" in logged
    assert "reason=other" in logged
    assert "[info] sign_in.completed" not in logged


@pytest.mark.parametrize(
    ("path", "error"), [("/token", "invalid_code"), ("/jwks", "unable_to_get_user_info")], ids=lambda given: given
)
async def test_whom_a_provider_that_is_down_keeps_out_is_not_counted_as_refused(make_auth, oidc, capsys, path, error):
    figures = Figures()
    site = make_auth(social=social(corp(oidc)), metrics=figures)
    oidc.answer_with(path, PlainTextResponse("down", 502))
    async with browser(site.wrap(whoami)) as client:
        assert error_of(await trip(client, oidc)) == error
    assert [name for name, _ in figures.counts if name.startswith("auth.login.")] == []
    logged = capsys.readouterr().out
    assert "social.provider_failed" in logged
    assert "sign_in.refused" not in logged


@pytest.mark.parametrize("has_cookie", [True, False])
async def test_the_account_is_kept_in_a_cookie_where_configured(make_site, oidc, has_cookie):
    site = make_site(accounts=AccountOptions(has_cookie=has_cookie))
    async with browser(site.wrap(whoami)) as client:
        answer = await oidc.visit(await depart(client))
        cookies = (await client.get(CALLBACK, params=answer)).headers.get_list("set-cookie")
        assert [cookie.partition("=")[0] for cookie in cookies] == [
            "better-auth.state",
            *(["better-auth.account_data"] if has_cookie else []),
            "better-auth.session_token",
        ]
        linked = (await trip(client, oidc, LINK)).headers.get_list("set-cookie")
        assert not any(cookie.startswith(ACCOUNT_COOKIE) for cookie in linked)
        body = {"provider": "corp", "idToken": {"token": oidc.id_token()}}
        at_once = (await client.post(SIGN_IN, json=body)).headers.get_list("set-cookie")
        assert any(cookie.startswith(ACCOUNT_COOKIE) for cookie in at_once) is has_cookie


async def test_the_cookie_gives_the_providers_tokens_back(make_site, oidc):
    site = make_site(accounts=AccountOptions(has_cookie=True))
    async with browser(site.wrap(whoami)) as client:
        await trip(client, oidc)
        response = await client.post("/api/auth/get-access-token", json={"useAccountCookie": True})
        [account] = await site.services.engine.accounts.list()
        assert response.json()["accessToken"] == account.access_token

"""Attacks on signing in through providers: somebody else's browser, code, state, provider, address or destination."""

import base64
import json
import logging
from datetime import timedelta

import pytest
from starlette.responses import PlainTextResponse

from asgi_auth.services.verification import Purpose
from tests.endpoints.social_trips import (
    CALLBACK,
    LINK,
    SIGN_IN,
    come_back,
    corp,
    depart,
    error_of,
    query_of,
    social,
    trip,
    who,
)
from tests.servers.oidc import GRACE
from tests.support import PASSWORD, browser, sign_up, whoami

MALLORY = {"name": "Mallory", "email": GRACE["email"], "password": PASSWORD}

DESTINATIONS = [
    "//evil.test",
    "///evil.test",
    "/\\evil.test",
    "/\t/evil.test",
    "https:/evil.test",
    "http://app.test@evil.test/",
    "http://evil.test#@app.test/",
    "http://evil.test?.app.test",
    "http://evil.test\\@app.test/",
    "http://\uff45vil.test/",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "java\nscript:alert(1)",
    "data:text/html;base64,PHNjcmlwdD4=",
    "vbscript:msgbox(1)",
    "ftp://app.test/",
    "//app.test@evil.test",
    "/%2F%2fevil.test",
    "/ok\r\nset-cookie: a=b",
]


@pytest.fixture
def site(make_auth, oidc):
    return make_auth(social=social(corp(oidc), corp(oidc, id="other")))


@pytest.fixture
async def victim(site):
    async with browser(site.wrap(whoami)) as client:
        yield client


@pytest.fixture
async def mallory(site):
    async with browser(site.wrap(whoami)) as client:
        yield client


async def test_nobody_is_signed_in_as_somebody_else_by_a_link(victim, mallory, oidc):
    """Login CSRF: Mallory's own code and state, opened by the victim, with or without a trip of the victim's."""
    answer = await oidc.visit(await depart(mallory))
    assert error_of(await victim.get(CALLBACK, params=answer)) == "state_mismatch"
    await depart(victim)
    assert error_of(await victim.get(CALLBACK, params=answer)) == "state_mismatch"
    assert await who(victim) is None


async def test_a_code_of_somebody_else_is_worth_nothing_in_ones_own_trip(victim, mallory, oidc):
    """Code injection: PKCE ties the code to the trip that asked for it (RFC 9700, 4.5)."""
    stolen = await oidc.visit(await depart(victim))
    url = await depart(mallory)
    assert error_of(await come_back(mallory, oidc, url, code=stolen["code"])) == "invalid_code"
    assert await who(mallory) is None


async def test_an_id_token_of_another_trip_is_refused(mallory, oidc):
    """A token that was really issued, to us, for the victim: its nonce is of another trip."""
    oidc.token_fields["id_token"] = oidc.id_token(nonce="of-another-trip")
    assert error_of(await trip(mallory, oidc)) == "unable_to_get_user_info"
    oidc.token_fields["id_token"] = oidc.id_token()
    assert error_of(await trip(mallory, oidc)) == "unable_to_get_user_info"
    assert await who(mallory) is None


async def test_without_an_id_token_there_is_no_nonce_to_go_by(mallory, oidc):
    oidc.token_fields["id_token"] = None
    assert error_of(await trip(mallory, oidc)) == "unable_to_get_user_info"


async def test_a_code_of_one_provider_never_reaches_another(victim, oidc):
    """Mix-up: the state knows whose answer it waits for, in both directions."""
    for provider, path in (("corp", "/api/auth/callback/other"), ("other", CALLBACK)):
        url = await depart(victim, provider=provider)
        assert error_of(await come_back(victim, oidc, url, path=path)) == "invalid_code"
    assert oidc.count("/token") == 0


async def test_a_state_cookie_of_ones_own_making_is_none(site, victim, mallory, oidc):
    answer = await oidc.visit(await depart(mallory))
    for forged in (answer["state"], f"{answer['state']}.", f"{answer['state']}.{'A' * 43}="):
        victim.cookies.clear()
        victim.cookies.set("better-auth.state", forged)
        assert error_of(await victim.get(CALLBACK, params=answer)) == "state_mismatch"


async def test_another_signed_cookie_is_no_state_cookie(site, victim, mallory, oidc):
    """A session cookie's value under the state cookie's name holds a session token, which is no state."""
    await sign_up(victim)
    token = victim.cookies["better-auth.session_token"]
    answer = await oidc.visit(await depart(mallory))
    victim.cookies.set("better-auth.state", token)
    assert error_of(await victim.get(CALLBACK, params=answer)) == "state_mismatch"


async def test_secrets_of_other_purposes_are_no_states(site, victim):
    """And stay good for what they are for."""
    purpose = Purpose(prefix="reset-password:", length=32, lifetime=timedelta(hours=1))
    secret = await site.services.verifications.issue(purpose, value='{"callbackURL":"/"}')
    victim.cookies.set("better-auth.state", site.services.signer.sign(secret))
    assert error_of(await victim.get(CALLBACK, params={"code": "c", "state": secret})) == "state_mismatch"
    assert await site.services.verifications.find(purpose, secret) is not None


async def test_who_signs_up_first_with_somebody_elses_address_shares_nothing(site, victim, mallory, oidc):
    """Pre-hijacking: the unverified account is not linked, and its password opens nothing of the victim's."""
    await sign_up(mallory, MALLORY)
    assert error_of(await trip(victim, oidc)) == "account_not_linked"
    assert await who(victim) is None
    assert await site.services.engine.accounts.count(provider_id="corp") == 0


async def test_an_address_claimed_at_a_provider_takes_nothing_over(site, victim, mallory, oidc):
    user = (await sign_up(victim, MALLORY)).json()["user"]
    await site.services.users.change(user["id"], email_verified=True)
    oidc.person["email_verified"] = False
    assert error_of(await trip(mallory, oidc)) == "account_not_linked"
    oidc.person["email_verified"] = "yes"
    assert error_of(await trip(mallory, oidc)) == "account_not_linked"
    assert await who(mallory) is None


async def test_an_address_that_changed_at_the_provider_opens_no_other_account(site, victim, mallory, oidc):
    """Mallory's own account there, renamed to the victim's address, is still Mallory's here."""
    user = (await sign_up(victim, {**MALLORY, "email": "victim@example.com"})).json()["user"]
    await site.services.users.change(user["id"], email_verified=True)
    await trip(mallory, oidc)
    oidc.person["email"] = "victim@example.com"
    await trip(mallory, oidc)
    assert await who(mallory) == GRACE["email"]


@pytest.mark.parametrize("url", DESTINATIONS)
@pytest.mark.parametrize("field", ["callbackURL", "errorCallbackURL", "newUserCallbackURL"])
async def test_nobody_is_sent_where_nobody_is_trusted(site, victim, url, field):
    response = await victim.post(SIGN_IN, json={"provider": "corp", field: url})
    assert response.status_code in (400, 403)
    assert await site.services.engine.verifications.count() == 0


@pytest.mark.parametrize("url", [["https://evil.test"], {"toString": 1}, 1, True])
async def test_a_destination_is_a_text(victim, url):
    response = await victim.post(SIGN_IN, json={"provider": "corp", "callbackURL": url})
    assert (response.status_code, response.json()["message"]) == (400, "Invalid callbackURL: expected a string")


async def test_of_two_destinations_in_the_query_none_counts(victim):
    response = await victim.post(f"{SIGN_IN}?callbackURL=/a&callbackURL=//evil.test", json={"provider": "corp"})
    assert response.status_code == 400


async def test_a_code_in_the_error_cannot_leave_the_error_page(victim, oidc):
    url = await depart(victim, errorCallbackURL="/oops")
    error = "x\r\nset-cookie: a=b#//evil.test?&error=y"
    response = await come_back(victim, oidc, url, error=error)
    assert response.headers["location"].startswith("/oops?error=x%0D%0Aset-cookie")
    assert query_of(response.headers["location"])["error"] == error
    assert "a=b" not in response.headers.get_list("set-cookie")


async def test_a_link_wish_of_somebody_elses_browser_links_nothing(site, victim, mallory, oidc):
    """Mallory begins to link, and has the victim come back from the provider: the victim's account is not linked."""
    await sign_up(mallory, {**MALLORY, "email": "mallory@example.com"})
    answer = await oidc.visit(await depart(mallory, LINK))
    assert error_of(await victim.get(CALLBACK, params=answer)) == "state_mismatch"
    assert await site.services.engine.accounts.count(provider_id="corp") == 0


async def test_whoever_has_signed_in_meanwhile_gives_no_account_away(site, victim, oidc):
    """Mallory begins to link, and leaves the browser to the victim, or has her state cookie put into the victim's."""
    await sign_up(victim, MALLORY)
    url = await depart(victim, LINK)
    await sign_up(victim, {**MALLORY, "email": "victim@example.com"})
    answer = await oidc.visit(url)
    exchanged = oidc.count("/token")
    assert error_of(await victim.get(CALLBACK, params=answer)) == "unable_to_link_account"
    assert oidc.count("/token") == exchanged
    assert await site.services.engine.accounts.count(provider_id="corp") == 0
    assert await who(victim) == "victim@example.com"


async def test_claims_that_nobody_signed_are_not_believed(victim, oidc):
    """``user`` of the callback comes through the browser."""
    given = json.dumps({"email": "admin@example.com", "sub": "admin", "email_verified": True})
    await come_back(victim, oidc, await depart(victim), user=given)
    assert await who(victim) == GRACE["email"]


async def test_an_unsigned_id_token_is_refused(victim, oidc):
    header = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    payload = oidc.id_token().split(".")[1]
    oidc.token_fields["id_token"] = f"{header}.{payload}."
    assert error_of(await trip(victim, oidc)) == "unable_to_get_user_info"


async def test_no_secret_of_a_trip_is_logged(victim, oidc, capsys, caplog):
    caplog.set_level(logging.DEBUG, logger="asgi_auth")
    answer = await oidc.visit(await depart(victim))
    await victim.get(CALLBACK, params=answer)
    oidc.answer_with("/token", _refusing_loudly)
    failed = await oidc.visit(await depart(victim))
    assert error_of(await victim.get(CALLBACK, params=failed)) == "invalid_code"
    logged = caplog.text + "".join(capsys.readouterr())
    assert "social.provider_failed" in logged
    for secret in (answer["code"], answer["state"], failed["code"], failed["state"], oidc.client_secret):
        assert secret not in logged


async def _refusing_loudly(request):
    return PlainTextResponse((await request.body()).decode(), 500)

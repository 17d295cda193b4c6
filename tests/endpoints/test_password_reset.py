"""POST /request-password-reset, GET /reset-password/{token}, POST /reset-password."""

import asyncio

import pytest

from asgi_auth import PasswordOptions
from tests.mailbox import Mailbox
from tests.support import ADA, BASE_URL, PASSWORD, browser, me, sign_up, whoami

REQUEST = "/api/auth/request-password-reset"
RESET = "/api/auth/reset-password"
NEW = "another horse battery"
SENT = {
    "status": True,
    "message": "If this email exists in our system, check your email for the reset link",
}
INVALID_TOKEN = {"message": "Invalid token", "code": "INVALID_TOKEN"}
UNKNOWN = "z" * 24

COMPLAINTS = [
    (REQUEST, {}, "[body.email] Invalid input: expected string, received undefined"),
    (REQUEST, {"email": "bad"}, "[body.email] Invalid email address"),
    (REQUEST, {"email": "ada@example.com,bob@example.com"}, "[body.email] Invalid email address"),
    (REQUEST, {"email": None}, "[body.email] Invalid input: expected string, received null"),
    (REQUEST, {"email": ["a@x.test"]}, "[body.email] Invalid input: expected string, received array"),
    (REQUEST, {**ADA, "redirectTo": None}, "[body.redirectTo] Invalid input: expected string, received null"),
    (REQUEST, [1], "[body] Invalid input: expected object, received array"),
    (RESET, {}, "[body.newPassword] Invalid input: expected string, received undefined"),
    (RESET, {"newPassword": 5}, "[body.newPassword] Invalid input: expected string, received number"),
    (RESET, {"newPassword": NEW, "token": None}, "[body.token] Invalid input: expected string, received null"),
    (RESET, {"newPassword": NEW, "token": 5}, "[body.token] Invalid input: expected string, received number"),
    (f"{RESET}?token=a&token=b", {"newPassword": NEW}, "[query.token] Invalid input: expected string, received array"),
]

LED_TO = [
    ("/reset", f"{BASE_URL}/reset?%s"),
    ("/reset?a=1&b=ü#there", f"{BASE_URL}/reset?a=1&b=%%C3%%BC&%s#there"),
    ("/reset?token=old&error=old", None),
    (f"{BASE_URL}/x y", f"{BASE_URL}/x%%20y?%s"),
    ("/../a/./b", f"{BASE_URL}/a/b?%s"),
    ("https://front.test/reset", "https://front.test/reset?%s"),
]

ELSEWHERE = [
    "https://evil.test/",
    "//evil.test/",
    "/\\evil.test",
    "\\\\evil.test",
    "https:evil.test",
    "javascript:alert(1)",
    "data:text/html,x",
    f"{BASE_URL}@evil.test/",
    f"{BASE_URL}.evil.test/",
    "reset",
    "/%2f%2fevil.test",
    "/\t/evil.test",
    " https://evil.test",
]


@pytest.fixture
def mailbox():
    return Mailbox()


@pytest.fixture
def make(make_auth, mailbox):
    def make(**options):
        options.setdefault("base_url", BASE_URL)
        return make_auth(mail=mailbox.options, trusted_origins=("https://front.test",), **options)

    return make


@pytest.fixture
async def quick(make):
    """An Auth that sends letters, in memory, with Ada signed up."""
    auth = make()
    async with browser(auth.wrap(whoami)) as client:
        await sign_up(client)
    return auth


@pytest.fixture
async def sent(quick, guest, mailbox):
    """The letter that Ada has just been sent."""
    await guest.post(REQUEST, json={"email": ADA["email"], "redirectTo": "/reset"})
    return await mailbox.link(quick)


async def test_the_answer_is_the_same_whether_or_not_anybody_has_the_address(quick, guest, mailbox):
    answers = []
    for email in (ADA["email"], "ADA@example.com", "nobody@example.com"):
        response = await guest.post(REQUEST, json={"email": email})
        answers.append((response.status_code, response.json(), sorted(response.headers)))
    assert answers[0][:2] == (200, SENT)
    assert answers[0] == answers[1] == answers[2]
    assert [letter.to for letter in await mailbox.arrived(quick)] == [ADA["email"]] * 2


@pytest.mark.every_storage
async def test_the_whole_way_from_the_letter_to_the_new_password(make, mailbox, database_url):
    auth = make(database=database_url)
    async with browser(auth.wrap(whoami)) as client:
        await sign_up(client)
        client.cookies.clear()
        assert (await client.post(REQUEST, json={"email": ADA["email"], "redirectTo": "/reset"})).json() == SENT
        letter = await mailbox.link(auth)
        followed = await client.get(letter.url)
        assert (followed.status_code, followed.content) == (302, b"")
        assert followed.headers["location"] == f"{BASE_URL}/reset?token={letter.token}"
        done = await client.post(RESET, json={"newPassword": NEW, "token": letter.token})
        assert (done.status_code, done.json()) == (200, {"status": True})
        assert "set-cookie" not in done.headers
        again = await client.post(RESET, json={"newPassword": NEW, "token": letter.token})
        assert (again.status_code, again.json()) == (400, INVALID_TOKEN)
        after = await client.get(letter.url)
        assert after.headers["location"] == f"{BASE_URL}/reset?error=INVALID_TOKEN"
        for password, status in [(PASSWORD, 401), (NEW, 200)]:
            signed_in = await client.post("/api/auth/sign-in/email", json={**ADA, "password": password})
            assert signed_in.status_code == status


@pytest.mark.parametrize(("path", "body", "message"), COMPLAINTS)
async def test_what_does_not_fit_is_named(guest, path, body, message):
    response = await guest.post(path, json=body)
    assert (response.status_code, response.json()) == (400, {"message": message, "code": "VALIDATION_ERROR"})


async def test_without_anybody_who_sends_letters_the_way_is_closed_after_the_body_is_checked(make_auth):
    async with browser(make_auth().wrap(whoami)) as client:
        closed = await client.post(REQUEST, json={"email": "nobody@example.com"})
        assert closed.status_code == 400
        assert closed.json() == {"message": "Reset password isn't enabled", "code": "RESET_PASSWORD_DISABLED"}
        assert (await client.post(REQUEST, json={"email": "bad"})).json()["code"] == "VALIDATION_ERROR"


@pytest.mark.parametrize("path", ["/forget-password", "/set-password"])
async def test_what_is_not_an_endpoint_is_not_found(guest, path):
    response = await guest.post(f"/api/auth{path}", json={"email": ADA["email"], "newPassword": NEW})
    assert (response.status_code, response.content) == (404, b"")


@pytest.mark.parametrize(("callback", "expected"), LED_TO)
async def test_a_link_leads_to_the_callback_in_full_with_the_token_beside_its_query(guest, sent, callback, expected):
    for token, added in [(sent.token, f"token={sent.token}"), (UNKNOWN, "error=INVALID_TOKEN")]:
        response = await guest.get(f"{RESET}/{token}", params={"callbackURL": callback})
        assert response.status_code == 302
        if expected is None:  # of the same name there is one
            other = "error=old" if token == sent.token else "token=old"
            led_to = response.headers["location"]
            assert sorted(led_to.removeprefix(f"{BASE_URL}/reset?").split("&")) == sorted([added, other])
        else:
            assert response.headers["location"] == expected % added


async def test_no_cache_and_no_referer_keeps_a_token(guest, sent):
    response = await guest.get(sent.url)
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["referrer-policy"] == "no-referrer"


@pytest.mark.every_storage
async def test_following_a_link_does_not_use_it_up(guest, sent):
    for _ in range(3):
        assert (await guest.get(sent.url)).headers["location"].endswith(sent.token)
    assert (await guest.post(RESET, json={"newPassword": NEW, "token": sent.token})).status_code == 200


async def test_without_a_page_to_lead_to_a_link_leads_to_the_error_page(guest, sent):
    for token in (sent.token, UNKNOWN):
        response = await guest.get(f"{RESET}/{token}?callbackURL=")
        assert response.headers["location"] == f"{BASE_URL}/api/auth/error?error=INVALID_TOKEN"
        missing = await guest.get(f"{RESET}/{token}")
        assert missing.status_code == 400
        assert missing.json()["message"] == "[query.callbackURL] Invalid input: expected string, received undefined"
        twice = await guest.get(f"{RESET}/{token}?callbackURL=/a&callbackURL=/b")
        assert twice.json()["message"] == "[query.callbackURL] Invalid input: expected string, received array"


@pytest.mark.parametrize("url", ELSEWHERE)
async def test_nobody_is_led_elsewhere(quick, guest, mailbox, sent, url):
    before = len(mailbox.letters)
    asked = await guest.post(REQUEST, json={"email": ADA["email"], "redirectTo": url})
    assert (asked.status_code, asked.json()["code"]) == (403, "INVALID_REDIRECT_URL")
    assert len(await mailbox.arrived(quick)) == before
    for token in (sent.token, UNKNOWN):
        followed = await guest.get(f"{RESET}/{token}", params={"callbackURL": url})
        assert (followed.status_code, followed.json()["code"]) == (403, "INVALID_CALLBACK_URL")
        assert "location" not in followed.headers


@pytest.mark.parametrize("url", [5, ["/x"], {"a": 1}, True])
async def test_a_page_that_is_no_text_is_refused(guest, url):
    response = await guest.post(REQUEST, json={"email": ADA["email"], "redirectTo": url})
    assert (response.status_code, response.json()) == (400, {"message": "Invalid redirectURL: expected a string"})


async def test_the_token_may_be_in_the_query_and_the_bodys_counts_first(guest, sent):
    wrong = await guest.post(f"{RESET}?token={sent.token}", json={"newPassword": NEW, "token": UNKNOWN})
    assert wrong.json() == INVALID_TOKEN
    right = await guest.post(f"{RESET}?token={sent.token}", json={"newPassword": NEW, "token": ""})
    assert right.json() == {"status": True}


async def test_the_order_of_refusals_is_shape_then_missing_token_then_password_then_token(guest, sent):
    steps = [
        ({"newPassword": 5, "token": sent.token}, "VALIDATION_ERROR"),
        ({"newPassword": "short"}, "INVALID_TOKEN"),
        ({"newPassword": "short", "token": ""}, "INVALID_TOKEN"),
        ({"newPassword": "short", "token": UNKNOWN}, "PASSWORD_TOO_SHORT"),
        ({"newPassword": "x" * 129, "token": UNKNOWN}, "PASSWORD_TOO_LONG"),
        ({"newPassword": NEW, "token": UNKNOWN}, "INVALID_TOKEN"),
        ({"newPassword": NEW, "token": "x"}, "INVALID_TOKEN"),
        ({"newPassword": "short", "token": sent.token}, "PASSWORD_TOO_SHORT"),
    ]
    for body, code in steps:
        response = await guest.post(RESET, json=body)
        assert (response.status_code, response.json()["code"]) == (400, code)
    assert (await guest.post(RESET, json={"newPassword": NEW, "token": sent.token})).status_code == 200


@pytest.mark.every_storage
async def test_the_link_of_a_user_who_is_gone_says_so(quick, guest, sent):
    await quick.services.engine.users.remove(email=ADA["email"])
    for _ in range(2):
        response = await guest.post(RESET, json={"newPassword": NEW, "token": sent.token})
        assert (response.status_code, response.json()) == (
            400,
            {"message": "User not found", "code": "USER_NOT_FOUND"},
        )
    short = await guest.post(RESET, json={"newPassword": "short", "token": sent.token})
    assert short.json()["code"] == "PASSWORD_TOO_SHORT"


@pytest.mark.every_storage
async def test_of_many_resets_with_one_token_one_counts(make, mailbox, database_url):
    auth = make(database=database_url)
    async with browser(auth.wrap(whoami)) as client:
        await sign_up(client)
        client.cookies.clear()
        await client.post(REQUEST, json={"email": ADA["email"]})
        token = (await mailbox.link(auth)).token
        bodies = [{"newPassword": f"{NEW} {number}", "token": token} for number in range(20)]
        responses = await asyncio.gather(*(client.post(RESET, json=body) for body in bodies))
        winners = [body for body, response in zip(bodies, responses, strict=True) if response.status_code == 200]
        assert sorted(response.status_code for response in responses) == [200] + [400] * 19
        signed_in = await client.post(
            "/api/auth/sign-in/email", json={"email": ADA["email"], "password": winners[0]["newPassword"]}
        )
        assert signed_in.status_code == 200


@pytest.mark.every_storage
async def test_whoever_knew_the_old_password_is_thrown_out_where_configured(make, mailbox):
    auth = make(password=PasswordOptions(revokes_sessions_on_reset=True))
    async with browser(auth.wrap(whoami)) as thief, browser(auth.wrap(whoami)) as owner:
        await sign_up(thief)
        await owner.post(REQUEST, json={"email": ADA["email"]})
        await owner.post(RESET, json={"newPassword": NEW, "token": (await mailbox.link(auth)).token})
        assert (await me(thief))["email"] is None


async def lose(auth, *tables):
    """Take tables away from under the server."""
    for table in tables:
        await auth.services.engine._executor.run_text(f'DROP TABLE "{table}"')


async def test_a_fault_of_the_database_is_nobodys_unknown_address(quick, guest, sent):
    await lose(quick, "account", "session", "user", "verification")
    for response in (
        await guest.post(REQUEST, json={"email": ADA["email"]}),
        await guest.get(sent.url),
        await guest.post(RESET, json={"newPassword": NEW, "token": sent.token}),
    ):
        assert response.status_code == 503
        assert response.headers["retry-after"]


async def test_a_link_that_cannot_be_stored_is_nobodys_failed_request(quick, guest, mailbox):
    await lose(quick, "verification")
    assert (await guest.post(REQUEST, json={"email": ADA["email"]})).json() == SENT
    assert await mailbox.arrived(quick) == []


@pytest.mark.parametrize("host", ["", "a b", "app.test:99999", "evil.test\\@app.test", "[::1"])
async def test_without_an_origin_of_ours_nobody_is_led_to_a_page_of_this_site(make_auth, host):
    async with browser(make_auth().wrap(whoami)) as client:
        path = f"{RESET}/{UNKNOWN}?callbackURL="
        relative = await client.get(f"{path}/reset", headers={"host": host})
        assert (relative.status_code, relative.json()["message"]) == (400, "Invalid Host header")
        good = await client.get(f"{path}/reset")
        assert good.headers["location"] == f"{BASE_URL}/reset?error=INVALID_TOKEN"

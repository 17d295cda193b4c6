"""The demo's page, used by a person with a browser, by another device, and by curl as the page says."""

import json
import re
import sqlite3

import httpx
import pytest

from examples.demo.app import create_app
from tests.servers.curl import run_curl
from tests.servers.devtools import DevToolsError
from tests.servers.live import serve
from tests.servers.machine import free_port

ADA = {"name": "Ada", "email": "ada@example.com", "password": "correct horse battery"}
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.5 Mobile/15E148 Safari/604.1"
)
WINDOWS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/138.0.0.0 Safari/537.36 Edg/138.0.0.0"
)
DEVICES = "[...document.querySelectorAll('.device')].map((device) => device.querySelector('strong').textContent)"
LETTERS = "[...document.querySelectorAll('.letter strong')].map((subject) => subject.textContent)"
IS_SIGNED_IN = "!document.querySelector('#home').hidden"
IS_SIGNED_OUT = "!document.querySelector('#door').hidden"


@pytest.fixture
async def demo(tmp_path):
    """The address of a running demo that nobody has used yet; its data is in ``tmp_path / ".demo"``."""
    port = free_port()
    app = create_app(tmp_path / ".demo", base_url=f"http://127.0.0.1:{port}")
    async with serve(app, port=port) as base_url:
        yield base_url


@pytest.fixture
async def phone(demo):
    """A second device, which can sign in as Ada."""
    async with _device(demo, IPHONE) as client:
        yield client


async def test_a_person_comes_all_the_way_from_signing_up_to_signing_out(demo, page):
    # the page looks again every few seconds, and in the midst of signing out it would be refused
    await page.send("Page.addScriptToEvaluateOnNewDocument", source="window.setInterval = () => 0")
    await _sign_up(page, demo)
    assert await page.text("#home-title") == "Hello, Ada"
    assert "ada@example.com" in await page.text("#who")
    assert re.fullmatch(r"Chrome on \w+\s+This device\s+127\.0\.0\.1\s+last seen just now", await page.text(".device"))
    await page.fill("#change-name [name=name]", "Ada Lovelace")
    await page.click("#change-name button")
    await page.wait_for("document.querySelector('#home-title').textContent === 'Hello, Ada Lovelace'")
    await _change_password(page, current=ADA["password"], new="another horse battery")
    assert "Your password is changed" in await _status(page)
    await page.click("#sign-out")
    await page.wait_for(IS_SIGNED_OUT)
    assert await _status(page) == "You are signed out."
    await _sign_in(page, password="another horse battery")
    await page.wait_for(IS_SIGNED_IN)
    assert await page.text("#home-title") == "Hello, Ada Lovelace"
    assert await _first_problem(page) is None


async def test_a_person_who_comes_back_is_still_signed_in(demo, page):
    await _sign_up(page, demo)
    await page.goto(demo)
    await page.wait_for(IS_SIGNED_IN)
    assert await page.text("#home-title") == "Hello, Ada"


async def test_a_wrong_password_is_told_beside_the_form(demo, page, phone):
    await phone.post("/api/auth/sign-up/email", json=ADA)
    await page.goto(demo)
    await page.wait_for(IS_SIGNED_OUT)
    await page.click("[value=sign-in]")
    await _sign_in(page, password="not her password")
    await page.wait_for("document.querySelector('#sign-in .problem').textContent")
    assert await page.text("#sign-in .problem") == "Invalid email or password"
    assert await page.evaluate("document.querySelector('#sign-in .problem').getAttribute('role')") == "alert"
    # the browser notes every 401 itself; this one also shows that such notes reach the tests
    assert "401" in await _first_problem(page)


async def test_a_wrong_current_password_changes_nothing(demo, page, phone):
    await _sign_up(page, demo)
    await _change_password(page, current="not her password", new="another horse battery")
    await page.wait_for("document.querySelector('#change-password .problem').textContent")
    assert await page.text("#change-password .problem") == "Invalid password"
    assert (await phone.post("/api/auth/sign-in/email", json=ADA)).status_code == 200


async def test_a_forgotten_password_is_replaced_by_way_of_a_letter(demo, page, phone):
    await phone.post("/api/auth/sign-up/email", json=ADA)
    await page.goto(demo)
    await page.wait_for(IS_SIGNED_OUT)
    await page.click("[value=sign-in]")
    await page.fill("#sign-in [name=email]", ADA["email"])
    await page.click("#forgot")
    await _follow_letter(page, "Choose a new password for asgi_auth demo")
    await page.fill("#reset [name=newPassword]", "another horse battery")
    await page.click("#reset button")
    await page.wait_for("document.querySelector('#reset').hidden")
    assert await _status(page) == "Your new password is set. Sign in with it."
    await _sign_in(page, password="another horse battery")
    await page.wait_for(IS_SIGNED_IN)
    assert await _first_problem(page) is None


async def test_a_link_that_was_used_says_so(demo, page, phone):
    await phone.post("/api/auth/sign-up/email", json=ADA)
    phone.headers["origin"] = demo
    await phone.post("/api/auth/request-password-reset", json={"email": ADA["email"], "redirectTo": "/"})
    await page.goto(demo)
    await page.wait_for(f"{LETTERS}.includes('Choose a new password for asgi_auth demo')")
    path = await page.evaluate("document.querySelector('#letters a').getAttribute('href')")
    token = path.split("/")[-1].split("?")[0]
    await phone.post("/api/auth/reset-password", json={"newPassword": "another horse battery", "token": token})
    await page.goto(demo + path)
    assert await _status(page) == "That link has been used, or is too old."
    assert await page.evaluate("location.search") == ""


async def test_an_address_is_verified_by_its_letter(demo, page):
    await _sign_up(page, demo)
    assert await page.text("#verified") == "not verified yet"
    await _follow_letter(page, "Confirm your address for asgi_auth demo")
    await page.wait_for("document.querySelector('#verified').textContent === 'verified'")
    assert await page.evaluate("document.querySelector('#verify-row').hidden")


async def test_an_address_is_exchanged_by_letters_to_both(demo, page):
    await _sign_up(page, demo)
    await _follow_letter(page, "Confirm your address for asgi_auth demo")
    await page.wait_for("document.querySelector('#verified').textContent === 'verified'")
    await page.fill("#change-email [name=newEmail]", "countess@example.com")
    await page.click("#change-email button")
    await _follow_letter(page, "Confirm the change of your address at asgi_auth demo")
    await page.wait_for(IS_SIGNED_IN)
    assert await page.text("#address") == ADA["email"]
    await page.wait_for("document.querySelector('#letters').textContent.includes('to countess@example.com')")
    await _follow_letter(page, "Confirm your address for asgi_auth demo")
    await page.wait_for("document.querySelector('#address').textContent === 'countess@example.com'")


async def test_an_account_is_deleted_by_its_password(demo, page, phone):
    await _sign_up(page, demo)
    await page.fill("#delete-user [name=password]", ADA["password"])
    await page.click("#delete-user button")
    await page.wait_for(IS_SIGNED_OUT)
    assert (await phone.post("/api/auth/sign-in/email", json=ADA)).status_code == 401


async def test_a_second_device_appears_by_itself_and_is_signed_out_from_the_page(demo, page, phone):
    await _sign_up(page, demo)
    await phone.post("/api/auth/sign-in/email", json=ADA)
    assert (await phone.get("/api/auth/get-session")).json()["user"]["name"] == "Ada"
    await page.wait_for(f"{DEVICES}.includes('Safari on iPhone')")
    assert await _status(page) == "Safari on iPhone has just signed in."
    await page.click("[aria-label='Sign out Safari on iPhone']")
    await page.wait_for(f"{DEVICES}.length === 1")
    assert await _status(page) == "Safari on iPhone is signed out."
    assert (await phone.get("/api/auth/get-session")).json() is None
    assert await page.evaluate(IS_SIGNED_IN)
    assert await _first_problem(page) is None


async def test_all_other_devices_are_signed_out_at_once(demo, page, phone):
    await _sign_up(page, demo)
    async with _device(demo, WINDOWS) as desktop, _device(demo, "curl/8.5.0") as curl, _device(demo, "") as unknown:
        others = [phone, desktop, curl, unknown]
        for device in others:
            await device.post("/api/auth/sign-in/email", json=ADA)
        await _look(page)
        await page.wait_for(f"{DEVICES}.length === 5")
        assert set((await page.evaluate(DEVICES))[1:]) == {
            "Safari on iPhone",
            "Edge on Windows",
            "curl",
            "An unknown device",
        }
        await page.click("#sign-out-others")
        await page.wait_for(f"{DEVICES}.length === 1")
        assert [(await device.get("/api/auth/get-session")).json() for device in others] == [None] * 4
    assert await page.evaluate("document.querySelector('#sign-out-others').hidden")


async def test_a_session_that_is_ended_elsewhere_leaves_the_page(demo, page, phone):
    await _sign_up(page, demo)
    await phone.post("/api/auth/sign-in/email", json=ADA)
    await phone.post("/api/auth/revoke-other-sessions", json={}, headers={"origin": demo})
    await _look(page)
    await page.wait_for(IS_SIGNED_OUT)
    assert await _status(page) == "You are signed out."
    assert await page.evaluate(f"{DEVICES}.length") == 0


async def test_a_name_that_is_a_script_is_shown_as_text_and_runs_nothing(demo, page, phone):
    name = "<script>window.hasRun = true</script><img src=x onerror='window.hasRun = true'>"
    await page.goto(demo)
    await _fill_in_sign_up(page, name=name)
    await page.click("#sign-up button")
    await page.wait_for(IS_SIGNED_IN)
    assert await page.text("#home-title") == f"Hello, {name}"
    phone.headers["user-agent"] = name
    await phone.post("/api/auth/sign-in/email", json=ADA)
    await _look(page)
    await page.wait_for(f"{DEVICES}.length === 2")
    assert await page.evaluate("window.hasRun === undefined && document.images.length === 0")
    assert await _first_problem(page) is None


async def test_a_session_of_yesterday_has_to_be_renewed_before_devices_are_listed(demo, page, tmp_path):
    await _sign_up(page, demo)
    with sqlite3.connect(tmp_path / ".demo" / "demo.db") as database:
        database.execute("UPDATE session SET createdAt = '2020-01-01T00:00:00.000Z'")
    database.close()
    await _look(page)
    await page.wait_for("document.querySelector('#devices-problem').textContent.includes('sign out and in again')")
    await page.click("#sign-out")
    await page.wait_for(IS_SIGNED_OUT)
    await _sign_in(page, password=ADA["password"])
    await page.wait_for(f"{DEVICES}.length === 1")
    assert await page.evaluate("document.querySelector('#devices-problem').textContent") == ""


async def test_the_commands_printed_in_the_page_work(demo, page, tmp_path):
    await page.goto(demo)
    commands = await page.evaluate("[...document.querySelectorAll('pre')].map((command) => command.textContent)")
    signed_up, signed_in, session, sessions, me, signed_out = [
        json.loads(await run_curl(command, cwd=tmp_path)) for command in commands
    ]
    assert signed_up["user"]["email"] == signed_in["user"]["email"] == session["user"]["email"] == me["email"]
    assert session["session"]["token"] == signed_in["token"]
    assert {listed["token"] for listed in sessions} == {signed_up["token"], signed_in["token"]}
    assert signed_out == {"success": True}
    assert json.loads(await run_curl(commands[2], cwd=tmp_path)) is None


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
async def test_it_works_under_both_names_of_this_machine(host, demo, page):
    await _sign_up(page, demo.replace("127.0.0.1", host))
    await page.click("#sign-out")
    await page.wait_for(IS_SIGNED_OUT)
    assert f"http://{host}:" in await page.text("#curl")


async def test_the_keyboard_is_enough(demo, page):
    await page.goto(demo)
    await page.wait_for(IS_SIGNED_OUT)
    await _press(page, "Tab")
    assert await page.evaluate("document.activeElement.value") == "sign-up"
    for text in (ADA["name"], ADA["email"], ADA["password"]):
        await _press(page, "Tab")
        await page.send("Input.insertText", text=text)
    await _press(page, "Enter")
    await page.wait_for(IS_SIGNED_IN)
    assert await page.evaluate("document.activeElement.id") == "home-title"


async def test_every_field_has_a_label_and_every_message_is_announced(demo, page):
    await page.goto(demo)
    assert await page.evaluate(
        "[...document.querySelectorAll('input:not([hidden])')].every((field) => field.labels.length === 1)"
    )
    assert await page.evaluate(
        "[...document.querySelectorAll('.problem')].every((problem) => problem.getAttribute('role') === 'alert')"
    )
    assert await page.evaluate("document.querySelector('#status').getAttribute('role')") == "status"


@pytest.mark.parametrize("width", [320, 375, 1280])
async def test_nothing_is_wider_than_the_screen(width, demo, page):
    await page.send(
        "Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=width < 500
    )
    await page.goto(demo)
    await page.wait_for(IS_SIGNED_OUT)
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    await _fill_in_sign_up(page, name="W" * 100)
    await page.click("#sign-up button")
    await page.wait_for(IS_SIGNED_IN)
    assert await page.evaluate("document.documentElement.scrollWidth") <= width


async def test_the_page_runs_its_own_script_and_no_other(demo, page):
    await page.goto(demo)
    for attack in (
        "document.body.innerHTML = '<p>'",
        "document.body.append(Object.assign(document.createElement('script'), {text: 'hasRun = 1'}))",
        f"fetch('{demo.replace('127.0.0.1', 'localhost')}/', {{mode: 'no-cors'}})",
    ):
        with pytest.raises(DevToolsError, match="TypeError"):
            await page.evaluate(attack)


def _device(base_url, user_agent):
    return httpx.AsyncClient(base_url=base_url, headers={"user-agent": user_agent})


async def _sign_up(page, base_url):
    await page.goto(base_url)
    await _fill_in_sign_up(page, name=ADA["name"])
    await page.click("#sign-up button")
    await page.wait_for(IS_SIGNED_IN)


async def _fill_in_sign_up(page, *, name):
    await page.wait_for(IS_SIGNED_OUT)
    await page.fill("#sign-up [name=name]", name)
    await page.fill("#sign-up [name=email]", ADA["email"])
    await page.fill("#sign-up [name=password]", ADA["password"])


async def _sign_in(page, *, password):
    await page.fill("#sign-in [name=email]", ADA["email"])
    await page.fill("#sign-in [name=password]", password)
    await page.click("#sign-in button")


async def _change_password(page, *, current, new):
    await page.fill("#change-password [name=currentPassword]", current)
    await page.fill("#change-password [name=newPassword]", new)
    await page.click("#change-password button")
    await page.wait_for("document.querySelector('#change-password').ariaBusy === 'false'")


async def _follow_letter(page, subject):
    """Click on the link of the newest letter, which has to be about this."""
    await page.wait_for(f"{LETTERS}[0] === '{subject}'")
    await page.click("#letters a")


async def _look(page):
    """Have the page look now, as when its tab comes to the front, rather than within seconds."""
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


async def _status(page):
    return await page.wait_for("document.querySelector('#status').textContent")


async def _press(page, key):
    code = {"Tab": 9, "Enter": 13}[key]
    text = {"text": "\r"} if key == "Enter" else {}
    await page.send("Input.dispatchKeyEvent", type="keyDown", key=key, windowsVirtualKeyCode=code, **text)
    await page.send("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)


async def _first_problem(page):
    """What the console has noted first, or None: the browser tells what it has kept as soon as it is asked."""
    kinds = ("Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled")
    notes = [page._tools.expect(kind, session=page._session) for kind in kinds]
    await page.send("Log.enable")
    await page.send("Runtime.enable")
    return next((json.dumps(note.result()) for note in notes if note.done()), None)

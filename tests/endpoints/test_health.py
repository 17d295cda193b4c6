"""GET /ok and GET /error: answers for machines, and one page for people."""

from html.parser import HTMLParser

import pytest

from asgi_auth import Auth, AuthConfig
from tests.support import SECRET, browser, whoami

PATH = "/api/auth/error"

CODES = [
    ("state_mismatch", "state_mismatch"),
    ("it's-Fine_1", "it's-Fine_1"),
    ("", "UNKNOWN"),
    ("two words", "UNKNOWN"),
    ("a\nb", "UNKNOWN"),
    ("trailing\n", "UNKNOWN"),
    ("é", "UNKNOWN"),
    ("<script>alert(1)</script>", "UNKNOWN"),
]

ATTACKS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "';alert(1)//",
    "&lt;script&gt;",
    "javascript:alert(1)",
    "</style><script>alert(1)</script>",
    "\u2028<svg/onload=alert(1)>",
    "$code ${description} $$",
    "{{7*7}}",
    "\x1b[2J\u202e",
]


class Page(HTMLParser):
    """What a browser would make of a page."""

    def __init__(self, text):
        super().__init__()
        self.elements = []
        self.attributes = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append(tag)
        self.attributes.extend(attrs)

    def handle_data(self, data):
        self.text += data


ELEMENTS = ["html", "meta", "meta", "title", "style", "h1", "p", "p", "code", "p", "a"]


async def test_ok(guest):
    response = await guest.get("/api/auth/ok")
    assert (response.status_code, response.content) == (200, b'{"ok":true}')
    assert response.headers["content-type"] == "application/json"


@pytest.mark.parametrize(("given", "shown"), CODES)
async def test_the_page_shows_codes_that_look_like_codes(guest, given, shown):
    response = await guest.get(PATH, params={"error": given})

    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html"
    assert f"<code>{shown}</code>".replace("'", "&#x27;") in response.text


async def test_without_a_code_it_is_unknown(guest):
    assert "<code>UNKNOWN</code>" in (await guest.get(PATH)).text
    assert "<code>UNKNOWN</code>" in (await guest.get(f"{PATH}?error=a&error=b")).text


@pytest.mark.parametrize("attack", ATTACKS)
async def test_nothing_in_the_query_becomes_a_part_of_the_page(guest, attack):
    response = await guest.get(PATH, params={"error": attack, "error_description": attack})

    assert response.status_code == 200
    page = Page(response.text)
    assert page.elements == ELEMENTS
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert [value for name, value in page.attributes if name == "href"] == ["/"]
    assert attack in page.text


async def test_the_page_may_load_and_run_nothing(guest):
    headers = (await guest.get(PATH)).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "script-src" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


async def test_a_long_description_is_cut(guest):
    response = await guest.get(PATH, params={"error_description": "x" * 5000})
    assert response.text.count("x" * 500) == 1
    assert "x" * 501 not in response.text


TARGETS = [
    ("/oops", "error=a_b", "/oops?error=a_b"),
    ("/oops?x=1", "error=a_b&error_description=no way", "/oops?x=1&error=a_b&error_description=no+way"),
    ("https://x.test/e#part", "error=a_b", "https://x.test/e?error=a_b#part"),
    ("/oops", "error=<x>&error_description=a%0d%0aX: y", "/oops?error=UNKNOWN&error_description=a%0D%0AX%3A+y"),
    ("/öps", "", "/%C3%B6ps?error=UNKNOWN"),
]


@pytest.mark.parametrize(("target", "query", "location"), TARGETS)
async def test_an_application_can_have_its_own_page(make_auth, target, query, location):
    async with browser(make_auth(error_url=target).wrap(whoami)) as client:
        response = await client.get(f"{PATH}?{query}")
    assert (response.status_code, response.content) == (302, b"")
    assert response.headers["location"] == location


async def test_in_production_browsers_are_sent_to_the_start_page(tmp_path):
    config = AuthConfig.production(
        base_url="https://app.test", secret=SECRET, database=f"sqlite:///{tmp_path / 'never-opened'}"
    )
    async with browser(Auth(config).wrap(whoami)) as client:
        response = await client.get(f"{PATH}?error=x")
    assert (response.status_code, response.headers["location"]) == (302, "/?error=x")


async def test_neither_needs_a_database(make_auth):
    auth = make_auth(database="postgresql://nobody:pass@127.0.0.1:1/none")
    async with browser(auth.wrap(whoami)) as client:
        assert (await client.get("/api/auth/ok")).status_code == 200
        assert (await client.get(PATH)).status_code == 200

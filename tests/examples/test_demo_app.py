"""What the demo sends beside what its page shows: headers, and nothing from elsewhere."""

import re

from examples.demo.app import PAGE, create_app
from tests.support import BASE_URL


async def test_what_is_personal_is_never_stored_by_caches(visit, tmp_path, ada):
    async with visit(create_app(tmp_path / ".demo", base_url=BASE_URL)) as client:
        signed_up = await client.post("/api/auth/sign-up/email", json=ada)
        answers = [await client.get(path) for path in ("/api/auth/get-session", "/api/auth/list-sessions", "/me")]
    assert {answer.status_code for answer in (signed_up, *answers)} == {200}
    assert {answer.headers["cache-control"] for answer in (signed_up, *answers)} == {"no-store"}


async def test_the_page_comes_with_a_strict_policy(visit, tmp_path):
    async with visit(create_app(tmp_path / ".demo", base_url=BASE_URL)) as client:
        headers = (await client.get("/")).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"


async def test_its_cookie_leaves_those_of_other_programs_on_this_machine_alone(visit, tmp_path, ada):
    async with visit(create_app(tmp_path / ".demo", base_url=BASE_URL)) as client:
        await client.post("/api/auth/sign-up/email", json=ada)
        assert list(client.cookies) == ["asgi-auth-demo.session_token"]


def test_the_page_is_one_file_that_loads_nothing_from_elsewhere():
    html = PAGE.read_text()
    named = set(re.findall(r"https?://[^\s'\"/<)]+", html))
    assert named == {"http://127.0.0.1:8000", "http://www.w3.org"}  # the latter only names SVG
    assert not re.search(r"\bsrc=|@import|innerHTML|insertAdjacentHTML|document\.write", html)

"""The reference page shows the endpoints, and asks nobody else for anything."""

from __future__ import annotations

import hashlib
import re

import pytest

from asgi_auth import Auth, AuthConfig
from tests.servers.live import serve
from tests.support import browser, whoami

# swagger-ui-dist 5.35.0, as its package has them
ASSETS = {
    "swagger-ui-bundle.js": "e6a898692f2d768e807c3ba4626068a69a2c5dd960dd6c76f3e4d3a3de180af2",
    "swagger-ui.css": "5ed08757e53da3e026d6cbecc61fe5d43585c9560b302d534ad56692519a273d",
}


async def test_the_page_names_no_other_place(guest):
    response = await guest.get("/api/auth/reference")
    assert (response.status_code, response.headers["content-type"]) == (200, "text/html")
    assert not re.search(r"(https?:)?//", response.text)
    policy = response.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self' 'sha256-")
    assert "frame-ancestors 'none'" in policy
    assert "http" not in policy


async def test_the_page_shows_the_services_name_as_text(make_auth):
    auth = make_auth(app_name="<script>alert(1)</script>")
    async with browser(auth.wrap(whoami)) as client:
        page = (await client.get("/api/auth/reference")).text
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page


@pytest.mark.parametrize("name", ASSETS)
async def test_the_pages_parts_are_the_pinned_ones(guest, name):
    response = await guest.get(f"/api/auth/reference/{name}")
    assert response.headers["content-type"].startswith("text/")
    assert response.headers["x-content-type-options"] == "nosniff"
    assert hashlib.sha256(response.content).hexdigest() == ASSETS[name]


async def test_a_browser_shows_the_endpoints(page, sqlite_url):
    auth = Auth(AuthConfig.development(secret="a secret for the reference page, 40 chars", database=sqlite_url))
    async with serve(auth.wrap(whoami)) as base_url:
        await page.goto(f"{base_url}/api/auth/reference")
        await page.wait_for("document.querySelectorAll('.opblock').length > 10")
        shown = await page.text("#reference")
        assert "/sign-in/email" in shown
        assert "Let a user in" in shown

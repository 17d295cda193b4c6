"""The origin check holds wherever it stands: in front of the middleware that identifies as well as behind it."""

import pytest

from asgi_auth import BearerMiddleware, CSRFMiddleware, SessionMiddleware
from tests.support import browser, whoami

EVIL = {"origin": "https://evil.test", "sec-fetch-site": "cross-site"}


@pytest.fixture
def in_front(quick):
    return CSRFMiddleware(BearerMiddleware(SessionMiddleware(whoami, quick.services), quick.services), quick.services)


async def test_a_foreign_page_cannot_use_the_cookie(in_front, ada):
    async with browser(in_front, origin=None) as client:
        refused = await client.post("/", headers=[ada.cookie, *EVIL.items()])
    assert (refused.status_code, refused.json()["code"]) == (403, "INVALID_ORIGIN")


async def test_the_own_page_can(in_front, ada):
    async with browser(in_front) as client:
        assert (await client.post("/", headers=[ada.cookie])).json()["credential"] == "session"


async def test_an_explicit_credential_needs_no_origin(in_front, ada):
    async with browser(in_front, origin=None) as client:
        answer = await client.post("/", headers=[ada.cookie, ada.bearer, *EVIL.items()])
    assert answer.json()["credential"] == "bearer"


@pytest.mark.parametrize("value", ["Basic YWRhOnNlY3JldA==", "Digest username=ada", "Negotiate YWRh", ""])
async def test_what_browsers_add_by_themselves_is_no_explicit_credential(in_front, ada, value):
    async with browser(in_front, origin=None) as client:
        refused = await client.post("/", headers=[ada.cookie, ("authorization", value), *EVIL.items()])
    assert (refused.status_code, refused.json()["code"]) == (403, "INVALID_ORIGIN")


async def test_a_forged_cookie_is_nobodys_and_nothing_to_protect(in_front):
    async with browser(in_front, origin=None) as client:
        answer = await client.post("/", headers={**EVIL, "cookie": "better-auth.session_token=forged.signature"})
    assert answer.json()["subject"] is None

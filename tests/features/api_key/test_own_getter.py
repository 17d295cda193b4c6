"""A key that the application's own getter finds may sit where another site's page puts it: its Origin is looked at."""

from __future__ import annotations

import pytest

from asgi_auth import Protect
from asgi_auth.asgi.cookies import find_cookie
from asgi_auth.features.api_key import ApiKeyOptions, ApiKeys
from tests.endpoints.wire import exchange, http, websocket
from tests.features.api_key.rows import add_key, tell
from tests.features.jwt.asking import Seen
from tests.middleware.people import welcome

EVIL = ("origin", "https://evil.test")
OWN = ("origin", "http://app.test")


def got(scope):
    return find_cookie(scope, "key") or scope["query_string"].decode().partition("key=")[2] or None


@pytest.fixture
def auth(make_auth):
    return make_auth(features=[ApiKeys(ApiKeyOptions(getter=got))])


async def post(app, *headers, key=""):
    answer = await exchange(app, http(method="POST", headers=list(headers), query_string=f"key={key}".encode()))
    return answer.status, answer.json().get("code")


async def test_a_foreign_page_s_key_in_the_url_does_not_carry_a_cookie_past_the_check(auth):
    ada, mallory = await welcome(auth), await welcome(auth, "mallory@example.com")
    key = await add_key(auth, mallory.user.id)
    app = auth.wrap(tell)
    assert await post(app, ada.cookie, EVIL, key=key.text) == (403, "INVALID_ORIGIN")
    assert await post(app, ada.cookie, OWN, key=key.text) == (200, None)


async def test_a_key_in_a_cookie_is_of_no_use_to_a_foreign_page(auth):
    key = await add_key(auth, (await welcome(auth)).user.id)
    app = auth.wrap(Protect(tell))
    assert await post(app, ("cookie", f"key={key.text}"), EVIL) == (403, "INVALID_ORIGIN")
    assert await post(app, ("cookie", f"key={key.text}"), OWN) == (200, None)


async def test_without_a_cookie_no_browser_is_involved(auth):
    key = await add_key(auth, (await welcome(auth)).user.id)
    assert await post(auth.wrap(Protect(tell)), key=key.text) == (200, None)


async def test_a_foreign_page_s_handshake_is_refused_where_a_cookie_holds_the_key(auth):
    key = await add_key(auth, (await welcome(auth)).user.id)
    seen = Seen()
    for origin in (EVIL, OWN):
        await exchange(auth.wrap(seen), websocket(headers=[("cookie", f"key={key.text}"), origin]))
    assert [context.is_authenticated for context in seen.contexts] == [False, True]
    await exchange(auth.wrap(seen), websocket(query_string=f"key={key.text}".encode()))
    assert seen.last.is_authenticated

"""WebSocket handshakes are identified as requests are, by each kind; only the cookie needs a trusted Origin."""

from __future__ import annotations

import pytest

from asgi_auth import SessionMiddleware
from asgi_auth.features.api_key import ApiKeyMiddleware, ApiKeys
from asgi_auth.features.jwt import Jwt, JWTMiddleware
from tests.endpoints.wire import exchange, websocket
from tests.features.api_key.rows import add_key
from tests.features.jwt.asking import Seen, bearer, newcomer
from tests.support import BASE_URL, whoami

EVIL = ("origin", "https://evil.test")


@pytest.fixture
def auth(make_auth):
    return make_auth(base_url=BASE_URL, features=[Jwt(), ApiKeys()])


@pytest.fixture
async def ada(auth):
    """What Ada may send, by its kind."""
    person, token = await newcomer(auth)
    key = await add_key(auth, person.user.id)
    return {
        "session": person.cookie,
        "bearer": person.bearer,
        "jwt": bearer(token),
        "api_key": ("x-api-key", key.text),
        "refused key": ("x-api-key", "a" * 64),
    }


async def shake(auth, *headers):
    """The kind that decided, all that were accepted, and the code of a refusal."""
    seen = Seen()
    await exchange(auth.wrap(seen), websocket(headers=list(headers)))
    context = seen.last
    return context.credential, set(context.credentials), context.error and context.error.code


@pytest.mark.parametrize("kind", ["bearer", "jwt", "api_key"])
async def test_what_no_foreign_page_can_add_needs_no_origin(auth, ada, kind):
    for origin in ([], [EVIL]):
        for _ in range(2):
            assert await shake(auth, ada[kind], *origin) == (kind, {kind}, None)
            assert await shake(auth, ada[kind], ada["session"], *origin) == (kind, {kind}, None)
        assert await shake(auth, ada[kind], ada["session"], ("origin", BASE_URL)) == (kind, {kind, "session"}, None)


async def test_a_refused_key_is_not_made_good_by_anything_beside_it(auth, ada):
    answer = await shake(auth, ada["refused key"], ada["jwt"], ada["session"], ("origin", BASE_URL))
    assert answer == ("api_key", {"jwt", "session"}, "INVALID_API_KEY")


@pytest.mark.parametrize("kind", ["session", "jwt", "api_key"])
async def test_a_required_kind_is_asked_of_handshakes(auth, ada, kind):
    made = {"session": SessionMiddleware, "jwt": JWTMiddleware, "api_key": ApiKeyMiddleware}[kind]
    app = made(whoami, auth.services, required=True)
    greeted = await exchange(app, websocket(headers=[ada[kind], ("origin", BASE_URL)]))
    refused = await exchange(app, websocket(headers=[ada["bearer"], ("origin", BASE_URL)]))
    assert greeted.types[0] == "websocket.accept"
    assert refused.types == ["websocket.close"]

"""Four middlewares composed by hand, in every order: the same credential decides, and what cannot be judged is 503."""

from __future__ import annotations

from itertools import permutations, product

import pytest

from asgi_auth import BearerMiddleware, SessionMiddleware
from asgi_auth.features.api_key import ApiKeyMiddleware, ApiKeys
from asgi_auth.features.jwt import Jwt, JWTMiddleware
from tests.features.api_key.rows import new_key, tell
from tests.support import ADA, BASE_URL, browser

ORDERS = list(permutations((SessionMiddleware, BearerMiddleware, JWTMiddleware, ApiKeyMiddleware)))


@pytest.fixture
def auth(make_auth):
    return make_auth(features=[ApiKeys(), Jwt()], base_url=BASE_URL)


@pytest.fixture
async def key(auth):
    return await new_key(auth)


@pytest.fixture
async def others(auth, key):
    """What else a request may hold, good and bad."""
    async with browser(auth.wrap(tell)) as client:
        token = (await client.post("/api/auth/sign-in/email", json=ADA)).json()["token"]
        jwt = (await client.get("/api/auth/token")).json()["token"]
        cookies = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    bearers = [{"authorization": f"Bearer {value}"} for value in (token, jwt, "bad", "a.b.c")]
    return [cookie | bearer for cookie, bearer in product(({}, {"cookie": cookies}), ({}, *bearers))]


def composed(auth, order):
    app = tell
    for middleware in order:
        app = middleware(app, auth.services)
    return app, auth.wrap(app)


@pytest.mark.parametrize("order", ORDERS)
async def test_a_key_decides_whatever_stands_beside_it(auth, key, others, order):
    for app in composed(auth, order):
        async with browser(app) as client:
            for beside in others * 2:  # judged, and known
                good = (await client.get("/", headers=beside | {"x-api-key": key.text})).json()
                assert (good["credential"], good["key"], good["error"]) == ("api_key", key.id, None)
                bad = (await client.get("/", headers=beside | {"x-api-key": "x" * 64})).json()
                assert (bad["credential"], bad["subject"], bad["error"]) == ("api_key", None, "INVALID_API_KEY")


@pytest.mark.parametrize("order", ORDERS)
async def test_a_key_that_cannot_be_judged_is_503(auth, key, others, order):
    await auth.services.engine._executor.run_text("ALTER TABLE apikey RENAME TO gone")
    for app in composed(auth, order):
        async with browser(app) as client:
            for beside in others:
                answer = await client.get("/", headers=beside | {"x-api-key": key.text})
                assert (answer.status_code, "retry-after" in answer.headers) == (503, True)
                assert "set-cookie" not in answer.headers

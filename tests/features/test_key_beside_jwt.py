"""A JWT beside an API key, which decides: what one middleware has refused of the two no other accepts."""

from __future__ import annotations

from itertools import permutations

import pytest

from asgi_auth import Protect
from asgi_auth.features.api_key import ApiKeyMiddleware, ApiKeys
from asgi_auth.features.jwt import Jwt, JWTMiddleware
from asgi_auth.guards import all_of, require_api_key, require_jwt
from tests.features.api_key.rows import add_key
from tests.features.jwt.asking import ask, bearer, newcomer
from tests.support import BASE_URL, whoami

MIDDLEWARES = {
    "key": ApiKeyMiddleware,
    "strict": lambda app, services: JWTMiddleware(app, services, check_session=True),
    "loose": lambda app, services: JWTMiddleware(app, services, check_session=False),
}


@pytest.mark.parametrize("order", list(permutations(MIDDLEWARES)), ids="-".join)
async def test_a_jwt_that_one_has_refused_no_other_accepts_whatever_the_order(make_auth, order):
    auth = make_auth(features=[Jwt(), ApiKeys()], base_url=BASE_URL)
    ada, token = await newcomer(auth)
    key = await add_key(auth, ada.user.id)
    app = Protect(whoami, all_of(require_api_key(), require_jwt()))
    for name in reversed(order):
        app = MIDDLEWARES[name](app, auth.services)
    both = [bearer(token), ("x-api-key", key.text)]
    assert [(await ask(app, *both)).status for _ in range(2)] == [200, 200]
    await auth.services.sessions.revoke_session(ada.session.id)
    assert [(await ask(app, *both)).status for _ in range(2)] == [401, 401]

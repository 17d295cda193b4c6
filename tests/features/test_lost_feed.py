"""When nobody tells of changes any more, nothing that is remembered is believed, but for other issuers' tokens."""

from __future__ import annotations

from time import monotonic

import pytest

from asgi_auth.features.api_key import ApiKeys
from asgi_auth.features.jwt import Jwt, JWTMiddleware, JwtOptions
from tests.features.api_key.rows import add_key
from tests.features.jwt.asking import ask, bearer, declared, newcomer
from tests.servers.issuer import running_issuer
from tests.support import BASE_URL, eventually, whoami

OURS = {"session", "bearer", "jwt", "checked jwt", "api key"}


@pytest.fixture
async def issuer(clock):
    async with running_issuer(clock) as server:
        yield server


@pytest.fixture
def auth(make_auth, database_url, issuer):
    jwt = Jwt(JwtOptions(issuers=(declared(issuer),)))
    return make_auth(database=database_url, base_url=BASE_URL, features=[jwt, ApiKeys()])


@pytest.fixture
async def offers(auth, issuer):
    """What may be sent, and the application that it is sent to."""
    ada, token = await newcomer(auth)
    key = await add_key(auth, ada.user.id)
    wrapped, checking = auth.wrap(whoami), JWTMiddleware(whoami, auth.services, check_session=True)
    return {
        "session": (wrapped, ada.cookie),
        "bearer": (wrapped, ada.bearer),
        "jwt": (wrapped, bearer(token)),
        "checked jwt": (checking, bearer(token)),
        "api key": (wrapped, ("x-api-key", key.text)),
        "another issuer's": (wrapped, bearer(issuer.token())),
    }


async def statuses(offers):
    return {name: (await ask(*offer)).status for name, offer in offers.items()}


async def asking(auth, offers):
    """Those that are good, and cost a look in the database."""
    costly = set()
    for name, offer in offers.items():
        with auth.services.engine.recorded() as statements:
            assert (await ask(*offer)).json()["error"] is None
        if statements:
            costly.add(name)
    return costly


async def fall_silent(auth):
    """No feed tells anything any more; what is remembered is still there."""
    hub = auth.services.remembering.hub
    for feed in hub._feeds:
        await feed.close()
        hub.vouch(feed.name, until=monotonic())


async def test_everything_of_ours_is_looked_up_again(auth, offers):
    async def is_known():
        return not await asking(auth, offers)

    await eventually(is_known)
    await fall_silent(auth)
    for _ in range(2):
        assert await asking(auth, offers) == OURS


async def test_what_cannot_be_looked_up_is_not_judged_and_other_issuers_tokens_go_on(auth, offers):
    async def is_known():
        return not await asking(auth, offers)

    await eventually(is_known)
    await fall_silent(auth)
    for table in ("session", "apikey", "jwks"):
        await auth.services.engine._executor.run_text(f'DROP TABLE "{table}"')
    for _ in range(2):
        assert await statuses(offers) == {**dict.fromkeys(OURS, 503), "another issuer's": 200}

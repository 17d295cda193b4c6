"""Better Auth's own server writes to a file that we share, and what we remember is forgotten."""

from __future__ import annotations

import asyncio

import pytest

from tests.interop.test_shared_database import on, ours, post
from tests.servers.node import better_auth_server
from tests.support import ADA, SECRET, browser, me, whoami

PATIENCE = 60  # seconds; what is known is kept for five minutes


async def eventually(condition) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await condition():  # noqa: ASYNC110  (only requests tell)
            await asyncio.sleep(0.02)


@pytest.fixture
async def shared(tmp_path):
    """Ours, on the time of day like theirs, with tables and triggers made."""
    auth = ours(tmp_path / "shared.sqlite")
    async with auth.lifespan():
        yield auth


async def test_a_session_that_ends_there_is_not_remembered_here(shared, tmp_path):
    with better_auth_server(tmp_path / "shared.sqlite", secret=SECRET) as theirs:
        async with browser(shared.wrap(whoami)) as here, on(theirs) as there:
            assert (await post(there, "/sign-up/email", **ADA)).status_code == 200
            here.cookies = dict(there.cookies.items())

            async def is_known() -> bool:
                with shared.services.engine.recorded() as statements:
                    assert (await me(here))["email"] == ADA["email"]
                return not statements

            await eventually(is_known)
            assert (await post(there, "/update-user", name="Grace")).status_code == 200

            async def is_read_anew() -> bool:
                return (await here.get("/api/auth/get-session")).json()["user"]["name"] == "Grace"

            await eventually(is_read_anew)
            await eventually(is_known)
            assert (await post(there, "/sign-out")).status_code == 200

            async def is_unknown() -> bool:
                return (await me(here))["email"] is None

            await eventually(is_unknown)

"""Links in letters on one SQLite file with one secret: Better Auth's own server does what ours were made for."""

from __future__ import annotations

from datetime import timedelta

import httpx

from asgi_auth import Auth, AuthConfig, DeletionOptions, EmailOptions
from tests.mailbox import Mailbox
from tests.servers.node import better_auth_server
from tests.support import ADA, BASE_URL, SECRET, browser, sign_up, whoami

NEW = "countess@example.com"
THEIRS = {"user": {"changeEmail": {"enabled": True}, "deleteUser": {"enabled": True}}}


async def test_links_made_here_verify_change_and_delete_in_better_auth(tmp_path):
    database, mailbox = tmp_path / "shared.sqlite", Mailbox()
    config = AuthConfig.testing(
        secret=SECRET,
        database=f"sqlite:///{database}",
        base_url=BASE_URL,
        mail=mailbox.options,
        email=EmailOptions(allows_change=True, confirms_change=True, answers_strangers_after=timedelta()),
        deletion=DeletionOptions(is_allowed=True, is_confirmed=True),
    )
    auth = Auth(config)
    async with auth.lifespan(), browser(auth.wrap(whoami)) as here:
        await sign_up(here)
        with better_auth_server(database, secret=SECRET, options=THEIRS) as url:
            async with httpx.AsyncClient(base_url=url, cookies=dict(here.cookies.items()), timeout=60) as there:

                async def follow(path: str) -> httpx.Response:
                    """The newest letter's link, there instead of here."""
                    letter = await mailbox.link(auth)
                    return await there.get(f"/api/auth{path}", params={"token": letter.token})

                async def shown() -> tuple[str, bool]:
                    user = (await here.get("/api/auth/get-session?disableCookieCache=true")).json()["user"]
                    return user["email"], user["emailVerified"]

                await here.post("/api/auth/send-verification-email", json={"email": ADA["email"]})
                verified = await follow("/verify-email")
                assert (verified.status_code, verified.json()) == (200, {"status": True, "user": None})
                assert await shown() == (ADA["email"], True)

                await here.post("/api/auth/change-email", json={"newEmail": NEW})
                confirmed = await mailbox.link(auth)
                assert confirmed.kind == "change-email-confirmation"
                await here.get(confirmed.url)
                changed = await follow("/verify-email")
                assert changed.json()["user"]["email"] == NEW
                assert await shown() == (NEW, True)

                await here.post("/api/auth/delete-user", json={})
                deleted = await follow("/delete-user/callback")
                assert deleted.json() == {"success": True, "message": "User deleted"}
                assert (await here.get("/api/auth/get-session?disableCookieCache=true")).json() is None

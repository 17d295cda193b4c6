"""Signing out where a provider signs out too: what is asked, and where it leads."""

from __future__ import annotations

from typing import Any

import httpx

from asgi_auth import Auth
from tests.endpoints.social_trips import query_of

PATH = "/api/auth/sign-out"
DONE = {"success": True}
ALL_CLEARED = [
    f"better-auth.{name}=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax"
    for name in ("session_token", "session_data", "dont_remember")
]


async def sign_out(client: httpx.AsyncClient, **body: Any) -> dict[str, Any]:
    response = await client.post(PATH, json=body)
    assert response.status_code == 200, response.text
    return response.json()


async def sent_to(client: httpx.AsyncClient, **body: Any) -> tuple[str, dict[str, str]]:
    """Where a sign-out goes on to, and with what."""
    url = (await sign_out(client, **body))["url"]
    return url.partition("?")[0], query_of(url)


async def stored_id_token(auth: Auth) -> str:
    """The ID token that Grace came with last."""
    account = await auth.services.accounts.find_linked("corp", "grace-1")
    assert account is not None
    assert account.id_token is not None
    return account.id_token

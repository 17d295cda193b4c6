"""Other services whose accounts people sign in with, known to our server and to Better Auth's own alike."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from asgi_auth import SocialOptions
from asgi_auth.clock import utc_now
from asgi_auth.providers import GenericOAuth
from tests.servers.oidc import GRACE, OidcServer, running_oidc

ADA_AT_HOME = {
    "sub": "ada-7",
    "email": "ada@example.com",
    "email_verified": True,
    "name": "Ada at home",
    "picture": "https://example.com/ada.png",
}
SCOPES = ("openid", "email")
CALLBACK = "/api/auth/callback"

Services = dict[str, OidcServer]


@asynccontextmanager
async def running_services() -> AsyncIterator[Services]:
    """Three providers while the block lasts: corp knows Grace, home knows Ada, and closed lets nobody in.

    Corp signs people out, too.
    """
    async with AsyncExitStack() as stack:
        services = {name: await stack.enter_async_context(running_oidc(utc_now)) for name in ("corp", "home", "closed")}
        services["corp"].person = dict(GRACE)
        services["corp"].metadata["end_session_endpoint"] = services["corp"].end_session_url
        services["home"].person = dict(ADA_AT_HOME)
        services["closed"].answer_with("/authorize", _deny)
        yield services


async def _deny(request: Request) -> Response:
    """What a provider answers whose person does not agree (RFC 6749, 4.1.2.1)."""
    asked = request.query_params
    back = {"error": "access_denied", "error_description": "The person said no", "state": asked["state"]}
    return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(back)}", 302)


def our_options(services: Services, *, origin: str | None = None) -> SocialOptions:
    """The providers, as we are told of them; people come back to ``origin``, or where they left from."""
    providers = tuple(
        GenericOAuth(
            id=name,
            client_id=service.client_id,
            client_secret=service.client_secret,
            discovery_url=service.discovery_url,
            scopes=SCOPES,
            redirect_uri=origin and f"{origin}{CALLBACK}/{name}",
        )
        for name, service in services.items()
    )
    return SocialOptions(providers=providers, allows_private_addresses=True)


def their_options(services: Services, *, origin: str | None = None) -> list[dict[str, Any]]:
    """The same, as Better Auth is told of them."""
    back = {} if origin is None else {name: {"redirectURI": f"{origin}{CALLBACK}/{name}"} for name in services}
    return [
        {
            "providerId": name,
            "clientId": service.client_id,
            "clientSecret": service.client_secret,
            "discoveryUrl": service.discovery_url,
            "scopes": SCOPES,
            "pkce": True,
            **back.get(name, {}),
        }
        for name, service in services.items()
    ]

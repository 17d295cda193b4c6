"""Who asks with which token, and whom the application sees."""

from __future__ import annotations

from typing import Any

from asgi_auth import Auth, AuthContext, auth_context
from asgi_auth.asgi.types import ASGIApp, Receive, Scope, Send
from asgi_auth.features.jwt import Issuer, JWTService
from tests.endpoints.wire import Exchange, exchange, http
from tests.middleware.people import Person, welcome
from tests.servers.issuer import AUDIENCE, IssuerServer
from tests.support import whoami


class Seen:
    """An application that notes each request's context, and tells of it."""

    def __init__(self) -> None:
        self.contexts: list[AuthContext] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.contexts.append(auth_context(scope))
        await whoami(scope, receive, send)

    @property
    def last(self) -> AuthContext:
        return self.contexts[-1]


def bearer(token: str) -> tuple[str, str]:
    return ("authorization", f"Bearer {token}")


async def ask(app: ASGIApp, *headers: tuple[str, str], **more: Any) -> Exchange:
    return await exchange(app, http(headers=list(headers), **more))


async def asked(app: ASGIApp, *headers: tuple[str, str], **more: Any) -> Any:
    """What the application says of who asks."""
    answer = await ask(app, *headers, **more)
    assert answer.status == 200, answer.body
    return answer.json()


def declared(server: IssuerServer, **options: Any) -> Issuer:
    """A running issuer as it is declared in tests."""
    given = {"audience": AUDIENCE, "jwks_url": server.jwks_url, "allows_private_addresses": True} | options
    return Issuer(server.url, **given)


async def newcomer(auth: Auth, email: str = "ada@example.com") -> tuple[Person, str]:
    """Somebody who has just signed up, and a token of theirs."""
    person = await welcome(auth, email)
    return person, await token_of(auth, person)


async def token_of(auth: Auth, person: Person) -> str:
    return await auth.services.get(JWTService).get_jwt_from_session(person.session, user=person.user)

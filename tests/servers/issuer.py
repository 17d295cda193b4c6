"""Another issuer of tokens: a real server of its keys, in the event loop of the test, that a test may change.

Its discovery document and its keys are as a Better Auth server and an OpenID Connect provider have them.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from joserfc.jwk import OKPKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from asgi_auth.clock import Clock
from asgi_auth.crypto import base64url, jws
from asgi_auth.crypto.jwk import SigningKey
from tests.servers.live import serve

AUDIENCE = "https://api.example.com"
SUBJECT = "ada-1"

Handler = Callable[[Request], Awaitable[Response]]


@dataclass
class IssuerServer:
    """The running issuer.

    Attributes:
        clock: whose time its tokens are of.
        url: its ``iss``, known once it runs.
        keys: private JWKs with their ids, as published; the first one signs.
        metadata: changed in the discovery document.
        answers: by path, what to answer instead.
        requests: the paths it was asked for.
    """

    clock: Clock
    url: str = ""
    keys: list[dict[str, Any]] = field(default_factory=lambda: [new_key("first")])
    metadata: dict[str, Any] = field(default_factory=dict)
    answers: dict[str, Response | Handler] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)

    @property
    def jwks_url(self) -> str:
        return f"{self.url}/api/auth/jwks"

    def claims(self, **changes: Any) -> dict[str, Any]:
        """What its tokens say; None leaves a claim out."""
        now = int(self.clock().timestamp())
        claims = {"iat": now, "sub": SUBJECT, "exp": now + 900, "iss": self.url, "aud": AUDIENCE, **changes}
        return {name: value for name, value in claims.items() if value is not None}

    def token(self, *, key: dict[str, Any] | None = None, **changes: Any) -> str:
        """A token of these claims, signed with a key (default: the first), as Better Auth does."""
        return signed(self.claims(**changes), key or self.keys[0])

    @property
    def loads(self) -> int:
        """How often it was asked for its keys."""
        return self.requests.count("/api/auth/jwks")

    async def handle(self, request: Request) -> Response:
        path = request.url.path
        self.requests.append(path)
        answer = self.answers.get(path) or getattr(self, RIGHT.get(path, "_missing"))
        return answer if isinstance(answer, Response) else await answer(request)

    async def _jwks(self, _: Request) -> Response:
        return JSONResponse({"keys": [public(key) for key in self.keys]})

    async def _metadata(self, _: Request) -> Response:
        return JSONResponse({"issuer": self.url, "jwks_uri": self.jwks_url, **self.metadata})

    async def _missing(self, _: Request) -> Response:
        return Response(status_code=404)


RIGHT = {"/api/auth/jwks": "_jwks", "/.well-known/openid-configuration": "_metadata"}


def new_key(kid: str) -> dict[str, Any]:
    """A private Ed25519 key as a JWK."""
    return {**OKPKey.generate_key("Ed25519").as_dict(private=True), "alg": "EdDSA", "kid": kid}


def public(key: dict[str, Any]) -> dict[str, Any]:
    """A private JWK as it is published."""
    return {name: value for name, value in key.items() if name not in ("d", "p", "q", "dp", "dq", "qi")}


def signed(claims: dict[str, Any] | bytes, key: dict[str, Any]) -> str:
    """A token over any payload."""
    payload = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    return jws.sign(payload, SigningKey(key, kid=key["kid"], algorithm=key["alg"]))


def with_header(header: dict[str, Any] | bytes, claims: dict[str, Any] | bytes, key: dict[str, Any]) -> str:
    """A token of any header and any payload, rightly signed with a key."""
    parts = (part if isinstance(part, bytes) else json.dumps(part).encode() for part in (header, claims))
    text = ".".join(map(base64url.encode, parts))
    return f"{text}.{base64url.encode(SigningKey(key, kid='', algorithm=key['alg']).sign(text.encode()))}"


@asynccontextmanager
async def running_issuer(clock: Clock) -> AsyncIterator[IssuerServer]:
    """An issuer on a free port of 127.0.0.1 while the block lasts."""
    server = IssuerServer(clock=clock)
    app = Starlette(routes=[Route("/{path:path}", server.handle, methods=["GET", "POST"])])
    async with serve(app, lifespan="off", waits=False) as url:
        server.url = url
        yield server

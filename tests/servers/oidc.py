"""An OpenID Connect provider of the tests' own: strict, with a clock and people that a test may change.

It answers rightly; ``answer_with`` makes it answer wrongly. Its keys, clock and people are in this process.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
from joserfc import jwt
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from asgi_auth.clock import Clock
from tests.servers.live import serve

GRACE = {
    "sub": "grace-1",
    "email": "grace@example.com",
    "email_verified": True,
    "name": "Grace",
    "picture": "https://example.com/grace.png",
}

Handler = Callable[[Request], Awaitable[Response]]


@dataclass
class OidcServer:
    """The running provider.

    Attributes:
        clock: whose time its tokens are of.
        url: its issuer, known once it runs.
        person: who signs in: the claims of the ID token and of the user-info endpoint.
        client_id: the one it knows.
        client_secret: that client's; None for a public client.
        id_token_claims: changed in each ID token; None leaves a claim out.
        token_fields: changed in each answer of the token endpoint; None leaves a field out.
        metadata: changed in the discovery document; it names no end-session endpoint by itself.
        sign_out_redirect_uris: where it sends people back to whom it has signed out, as registered with it.
        requests: the requests it got: path, headers, form.
    """

    clock: Clock
    url: str = ""
    person: dict[str, Any] = field(default_factory=lambda: dict(GRACE))
    client_id: str = "tests"
    client_secret: str | None = "tests-secret"
    id_token_claims: dict[str, Any] = field(default_factory=dict)
    token_fields: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    sign_out_redirect_uris: set[str] = field(default_factory=set)
    requests: list[tuple[str, dict[str, str], dict[str, str]]] = field(default_factory=list)
    key: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256", {"kid": "first", "use": "sig"}))
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)
    _tokens: dict[str, dict[str, str]] = field(default_factory=dict)
    _answers: dict[str, Handler] = field(default_factory=dict)

    @property
    def discovery_url(self) -> str:
        return f"{self.url}/.well-known/openid-configuration"

    @property
    def end_session_url(self) -> str:
        return f"{self.url}/logout"

    def answer_with(self, path: str, response: Response | Handler) -> None:
        """From now on answer requests of a path with this response, or with what a function of the request gives."""

        async def always(_: Request) -> Response:
            assert isinstance(response, Response)
            return response

        self._answers[path] = always if isinstance(response, Response) else response

    def right_answer(self, path: str) -> Handler:
        """How a provider answers requests of a path."""
        return self._right_answers()[path]

    def answer_rightly(self, path: str) -> None:
        """Answer requests of a path again as a provider does."""
        del self._answers[path]

    def count(self, path: str) -> int:
        """How many requests of a path there were."""
        return sum(1 for asked, *_ in self.requests if asked == path)

    async def visit(self, authorization_url: str) -> dict[str, str]:
        """Be the person: follow the URL, agree, and return the parameters that the browser is sent back with."""
        async with httpx.AsyncClient(timeout=60) as browser:
            response = await browser.get(authorization_url)
        assert response.status_code == 302, response.text
        return dict(parse_qsl(urlsplit(response.headers["location"]).query))

    def id_token(self, *, nonce: str | None = None, key: Any = None, header: Any = None, **changes: Any) -> str:
        """A signed ID token of the person; ``changes`` as ``id_token_claims``."""
        now = int(self.clock().timestamp())
        claims = {**self.person, "iss": self.url, "aud": self.client_id, "iat": now, "exp": now + 600, "nonce": nonce}
        claims = {
            name: value for name, value in {**claims, **self.id_token_claims, **changes}.items() if value is not None
        }
        key = key or self.key
        header = {"alg": "ES256", "kid": key.kid, **(header or {})}
        header = {name: value for name, value in header.items() if value is not None}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SecurityWarning)  # a provider may use what we would not
            return jwt.encode(header, claims, key, algorithms=[header["alg"]])

    async def handle(self, request: Request) -> Response:
        form = await _form(request)
        self.requests.append((request.url.path, dict(request.headers), form))
        handler = self._answers.get(request.url.path) or self._right_answers().get(request.url.path, _missing)
        return await handler(request)

    def _right_answers(self) -> dict[str, Handler]:
        return {
            "/.well-known/openid-configuration": self._openid_configuration,
            "/jwks": self._jwks,
            "/authorize": self._authorize,
            "/token": self._token,
            "/userinfo": self._userinfo,
            "/logout": self._end_session,
        }

    async def _openid_configuration(self, _: Request) -> Response:
        return JSONResponse(
            {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "userinfo_endpoint": f"{self.url}/userinfo",
                "jwks_uri": f"{self.url}/jwks",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["ES256"],
                **self.metadata,
            }
        )

    async def _jwks(self, _: Request) -> Response:
        return JSONResponse({"keys": [self.key.as_dict(private=False)]})

    async def _authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        if asked.get("client_id") != self.client_id or asked.get("response_type") != "code":
            return JSONResponse({"error": "invalid_request"}, 400)
        code = secrets.token_urlsafe(16)
        self._codes[code] = asked
        back = {"code": code, "state": asked["state"], "iss": self.url}
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(back)}", 302)

    async def _token(self, request: Request) -> Response:
        form = await _form(request)
        if not self._knows(request, form):
            return JSONResponse({"error": "invalid_client"}, 401)
        asked = self._redeemed(form)
        if asked is None:
            return JSONResponse({"error": "invalid_grant"}, 400)
        access_token, refresh_token = secrets.token_urlsafe(16), secrets.token_urlsafe(16)
        self._tokens[access_token] = self._tokens[refresh_token] = asked
        answer = {
            "access_token": access_token,
            "refresh_token": refresh_token,
            "token_type": "Bearer",
            "expires_in": 3600,
            "scope": asked.get("scope", ""),
            "id_token": self.id_token(nonce=asked.get("nonce")) if "openid" in asked.get("scope", "") else None,
        }
        answer |= self.token_fields
        return JSONResponse({name: value for name, value in answer.items() if value is not None})

    def _knows(self, request: Request, form: dict[str, str]) -> bool:
        """Whether the client proves who it is, in one way only (RFC 6749, 2.3)."""
        basic = request.headers.get("authorization")
        if basic is not None:
            expected = base64.b64encode(f"{self.client_id}:{self.client_secret}".encode()).decode()
            return basic == f"Basic {expected}" and "client_secret" not in form
        return form.get("client_id") == self.client_id and form.get("client_secret") == self.client_secret

    def _redeemed(self, form: dict[str, str]) -> dict[str, str] | None:
        """What was asked for with a code or a refresh token, which serves once."""
        if form.get("grant_type") == "refresh_token":
            return self._tokens.pop(form.get("refresh_token", ""), None)
        asked = self._codes.pop(form.get("code", ""), None)
        if form.get("grant_type") != "authorization_code" or asked is None:
            return None
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        is_same = form.get("redirect_uri") == asked["redirect_uri"] and asked.get("code_challenge") in (None, challenge)
        return asked if is_same and ("code_verifier" in form) == ("code_challenge" in asked) else None

    async def _userinfo(self, request: Request) -> Response:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or token not in self._tokens:
            return JSONResponse({"error": "invalid_token"}, 401)
        return JSONResponse(self.person)

    async def _end_session(self, request: Request) -> Response:
        """OpenID Connect RP-Initiated Logout 1.0, 2 and 3: an ID token that has expired is as good."""
        asked = dict(request.query_params)
        claims = jwt.decode(asked["id_token_hint"], self.key).claims if "id_token_hint" in asked else {}
        if asked.get("client_id", claims.get("aud")) != self.client_id or claims.get("iss", self.url) != self.url:
            return JSONResponse({"error": "invalid_client"}, 400)
        back = asked.get("post_logout_redirect_uri")
        if back is None:
            return JSONResponse({"signed_out": claims.get("sub")})
        if back not in self.sign_out_redirect_uris:
            return JSONResponse({"error": "invalid_request"}, 400)
        state = {"state": asked["state"]} if "state" in asked else {}
        return RedirectResponse(f"{back}?{urlencode(state)}" if state else back, 302)


async def _missing(_: Request) -> Response:
    return JSONResponse({"error": "not_found"}, 404)


async def _form(request: Request) -> dict[str, str]:
    return dict(parse_qsl((await request.body()).decode()))


@asynccontextmanager
async def running_oidc(clock: Clock) -> AsyncIterator[OidcServer]:
    """A provider on a free port of 127.0.0.1 while the block lasts, in the event loop of the test."""
    server = OidcServer(clock=clock)
    app = Starlette(routes=[Route("/{path:path}", server.handle, methods=["GET", "POST"])])
    async with serve(app, lifespan="off", waits=False) as url:
        server.url = url
        yield server

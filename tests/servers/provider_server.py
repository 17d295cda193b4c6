"""A provider that is a real server, answering in the shapes that the provider documents."""

import hashlib
import secrets
import threading
import time
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Self
from urllib.parse import parse_qsl, unquote_plus, urlencode

import uvicorn
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route

from asgi_auth.providers import Provider
from tests.servers.provider_shapes import TEAM_KEY, Shape

SIGNING_KEY = RSAKey.generate_key(2048, {"kid": "k1"})
"""What every provider here signs its ID tokens with."""


def id_token(shape: Shape, *, now: float, **claims: Any) -> str:
    """An ID token of this person, issued now (in seconds), with these claims changed."""
    issued = {"aud": shape.provider.client_id, "iss": shape.issuer, "iat": int(now), "exp": int(now) + 3600}
    return jwt.encode({"alg": "RS256", "kid": "k1"}, {**issued, **shape.person, **claims}, SIGNING_KEY)


class ShapeServer:
    """A provider that lets everybody in at once: authorization, token, person and key endpoints.

    The token endpoint takes each code once, from the client that it was made for, with the redirect URI and the code
    verifier that belong to it. ``now`` is in seconds.
    """

    def __init__(self, shape: Shape, *, now: float) -> None:
        self.shape = shape
        self._now = int(now)
        self._codes: dict[str, Mapping[str, str]] = {}
        self._access_token = secrets.token_urlsafe()
        self._refresh_token = secrets.token_urlsafe()
        self.app = Starlette(
            routes=[
                Route("/authorize", self._authorize),
                Route("/token", self._token, methods=["POST"]),
                Route("/person", self._person),
                Route("/more/{name}", self._more),
                Route("/keys", self._keys),
            ]
        )

    def provider_at(self, url: str) -> Provider:
        """The provider, pointed at this server."""
        provider = self.shape.provider
        return replace(
            provider,
            authorization_url=f"{url}/authorize",
            token_url=f"{url}/token",
            user_info_url=f"{url}/person" if provider.user_info_url else None,
            jwks_url=f"{url}/keys" if provider.jwks_url else None,
            more_claims={name: f"{url}/more/{name}" for name in provider.more_claims},
        )

    async def _authorize(self, request: Request) -> Response:
        params = dict(request.query_params)
        code = secrets.token_urlsafe()
        self._codes[code] = params
        answer = urlencode({"code": code, "state": params["state"]})
        return RedirectResponse(f"{params['redirect_uri']}?{answer}", status_code=302)

    async def _token(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode()))
        if not self._is_our_app(request, form):
            return JSONResponse({"error": "invalid_client"}, status_code=401)
        if not self._is_granted(form):
            status, refusal = self.shape.refusal
            return JSONResponse(refusal, status_code=status)
        answer = {"access_token": self._access_token, "refresh_token": self._refresh_token, **self.shape.token}
        if self.shape.issuer is not None:
            answer["id_token"] = id_token(self.shape, now=self._now)
        if "application/json" not in request.headers["accept"]:
            return PlainTextResponse(urlencode(answer), media_type="application/x-www-form-urlencoded")
        return JSONResponse(answer)

    async def _person(self, request: Request) -> Response:
        return self._guarded(request, self.shape.person)

    async def _more(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in self.shape.more:
            return JSONResponse({"message": "Resource not accessible by integration"}, status_code=403)
        return self._guarded(request, self.shape.more[name])

    async def _keys(self, _: Request) -> Response:
        return JSONResponse({"keys": [SIGNING_KEY.as_dict(private=False)]})

    def _guarded(self, request: Request, answer: Any) -> Response:
        if request.headers.get("authorization") != f"Bearer {self._access_token}":
            return JSONResponse({"message": "Bad credentials"}, status_code=401)
        if not request.headers.get("user-agent"):
            return PlainTextResponse("Request forbidden by administrative rules.", status_code=403)
        return JSONResponse(answer)

    def _is_granted(self, form: Mapping[str, str]) -> bool:
        if form.get("grant_type") == "refresh_token":
            return form.get("refresh_token") == self._refresh_token
        asked = self._codes.pop(form.get("code", ""), None)
        if asked is None or form.get("grant_type") != "authorization_code":
            return False
        return asked["redirect_uri"] == form.get("redirect_uri") and _is_verifier(asked, form)

    def _is_our_app(self, request: Request, form: Mapping[str, str]) -> bool:
        provider = self.shape.provider
        if provider.client_authentication == "client_secret_basic":
            scheme, _, value = request.headers.get("authorization", "").partition(" ")
            given = b64decode(value).decode() if scheme.lower() == "basic" else ""
            # RFC 6749, 2.3.1: each part is encoded like a form
            return [unquote_plus(part) for part in given.split(":")] == [provider.client_id, provider.client_secret]
        if form.get("client_id") != provider.client_id:
            return False
        secret = form.get("client_secret", "")
        return secret == provider.client_secret if provider.client_secret else _is_signed_by_team(secret, self._now)


def _is_verifier(asked: Mapping[str, str], form: Mapping[str, str]) -> bool:
    digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
    challenge = urlsafe_b64encode(digest).rstrip(b"=").decode()
    return asked.get("code_challenge") in (None, challenge)


def _is_signed_by_team(secret: str, now: int) -> bool:
    try:
        token = jwt.decode(secret, TEAM_KEY, algorithms=["ES256"])
    except (JoseError, ValueError):
        return False
    is_timely = token.claims["iat"] <= now < token.claims["exp"] <= now + 15777000
    is_ours = {
        "iss": "TEAM123456",
        "sub": "our-app",
        "aud": "https://appleid.apple.com",
    }.items() <= token.claims.items()
    return token.header["kid"] == "KEY1234567" and is_timely and is_ours


class ProviderServers:
    """Any number of providers behind one real server, each under a path of its own."""

    def __init__(self) -> None:
        self._app = Starlette()
        config = uvicorn.Config(
            self._app, host="127.0.0.1", port=0, lifespan="off", log_level="warning", log_config=None
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    def add(self, shape: Shape, *, now: float) -> Provider:
        """A provider that answers in this shape from now on: its declaration, pointed at the server."""
        path = f"/{len(self._app.router.routes)}"
        server = ShapeServer(shape, now=now)
        self._app.router.routes.append(Mount(path, server.app))
        return server.provider_at(self._url + path)

    @property
    def _url(self) -> str:
        return f"http://127.0.0.1:{self._server.servers[0].sockets[0].getsockname()[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        deadline = time.monotonic() + 60
        while not self._server.started:
            if time.monotonic() > deadline or not self._thread.is_alive():
                raise RuntimeError("the server of the providers did not start")
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(10)

"""Starlette with asgi_auth. Run it from the root of the repository, and talk to it:

    uvicorn examples.starlette_app:app

    curl -c jar.txt http://127.0.0.1:8000/api/auth/sign-up/email -H 'Content-Type: application/json' \
        -d '{"name": "Ada", "email": "ada@example.com", "password": "correct horse battery"}'
    curl -b jar.txt http://127.0.0.1:8000/me
"""

import os
import secrets

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route, WebSocketRoute

from asgi_auth import Auth, AuthConfig, Protect, all_of, require_bearer, require_user

# For development: a secret made at each start, so that a restart signs everybody out.
SECRET = os.environ.get("ASGI_AUTH_SECRET") or secrets.token_urlsafe(32)
DATABASE = os.environ.get("ASGI_AUTH_DATABASE", "sqlite:///app.db")

auth = Auth(AuthConfig(secret=SECRET, database=DATABASE))


async def home(request):
    return JSONResponse({"hello": request.auth.user.name if request.auth.is_authenticated else "stranger"})


async def me(request):
    return JSONResponse({"email": request.auth.user.email})


async def echo(websocket):
    await websocket.accept()
    await websocket.send_text(f"Hello, {websocket.auth.user.name}")
    async for text in websocket.iter_text():
        await websocket.send_text(text)


# For programs: one of our users, by a token in the Authorization header; a browser's cookie will not do.
programs_only = all_of(require_user(), require_bearer())

site = Starlette(
    lifespan=auth.lifespan,
    routes=[
        Mount("/api/auth", auth.endpoints),
        Route("/", home),
        Route("/me", me, middleware=[Middleware(Protect)]),
        Route("/export", me, middleware=[Middleware(Protect, programs_only)]),
        WebSocketRoute("/echo", echo, middleware=[Middleware(Protect)]),
    ],
)
app = auth.wrap(site)

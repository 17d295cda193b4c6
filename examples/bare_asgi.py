"""asgi_auth without any framework. Run it from the root of the repository:

    uvicorn examples.bare_asgi:app

It takes the same requests as `starlette_app.py`. `auth.wrap` serves /api/auth, opens and closes the database,
and puts into `scope["auth"]` who is asking.
"""

import json
import os
import secrets

from asgi_auth import Auth, AuthConfig, Protect, all_of, require_bearer, require_user

# For development: a secret made at each start, so that a restart signs everybody out.
SECRET = os.environ.get("ASGI_AUTH_SECRET") or secrets.token_urlsafe(32)
DATABASE = os.environ.get("ASGI_AUTH_DATABASE", "sqlite:///app.db")

auth = Auth(AuthConfig(secret=SECRET, database=DATABASE))


async def answer(send, value, status=200):
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(value).encode()})


async def home(scope, _receive, send):
    user = scope["auth"].user
    await answer(send, {"hello": user.name if user else "stranger"})


async def me(scope, _receive, send):
    await answer(send, {"email": scope["auth"].user.email})


async def echo(scope, receive, send):
    await receive()  # websocket.connect
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": f"Hello, {scope['auth'].user.name}"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({**message, "type": "websocket.send"})


async def not_found(scope, _receive, send):
    if scope["type"] == "http":
        await answer(send, {"message": "Not found"}, status=404)
    elif scope["type"] == "websocket":
        await send({"type": "websocket.close"})


ROUTES = {
    ("http", "/"): home,
    ("http", "/me"): Protect(me),
    ("http", "/export"): Protect(me, all_of(require_user(), require_bearer())),
    ("websocket", "/echo"): Protect(echo),
}


async def site(scope, receive, send):
    route = ROUTES.get((scope["type"], scope.get("path")), not_found)
    await route(scope, receive, send)


app = auth.wrap(site)

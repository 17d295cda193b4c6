"""FastAPI with asgi_auth. Run it from the root of the repository, and open http://127.0.0.1:8000/docs:

    uvicorn examples.fastapi_app:app

It takes the same requests as `starlette_app.py`.
"""

import os
import secrets
from typing import Annotated

from fastapi import Depends, FastAPI
from fastapi.requests import HTTPConnection

from asgi_auth import Auth, AuthConfig, AuthError, Forbidden, Guard, User, all_of, require_session, require_user

# For development: a secret made at each start, so that a restart signs everybody out.
SECRET = os.environ.get("ASGI_AUTH_SECRET") or secrets.token_urlsafe(32)
DATABASE = os.environ.get("ASGI_AUTH_DATABASE", "sqlite:///app.db")

auth = Auth(AuthConfig(secret=SECRET, database=DATABASE))

site = FastAPI(lifespan=auth.lifespan)
site.add_exception_handler(AuthError, auth.answer)
app = auth.wrap(site)


class VerifiedEmail(Guard):
    """A guard of one's own: any rule about who is asking."""

    def admit(self, context):
        proof = require_user().admit(context)
        if not proof.user.email_verified:
            raise Forbidden("Verify your e-mail address first")
        return proof


def user_that_passes(guard: Guard):
    """A guard as a dependency, which gives the user to the route."""

    def check(connection: HTTPConnection) -> User:
        return guard.check(connection.scope).user

    return Depends(check)


CurrentUser = Annotated[User, user_that_passes(require_user())]
VerifiedUser = Annotated[User, user_that_passes(all_of(require_session(), VerifiedEmail()))]


@site.get("/")
async def home(connection: HTTPConnection) -> dict[str, str]:
    return {"hello": connection.auth.user.name if connection.auth.is_authenticated else "stranger"}


@site.get("/me")
async def me(user: CurrentUser) -> dict[str, str]:
    return {"email": user.email}


@site.get("/members")
async def members(user: VerifiedUser) -> dict[str, str]:
    return {"welcome": user.name}

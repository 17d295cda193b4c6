"""People with sessions, and middlewares composed by name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from asgi_auth import Auth, BearerMiddleware, CSRFMiddleware, Session, SessionMiddleware, User
from asgi_auth.asgi.types import ASGIApp
from tests.support import PASSWORD, cookie_header

MIDDLEWARES = {"session": SessionMiddleware, "bearer": BearerMiddleware, "csrf": CSRFMiddleware}


@dataclass(frozen=True)
class Person:
    """Somebody with a session, and the headers a client of theirs sends."""

    user: User
    session: Session
    cookie: tuple[str, str]
    bearer: tuple[str, str]

    @property
    def token(self) -> str:
        return self.session.token


async def welcome(auth: Auth, email: str = "ada@example.com", *, is_remembered: bool = True) -> Person:
    """Sign somebody up, without HTTP."""
    signed_up = await auth.services.passwords.sign_up(email, PASSWORD, "Somebody", is_remembered=is_remembered)
    assert signed_up.session is not None
    token = signed_up.session.token
    return Person(
        user=signed_up.user,
        session=signed_up.session,
        cookie=("cookie", cookie_header(auth, token)),
        bearer=("authorization", f"Bearer {token}"),
    )


def compose(app: ASGIApp, auth: Auth, kinds: Iterable[str]) -> ASGIApp:
    """The application behind middlewares, the last named being the innermost."""
    for kind in reversed(tuple(kinds)):
        app = MIDDLEWARES[kind](app, auth.services)
    return app


async def break_database(auth: Auth) -> None:
    """From now on no session can be looked up."""
    await auth.services.engine._executor.run_text('DROP TABLE "session"')

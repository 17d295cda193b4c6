"""Endpoints of e-mail and password."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType

from asgi_auth.endpoints.call import Call
from asgi_auth.endpoints.responses import Answer, header_url
from asgi_auth.endpoints.routing import Endpoints, post
from asgi_auth.endpoints.schema import Body, Email, NotEmpty
from asgi_auth.endpoints.user import check_image
from asgi_auth.fields import wire


class SignUp(Body, frozen=True, kw_only=True):
    """POST /sign-up/email; declared additional fields may stand beside these."""

    is_open = True

    name: str
    email: Annotated[str, Email()]
    password: Annotated[str, NotEmpty()]
    image: str | UnsetType = UNSET
    callback_url: str | UnsetType = msgspec.field(default=UNSET, name="callbackURL")
    remember_me: bool | UnsetType = UNSET


class SignIn(Body, frozen=True, kw_only=True):
    """POST /sign-in/email."""

    email: str
    password: str
    callback_url: str | UnsetType = msgspec.field(default=UNSET, name="callbackURL")
    remember_me: bool | UnsetType = UNSET


class SignOut(Body, frozen=True, kw_only=True):
    """POST /sign-out, where it has a body at all."""

    callback_url: str | UnsetType = msgspec.field(default=UNSET, name="callbackURL")
    disable_redirect: bool | UnsetType = UNSET
    state: str | UnsetType = UNSET


class ChangePassword(Body, frozen=True, kw_only=True):
    """POST /change-password."""

    new_password: str
    current_password: str
    revoke_other_sessions: bool | UnsetType = UNSET


class VerifyPassword(Body, frozen=True, kw_only=True):
    """POST /verify-password."""

    password: str


class PasswordEndpoints(Endpoints):
    """Signing up, in and out with a password, and changing it."""

    @post("/sign-up/email", takes_forms=True)
    async def sign_up(self, call: Call) -> Answer:
        """Create a user and, where configured, sign it in."""
        body = call.read(SignUp)
        call.check_form()
        given = call.given if isinstance(call.given, Mapping) else {}
        signed_up = await call.services.passwords.sign_up(
            body.email,
            body.password,
            body.name,
            given,
            image=check_image(body.image or None),
            device=call.device,
            is_remembered=body.remember_me is not False,
        )
        session = signed_up.session
        if session is not None:
            call.start_session(session, is_remembered=body.remember_me is not False)
        return Answer(body={"token": session.token if session else None, "user": wire(signed_up.user)}, is_private=True)

    @post("/sign-in/email", takes_forms=True)
    async def sign_in(self, call: Call) -> Answer:
        """Let a user in; ``callbackURL`` comes back as ``url`` for the client to follow."""
        body = call.read(SignIn)
        call.check_form()
        signed_in = await call.services.passwords.sign_in(
            body.email, body.password, device=call.device, is_remembered=body.remember_me is not False
        )
        call.start_session(signed_in.session, is_remembered=signed_in.is_remembered)
        url = body.callback_url or None
        answer: dict[str, object] = {"redirect": url is not None, "token": signed_in.session.token}
        if url is not None:
            answer["url"] = url
        answer["user"] = wire(signed_in.user)
        return Answer(body=answer, headers={} if url is None else {"location": header_url(url)}, is_private=True)

    @post("/sign-out")
    async def sign_out(self, call: Call) -> Answer:
        """End the session, if there is one; a refused bearer token leaves the cookie's alone."""
        if call.given is not UNSET:
            call.read(SignOut)
        live = await call.find_session(refreshes=False)
        if live is not None:
            await call.services.passwords.sign_out(live.session.token)
        if live is not None or not call.offers_bearer:
            call.end_session()
        return Answer(body={"success": True})

    @post("/change-password")
    async def change_password(self, call: Call) -> Answer:
        """Replace the password; with ``revokeOtherSessions`` everything ends and a new session begins."""
        body = call.read(ChangePassword)
        live = await call.session()
        if "password" in (call.web.config.session.require_fresh_for or ()):
            call.services.sessions.require_fresh(live.session)
        session = await call.services.passwords.change_password(
            live.user.id,
            body.current_password,
            body.new_password,
            revokes_sessions=body.revoke_other_sessions is True,
            device=call.device,
            is_remembered=call.is_remembered,
        )
        if session is not None:
            call.start_session(session, is_remembered=call.is_remembered)
        return Answer(body={"token": session.token if session else None, "user": wire(live.user)}, is_private=True)

    @post("/verify-password")
    async def verify_password(self, call: Call) -> Answer:
        """Ask a signed-in user for the password again."""
        body = call.read(VerifyPassword)
        live = await call.session()
        await call.services.passwords.verify_password(live.user.id, body.password)
        return Answer(body={"status": True})

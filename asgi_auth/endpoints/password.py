"""Endpoints of e-mail and password."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType

from asgi_auth.endpoints.answers import SignedInAnswer, SignedOut, Status, TokenAndUser
from asgi_auth.endpoints.call import Call
from asgi_auth.endpoints.responses import Answer, header_url
from asgi_auth.endpoints.routing import Endpoints, post
from asgi_auth.endpoints.schema import Body, Email, NotEmpty
from asgi_auth.endpoints.urls import in_full
from asgi_auth.endpoints.user import check_image
from asgi_auth.fields import wire
from asgi_auth.models import User


class SignUp(Body, frozen=True, kw_only=True):
    """POST /sign-up/email; declared additional fields may stand beside these."""

    shapes = ("object", "record")
    extends = User

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

    @post("/sign-up/email", answers=TokenAndUser, takes_forms=True)
    async def sign_up(self, call: Call, body: SignUp) -> Answer:
        """Create a user and, where configured, sign it in."""
        call.check_form()
        signed_up = await call.services.passwords.sign_up(
            body.email,
            body.password,
            body.name,
            call.record(),
            image=check_image(body.image or None),
            device=call.device,
            is_remembered=body.remember_me is not False,
            lead=call.lead(body.callback_url),
        )
        session = signed_up.session
        if session is not None:
            call.start_session(session, user=signed_up.user, is_remembered=body.remember_me is not False)
        return Answer(body={"token": session.token if session else None, "user": wire(signed_up.user)}, is_private=True)

    @post("/sign-in/email", answers=SignedInAnswer, takes_forms=True, counts_failures=True)
    async def sign_in(self, call: Call, body: SignIn) -> Answer:
        """Let a user in; ``callbackURL`` comes back as ``url`` for the client to follow."""
        call.check_form()
        signed_in = await call.services.passwords.sign_in(
            body.email,
            body.password,
            device=call.device,
            is_remembered=body.remember_me is not False,
            lead=call.lead(body.callback_url),
        )
        call.start_session(signed_in.session, user=signed_in.user, is_remembered=signed_in.is_remembered)
        url = body.callback_url or None
        answer: dict[str, object] = {"redirect": url is not None, "token": signed_in.session.token}
        if url is not None:
            answer["url"] = url
        answer["user"] = wire(signed_in.user)
        return Answer(body=answer, headers={} if url is None else {"location": header_url(url)}, is_private=True)

    @post("/sign-out", answers=SignedOut)
    async def sign_out(self, call: Call, body: SignOut | None) -> Answer:
        """End the session, if there is one, and say where to go on to end the provider's.

        A refused bearer token leaves the cookie's session alone; what stands in for a session keeps none from ending.
        """
        live, url = await call.find_stored_session(refreshes=False), None
        if live is not None and await call.services.passwords.sign_out(live.session.token):
            url = await _provider_url(call, live.user, body or SignOut())
        if live is not None or not call.offers_bearer:
            call.end_session()
        if url is None:
            return Answer(body=SignedOut(success=True))
        follows = body is None or body.disable_redirect is not True
        headers = {"location": header_url(url)} if follows else {}
        return Answer(body=SignedOut(success=True, url=url, redirect=follows), headers=headers, is_private=True)

    @post("/change-password", answers=TokenAndUser, counts_failures=True)
    async def change_password(self, call: Call, body: ChangePassword) -> Answer:
        """Replace the password; with ``revokeOtherSessions`` everything ends and a new session begins."""
        live = await call.session(is_sensitive=True)
        call.services.sessions.require_fresh_for("password", live.session)
        async with call.guess_at(live.user):
            session = await call.services.passwords.change_password(
                live.user.id,
                body.current_password,
                body.new_password,
                revokes_sessions=body.revoke_other_sessions is True,
                device=call.device,
                is_remembered=call.is_remembered,
            )
        if session is not None:
            call.start_session(session, user=live.user, is_remembered=call.is_remembered)
        return Answer(body={"token": session.token if session else None, "user": wire(live.user)}, is_private=True)

    @post("/verify-password", answers=Status, counts_failures=True)
    async def verify_password(self, call: Call, body: VerifyPassword) -> Answer:
        """Ask a signed-in user for the password again."""
        live = await call.session(is_sensitive=True)
        async with call.guess_at(live.user):
            await call.services.passwords.verify_password(live.user.id, body.password)
        return Answer(body={"status": True})


async def _provider_url(call: Call, user: User, body: SignOut) -> str | None:
    """Where to go on whoever has just signed out here; ``callbackURL`` has been found to be trusted."""
    back = in_full(call, body.callback_url) if body.callback_url else None
    return await call.services.provider_sign_out.find_url(user.id, redirect_uri=back, state=body.state or None)

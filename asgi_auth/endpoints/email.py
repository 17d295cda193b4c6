"""Endpoints of addresses: proving that one is one's own, and changing it."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType

from asgi_auth.endpoints.answers import AnswerBody, Status
from asgi_auth.endpoints.call import Call
from asgi_auth.endpoints.responses import Answer, redirect
from asgi_auth.endpoints.routing import Endpoints, get, post
from asgi_auth.endpoints.schema import Body, Email
from asgi_auth.endpoints.urls import check_url, with_query
from asgi_auth.errors import AuthError, VerificationDisabled
from asgi_auth.fields import wire
from asgi_auth.models import User
from asgi_auth.services.email import Asker, Verified
from asgi_auth.services.session import LiveSession


class SendVerificationEmail(Body, frozen=True, kw_only=True):
    """POST /send-verification-email."""

    email: Annotated[str, Email()]
    callback_url: str | UnsetType = msgspec.field(default=UNSET, name="callbackURL")


class VerifyEmail(Body, frozen=True, kw_only=True):
    """The query of GET /verify-email."""

    token: str
    callback_url: str | UnsetType = msgspec.field(default=UNSET, name="callbackURL")


class ChangeEmail(Body, frozen=True, kw_only=True):
    """POST /change-email."""

    new_email: Annotated[str, Email()]
    callback_url: str | UnsetType = msgspec.field(default=UNSET, name="callbackURL")


class VerifiedEmail(AnswerBody, frozen=True, kw_only=True):
    """It is done; ``user`` is there where the link has changed the address, else null or absent."""

    status: bool
    user: User | UnsetType | None = UNSET


class EmailEndpoints(Endpoints):
    """Letters that verify an address, the links in them, and changing it."""

    @post("/send-verification-email", answers=Status)
    async def send_verification_email(self, call: Call, body: SendVerificationEmail) -> Answer:
        """Send a letter to verify an address; strangers are answered alike, whether or not anybody has it."""
        emails = call.services.emails
        if not call.services.mails.is_enabled:
            raise VerificationDisabled
        live = await call.find_own_session()
        lead = call.lead(body.callback_url)
        if live is None:
            await emails.send_verification_email(body.email, lead=lead)
        else:
            emails.send_own_verification_email(live.user, body.email, lead=lead)
        return Answer(body={"status": True})

    @get("/verify-email", answers=VerifiedEmail)
    async def verify_email(self, call: Call, query: VerifyEmail) -> Answer:
        """Follow the link in a letter; what is wrong with it goes to ``callbackURL`` as ``error``, if that is given."""
        callback_url = query.callback_url or None
        if callback_url is not None:
            check_url(call, callback_url)
        live: LiveSession | None = None

        async def find_asker() -> Asker:
            nonlocal live
            live = await call.find_own_session(is_sensitive=True)
            user_id = live.user.id if live else None
            return Asker(user_id=user_id, device=call.device, is_remembered=call.is_remembered)

        try:
            verified = await call.services.emails.verify_email(
                query.token, find_asker=find_asker, lead=call.lead(query.callback_url)
            )
        except AuthError as error:
            if callback_url is None or error.code is None or error.status >= 500:
                raise
            return redirect(with_query(callback_url, error=error.code))
        _give_session(call, live, verified)
        return Answer(body=_body(verified), is_private=True) if callback_url is None else redirect(callback_url)

    @post("/change-email", answers=Status)
    async def change_email(self, call: Call, body: ChangeEmail) -> Answer:
        """Begin to change the user's address; an address that is taken is answered alike."""
        live = await call.session(is_sensitive=True)
        call.services.sessions.require_fresh_for("email", live.session)
        user = await call.services.emails.change_email(live.user, body.new_email, lead=call.lead(body.callback_url))
        if user is not live.user:
            call.start_session(live.session, user=user, is_remembered=call.is_remembered)
        return Answer(body={"status": True})


def _give_session(call: Call, live: LiveSession | None, verified: Verified) -> None:
    signed_in = verified.signed_in
    if signed_in is not None:
        call.start_session(signed_in.session, user=verified.user, is_remembered=signed_in.is_remembered)
    elif live is not None and verified.renews_session:
        call.start_session(live.session, user=verified.user, is_remembered=call.is_remembered)


def _body(verified: Verified) -> dict[str, object]:
    match verified.outcome:
        case "verified":
            return {"status": True, "user": None}
        case "confirmed":
            return {"status": True}
        case _:
            return {"status": True, "user": wire(verified.user)}

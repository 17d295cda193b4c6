"""Endpoints for those who have forgotten their password."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType

from asgi_auth.endpoints.answers import AnswerBody, Status
from asgi_auth.endpoints.call import Call
from asgi_auth.endpoints.responses import Answer, redirect
from asgi_auth.endpoints.routing import Endpoints, get, post
from asgi_auth.endpoints.schema import Body, Email
from asgi_auth.endpoints.urls import check_url, resolved, with_query

SENT = "If this email exists in our system, check your email for the reset link"


class RequestPasswordReset(Body, frozen=True, kw_only=True):
    """POST /request-password-reset."""

    email: Annotated[str, Email()]
    redirect_to: str | UnsetType = UNSET


class FollowResetLink(Body, frozen=True, kw_only=True):
    """The query of GET /reset-password/{token}."""

    callback_url: str = msgspec.field(name="callbackURL")


class ResetPassword(Body, frozen=True, kw_only=True):
    """POST /reset-password."""

    new_password: str
    token: str | UnsetType = UNSET


class ResetToken(Body, frozen=True, kw_only=True):
    """The query of POST /reset-password: where the token may be as well."""

    token: str | UnsetType = UNSET


class StatusAndMessage(AnswerBody, frozen=True, kw_only=True):
    """It is done, and what a person may be told."""

    status: bool
    message: str


class PasswordResetEndpoints(Endpoints):
    """A letter, the link in it, and the new password."""

    @post("/request-password-reset", answers=StatusAndMessage)
    async def request_password_reset(self, call: Call, body: RequestPasswordReset) -> Answer:
        """Send a link to choose a new password, if anybody has this address; the answer is the same."""
        await call.services.passwords.forget_password(
            body.email, redirect_to=body.redirect_to or "", base_url=call.base_url, device=call.device
        )
        return Answer(body={"status": True, "message": SENT})

    @get("/reset-password/{token}")
    async def follow_reset_link(self, call: Call, query: FollowResetLink) -> Answer:
        """Lead on to the application's page, with the token or with ``error=INVALID_TOKEN``; nothing is used up."""
        if not query.callback_url:
            return redirect(with_query(f"{call.base_url}/error", error="INVALID_TOKEN"))
        check_url(call, query.callback_url)
        token = call.path_param("token")
        if not await call.services.passwords.is_reset_token_live(token):
            return redirect(resolved(call, query.callback_url, error="INVALID_TOKEN"))
        return redirect(resolved(call, query.callback_url, token=token), is_private=True)

    @post("/reset-password", answers=Status)
    async def reset_password(self, call: Call, body: ResetPassword, query: ResetToken) -> Answer:
        """Choose a new password with the token of a letter, which works once; nobody is signed in."""
        token = body.token or query.token or ""
        await call.services.passwords.reset_password(token, body.new_password, device=call.device)
        return Answer(body={"status": True})

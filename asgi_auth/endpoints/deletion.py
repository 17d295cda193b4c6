"""Endpoints of users who delete themselves."""

from __future__ import annotations

import msgspec
from msgspec import UNSET, UnsetType

from asgi_auth.endpoints.answers import AnswerBody
from asgi_auth.endpoints.call import Call
from asgi_auth.endpoints.responses import Answer, redirect
from asgi_auth.endpoints.routing import Endpoints, get, post
from asgi_auth.endpoints.schema import Body
from asgi_auth.endpoints.urls import check_url
from asgi_auth.errors import DeletionDisabled, DeletionWithoutSession, NotFound

DELETED = "User deleted"
SENT = "Verification email sent"


class DeleteUser(Body, frozen=True, kw_only=True):
    """POST /delete-user."""

    callback_url: str | UnsetType = msgspec.field(default=UNSET, name="callbackURL")
    password: str | UnsetType = UNSET
    token: str | UnsetType = UNSET


class FollowDeletionLink(Body, frozen=True, kw_only=True):
    """The query of GET /delete-user/callback."""

    token: str
    callback_url: str | UnsetType = msgspec.field(default=UNSET, name="callbackURL")


class SuccessAndMessage(AnswerBody, frozen=True, kw_only=True):
    """What has been done."""

    success: bool
    message: str


class DeletionEndpoints(Endpoints):
    """The end of an account."""

    @post("/delete-user", answers=SuccessAndMessage, counts_failures=True)
    async def delete_user(self, call: Call, body: DeleteUser) -> Answer:
        """Delete the user who asks, or send a letter first, as configured."""
        live = await call.session(is_sensitive=True)
        try:
            async with call.guess_at(live.user):
                is_deleted = await call.services.deletions.delete_self(
                    live.user,
                    live.session,
                    password=body.password or None,
                    token=body.token or None,
                    lead=call.lead(body.callback_url),
                )
        except DeletionDisabled:
            raise NotFound from None  # without a body, as the contract has it here and not below
        if is_deleted:
            call.end_session()
        return Answer(body={"success": True, "message": DELETED if is_deleted else SENT})

    @get("/delete-user/callback", answers=SuccessAndMessage)
    async def follow_deletion_link(self, call: Call, query: FollowDeletionLink) -> Answer:
        """Delete the user whom the link was made for and who is signed in."""
        callback_url = query.callback_url or None
        if callback_url is not None:
            check_url(call, callback_url)
        call.services.deletions.require_allowed()
        live = await call.find_own_session(is_sensitive=True)
        if live is None:
            raise DeletionWithoutSession
        await call.services.deletions.redeem(live.user, query.token)
        call.end_session()
        return Answer(body={"success": True, "message": DELETED}) if callback_url is None else redirect(callback_url)

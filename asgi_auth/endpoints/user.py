"""Endpoints of the user's own record."""

from __future__ import annotations

import re

import ada_url
from msgspec import UNSET

from asgi_auth.endpoints.answers import Status
from asgi_auth.endpoints.call import Call
from asgi_auth.endpoints.responses import Answer
from asgi_auth.endpoints.routing import Endpoints, post
from asgi_auth.endpoints.schema import Body
from asgi_auth.errors import EmailCannotBeUpdated, NoFieldsToUpdate, ValidationFailed
from asgi_auth.fields import json_kind
from asgi_auth.models import User

IMAGE_DATA = re.compile(r"data:image/(?:png|jpeg|gif|webp|avif);base64,[A-Za-z0-9+/=]+")
"""Images that pages may show without running anything; SVG is not among them."""


def check_image(image: object) -> str | None:
    """A user's picture: an http(s) URL or image data; raises ValidationFailed for anything else."""
    if image is None:
        return None
    if isinstance(image, str):
        if not image or IMAGE_DATA.fullmatch(image):
            return image or None
        is_web = ada_url.check_url(image) and ada_url.URL(image).protocol in ("http:", "https:")
        if is_web:
            return image
    raise ValidationFailed("[body.image] Invalid input")


class UpdateUser(Body, frozen=True, kw_only=True):
    """POST /update-user; declared additional fields may stand beside these."""

    shapes = ("record",)
    extends = User

    name: object = UNSET
    image: object = UNSET


def _name(given: object) -> str:
    # Better Auth checks no type here, and stores a number as text.
    if isinstance(given, str):
        return given
    if isinstance(given, int | float) and not isinstance(given, bool):
        return str(given).removesuffix(".0")
    raise ValidationFailed(f"[body.name] Invalid input: expected string, received {json_kind(given)}")


class UserEndpoints(Endpoints):
    """What users change of themselves."""

    @post("/update-user", answers=Status)
    async def update_user(self, call: Call, body: UpdateUser) -> Answer:
        """Change name, image and additional fields."""
        record = call.record()
        # The session is started anew with what is read here; what stands in for one never is.
        live = await call.session(is_sensitive=not call.has_stand_in)
        if record.get("email"):
            raise EmailCannotBeUpdated
        values: dict[str, object] = {}
        if body.name is not UNSET:
            values["name"] = _name(body.name)
        if body.image is not UNSET:
            values["image"] = check_image(body.image)
        values.update(call.services.users.input_fields.for_update(record))
        if not values:
            raise NoFieldsToUpdate
        user = await call.services.users.change(live.user.id, **values)
        call.start_session(live.session, user=user, is_remembered=call.is_remembered)
        return Answer(body={"status": True})

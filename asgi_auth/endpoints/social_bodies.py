"""What clients say who want to go to a provider, and what providers send them back with.

Fields stand in the order in which Better Auth complains of them.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, UnsetType

from asgi_auth.endpoints.schema import Body, Without

ProviderId = Literal["github", "google"] | str  # noqa: PYI051  (a union, as in Better Auth: its complaint is "Invalid input")

RESERVED_PARAMS = (
    "state",
    "client_id",
    "redirect_uri",
    "response_type",
    "code_challenge",
    "code_challenge_method",
    "nonce",
    "scope",
)
"""Parameters of the provider's URL on which the safety of the flow rests."""

NO_RESERVED_PARAMS = Without(
    frozenset(RESERVED_PARAMS),
    f"additionalParams cannot include reserved OAuth parameters: {', '.join(RESERVED_PARAMS)}",
)


class PersonName(Body, frozen=True, kw_only=True):
    """A name in two parts."""

    first_name: str | UnsetType = UNSET
    last_name: str | UnsetType = UNSET


class Person(Body, frozen=True, kw_only=True):
    """What a provider's own kit tells of a person beside the ID token."""

    name: PersonName | UnsetType = UNSET
    email: str | UnsetType = UNSET


class LinkIdToken(Body, frozen=True, kw_only=True):
    """An ID token that an application got by itself, with the tokens that came beside it."""

    token: str
    nonce: str | UnsetType = UNSET
    access_token: str | UnsetType = UNSET
    refresh_token: str | UnsetType = UNSET


class SignInIdToken(LinkIdToken, frozen=True, kw_only=True):
    """The same, with what the provider's kit tells of a person; ``expiresAt`` is in milliseconds since 1970."""

    expires_at: float | UnsetType = UNSET
    user: Person | UnsetType = UNSET


class SignInSocial(Body, frozen=True, kw_only=True):
    """POST /sign-in/social."""

    callback_url: str | UnsetType = msgspec.field(default=UNSET, name="callbackURL")
    new_user_callback_url: str | UnsetType = msgspec.field(default=UNSET, name="newUserCallbackURL")
    error_callback_url: str | UnsetType = msgspec.field(default=UNSET, name="errorCallbackURL")
    provider: ProviderId
    disable_redirect: bool | UnsetType = UNSET
    id_token: SignInIdToken | UnsetType = UNSET
    scopes: list[str] | UnsetType = UNSET
    request_sign_up: bool | UnsetType = UNSET
    login_hint: str | UnsetType = UNSET
    additional_params: Annotated[dict[str, str], NO_RESERVED_PARAMS] | UnsetType = UNSET
    additional_data: dict[str, object] | UnsetType = UNSET


class LinkSocial(Body, frozen=True, kw_only=True):
    """POST /link-social."""

    callback_url: str | UnsetType = msgspec.field(default=UNSET, name="callbackURL")
    provider: ProviderId
    id_token: LinkIdToken | UnsetType = UNSET
    request_sign_up: bool | UnsetType = UNSET
    scopes: list[str] | UnsetType = UNSET
    error_callback_url: str | UnsetType = msgspec.field(default=UNSET, name="errorCallbackURL")
    disable_redirect: bool | UnsetType = UNSET
    login_hint: str | UnsetType = UNSET
    additional_params: Annotated[dict[str, str], NO_RESERVED_PARAMS] | UnsetType = UNSET
    additional_data: dict[str, object] | UnsetType = UNSET


class CallbackFields(Body, frozen=True, kw_only=True):
    """What a provider sends people back with, in the query or in a form."""

    code: str | UnsetType = UNSET
    error: str | UnsetType = UNSET
    device_id: str | UnsetType = msgspec.field(default=UNSET, name="device_id")
    error_description: str | UnsetType = msgspec.field(default=UNSET, name="error_description")
    state: str | UnsetType = UNSET
    user: str | UnsetType = UNSET
    iss: str | UnsetType = UNSET

"""What has to be remembered of somebody who is away at a provider."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar, Required, TypedDict, Unpack

import msgspec
from msgspec import structs

from asgi_auth.clock import Clock
from asgi_auth.crypto.tokens import URL_SAFE, equal, random_string
from asgi_auth.errors import InvalidToken
from asgi_auth.models import Record
from asgi_auth.services.verification import Purpose, VerificationService

STATE = Purpose(prefix="auth-state:", length=32, alphabet=URL_SAFE, lifetime=timedelta(minutes=10))

VERIFIER_LENGTH = 128
"""Characters of a PKCE verifier: the most that RFC 7636 (4.1) allows."""

NONCE_LENGTH = 32


class StateUnreadable(Exception):
    """A row holds something else than a state."""


class StateMismatch(Exception):
    """A state that is unknown, used, expired, or another browser's.

    ``error_url`` is where that person asked to be told of errors; None where nobody is known.
    """

    def __init__(self, error_url: str | None = None) -> None:
        self.error_url = error_url
        super().__init__("state mismatch")


class LinkWish(Record, frozen=True, kw_only=True):
    """Who asked for an account to be linked, and in which session."""

    secret_fields = frozenset({"encrypted_session_token"})

    user_id: str
    email: str
    encrypted_session_token: str = ""


class OAuthState(Record, frozen=True, kw_only=True):
    """One person's trip to a provider and back, as Better Auth stores it (its contract, 20, "auth-state").

    Attributes:
        callback_url: where to go with a session.
        code_verifier: PKCE's secret (RFC 7636).
        error_url: where to go without one.
        new_user_url: where new users go instead of ``callback_url``.
        link: set where an account is to be linked, not a session begun.
        expires_at: milliseconds since 1970.
        request_sign_up: the person asked for a new account.
        id_token_nonce: what the ID token has to repeat.
        oauth_state: the state itself.
        for_provider: whose answer it waits for; None in rows that a Better Auth server wrote.
        added: the client's own data, stored beside all this.
    """

    secret_fields: ClassVar[frozenset[str]] = frozenset({"code_verifier", "id_token_nonce", "oauth_state", "added"})

    callback_url: str = msgspec.field(name="callbackURL")
    code_verifier: str
    error_url: str | None = msgspec.field(default=None, name="errorURL")
    new_user_url: str | None = msgspec.field(default=None, name="newUserURL")
    link: LinkWish | None = None
    expires_at: int
    request_sign_up: bool | None = None
    id_token_nonce: str | None = None
    oauth_state: str | None = None
    for_provider: str | None = None
    added: Mapping[str, object] = msgspec.field(default_factory=dict)


OWN = frozenset(field.encode_name for field in structs.fields(OAuthState)) - {"added"}
RESERVED = OWN | {"serverContext"}
"""Keys of the stored JSON that no client may fill."""


class Wishes(TypedDict, total=False):
    """What whoever begins a trip decides; OAuthState says what each is."""

    callback_url: Required[str]
    error_url: str | None
    new_user_url: str | None
    link: LinkWish | None
    request_sign_up: bool | None


class StateService:
    """States: begun, bound to one browser by its cookie, redeemed once."""

    def __init__(self, verifications: VerificationService, *, clock: Clock) -> None:
        self._verifications = verifications
        self._clock = clock

    async def begin(
        self, *, provider_id: str, uses_nonce: bool, added: Mapping[str, object], **wishes: Unpack[Wishes]
    ) -> OAuthState:
        """Store a new state; ``added`` are the client's own data, ``wishes`` those of whoever begins."""
        state = OAuthState(
            code_verifier=random_string(VERIFIER_LENGTH),
            id_token_nonce=random_string(NONCE_LENGTH) if uses_nonce else None,
            expires_at=(self._clock() + STATE.lifetime).milliseconds,
            for_provider=provider_id,
            added={name: value for name, value in added.items() if name not in RESERVED},
            **wishes,
        )
        secret = await self._verifications.issue(
            STATE, value=lambda secret: _encoded(structs.replace(state, oauth_state=secret))
        )
        return structs.replace(state, oauth_state=secret)

    async def claim(self, secret: str, *, in_browser: list[str]) -> OAuthState:
        """Use a state up; of many callers at once, one gets it.

        ``in_browser`` are the states that the browser holds signed. A state that is not among them stays good for the
        browser that it belongs to: somebody else's link must not undo a sign-in that is under way.

        Raises StateMismatch, or StateUnreadable.
        """
        stored = await self._verifications.find(STATE, secret)
        if stored is None:
            raise StateMismatch
        state = _decoded(stored)
        is_bound = any(equal(secret, held) for held in in_browser)
        if not is_bound or not equal(state.oauth_state or secret, secret):
            raise StateMismatch(state.error_url)
        try:
            await self._verifications.redeem(STATE, secret)
        except InvalidToken:
            raise StateMismatch(state.error_url) from None
        if state.expires_at < self._clock().milliseconds:
            raise StateMismatch(state.error_url)
        return state


def _encoded(state: OAuthState) -> str:
    values = {name: value for name, value in msgspec.to_builtins(state).items() if value is not None}
    return msgspec.json.encode(values.pop("added") | values).decode()


def _decoded(stored: str) -> OAuthState:
    try:
        values = msgspec.json.decode(stored, type=dict[str, Any])
        state = msgspec.convert({name: value for name, value in values.items() if name in OWN}, OAuthState)
    except msgspec.MsgspecError:
        raise StateUnreadable from None
    return structs.replace(state, added={name: value for name, value in values.items() if name not in RESERVED})

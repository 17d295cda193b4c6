"""The tokens in links that verify an address: nothing is stored, the secret signs them, they hold until they expire."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from asgi_auth.clock import Clock
from asgi_auth.crypto.jwt_hs256 import sign_payload, verify_payload
from asgi_auth.crypto.signing import Signer
from asgi_auth.errors import InvalidVerificationToken, VerificationTokenExpired
from asgi_auth.models import User
from asgi_auth.services.email_address import is_email, normalize

ChangeStep = Literal["change-email-confirmation", "change-email-verification"]
"""Where a change of address stands: the old one agrees, then the new one proves itself."""


class EmailClaims(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What a token says, in the order of Better Auth's contract.

    Attributes:
        email: the user's address when the token was made, in lower case.
        update_to: the address it is to become; without it the token proves ``email``.
        request_type: the step of a change. A change without one comes from an older Better Auth: it is made at once.
        user_id: whom it was made for. Without it any token of another use that names an address would do.
    """

    email: str
    update_to: str | UnsetType = UNSET
    request_type: ChangeStep | UnsetType = UNSET
    user_id: str
    iat: int
    exp: int | float
    nbf: int | float = 0


class EmailTokens:
    """Makes and reads them."""

    def __init__(self, signer: Signer, *, lifetime: timedelta, clock: Clock) -> None:
        self._signer = signer
        self._seconds = int(lifetime / timedelta(seconds=1))
        self._clock = clock

    def issue(
        self,
        user: User,
        *,
        update_to: str | UnsetType = UNSET,
        request_type: ChangeStep | UnsetType = UNSET,
    ) -> str:
        """A token for a user's present address, or for its change to another."""
        now = int(self._clock().timestamp())
        claims = EmailClaims(
            email=normalize(user.email),
            update_to=update_to,
            request_type=request_type,
            user_id=user.id,
            iat=now,
            exp=now + self._seconds,
        )
        return sign_payload(msgspec.json.encode(claims), self._signer)

    def verify(self, token: str) -> EmailClaims:
        """What a token says; raises InvalidVerificationToken or VerificationTokenExpired.

        Other tokens under the same secret (the cookie cache) are refused: they lack these claims. A step of a change
        without a new address is none of ours either.
        """
        payload = verify_payload(token, self._signer)
        if payload is None:
            raise InvalidVerificationToken
        try:
            claims = msgspec.json.decode(payload, type=EmailClaims)
        except (ValueError, RecursionError):
            raise InvalidVerificationToken from None
        now = self._clock().timestamp()
        if claims.nbf > now or not _is_sound(claims):
            raise InvalidVerificationToken
        if claims.exp <= now:
            raise VerificationTokenExpired
        return claims


def _is_sound(claims: EmailClaims) -> bool:
    if isinstance(claims.update_to, str):
        return is_email(claims.update_to)
    return claims.request_type is UNSET

"""What can go wrong with tokens of ours."""

from __future__ import annotations

from asgi_auth.errors import InvalidToken


class InvalidRefreshToken(InvalidToken):
    """A refresh token is unknown, used before, expired, or its session has ended."""

    is_wrong_guess = True


class SigningKeyUnreadable(RuntimeError):
    """The stored key that signs cannot be read: no secret in use has encrypted it, or it is no key. A fault of ours.

    ``kid`` names it. Tokens that it signed go on being verified; ``rotate_keys`` makes another one.
    """

    def __init__(self, kid: str) -> None:
        self.kid = kid
        super().__init__(
            f"the signing key {kid} cannot be read: was it encrypted with a secret that is not in use? "
            "JWTService.rotate_keys() makes another"
        )

"""What every refusal and fault has: status, code, message; and one class for each kind of status."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar


class ConfigurationError(ValueError):
    """The configuration cannot work; raised while it is built or at start-up."""


class AuthError(Exception):
    """A refusal or a fault that a client is told about.

    ``status`` is the HTTP status, ``code`` the contract's constant (None where the contract sends none) and
    ``message`` its sentence. None of them ever holds a secret. ``is_bare`` answers have no body.
    ``is_wrong_guess`` errors count where a route counts failures: a secret was offered, and it was not the right one.
    ``retry_after`` is in seconds and goes into the Retry-After header (RFC 9110, 10.2.3); None where nobody can tell.
    """

    status: ClassVar[int] = 400
    is_bare: ClassVar[bool] = False
    is_wrong_guess: ClassVar[bool] = False
    code: str | None = "BAD_REQUEST"
    message: str = "Bad request"
    retry_after: int | None = None

    def __init__(self, message: str | None = None) -> None:
        if message is not None:
            self.message = message
        super().__init__(self.message)

    @property
    def body(self) -> dict[str, object]:
        """The JSON body of the answer: ``{"message", "code"}``, without ``code`` where there is none.

        Some refusals add ``details``, as their contract has them.
        """
        return {"message": self.message} if self.code is None else {"message": self.message, "code": self.code}


class InvalidRequest(AuthError):
    """The request is malformed or breaks a rule about its content."""


class NotAuthenticated(AuthError):
    """No credential, or none that was accepted."""

    status = 401
    code = "UNAUTHORIZED"
    message = "Unauthorized"


class Forbidden(AuthError):
    """The request is understood and refused."""

    status = 403
    code = "FORBIDDEN"
    message = "Forbidden"


class NotFound(AuthError):
    """No such endpoint or thing; answered with an empty body, as the contract does."""

    status = 404
    is_bare = True
    code = "NOT_FOUND"
    message = "Not found"


class Conflict(AuthError):
    """The request clashes with stored data."""

    status = 422
    code = "CONFLICT"
    message = "Conflict"


class RateLimited(AuthError):
    """Too many requests.

    ``retry_after`` goes into the X-Retry-After header as well. ``rule`` names what was broken: ``most`` requests in a
    ``window``.
    """

    status = 429
    code: str | None = None
    message = "Too many requests. Please try again later."
    retry_after: int

    def __init__(self, *, retry_after: int, rule: str, most: int, window: timedelta) -> None:
        self.retry_after = retry_after
        self.rule = rule
        self.most = most
        self.window = window
        super().__init__()


class Unavailable(AuthError):
    """A part of ours (database, hash pool) cannot answer now; says nothing about the user."""

    status = 503
    code = "SERVICE_UNAVAILABLE"
    message = "Service temporarily unavailable"
    retry_after: int

    def __init__(self, message: str | None = None, *, retry_after: int = 1) -> None:
        self.retry_after = retry_after
        super().__init__(message)


class Overloaded(Unavailable):
    """Too much work is waiting already."""

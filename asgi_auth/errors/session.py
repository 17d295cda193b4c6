"""What can go wrong with sessions and tokens."""

from __future__ import annotations

from asgi_auth.errors.base import Forbidden, NotAuthenticated


class InvalidToken(NotAuthenticated):
    """A credential was offered and refused: unknown, revoked, expired or forged (RFC 6750, 3.1).

    ``reason`` says which in fixed words, for logs and whoever sets things up; clients are not told, and it never holds
    anything of the credential. None where nobody said.
    """

    def __init__(self, message: str | None = None, *, reason: str | None = None) -> None:
        self.reason = reason
        super().__init__(message)


class SessionNotCreated(NotAuthenticated):
    """The user vanished while signing in."""

    code = "FAILED_TO_CREATE_SESSION"
    message = "Failed to create session"


class NoSession(NotAuthenticated):
    """No session, on endpoints that answer so without a body (Better Auth's contract)."""

    is_bare = True


class SessionNotFresh(Forbidden):
    """Signed in too long ago for this."""

    code = "SESSION_NOT_FRESH"
    message = "Session is not fresh"

"""Everything asgi_auth refuses or fails with, as one tree.

    AuthError                        an answer for the client: status, code, message
    ├── InvalidRequest           400  ValidationFailed, RepeatedHeader, InvalidEmail, PasswordTooShort,
    │                                 PasswordTooLong, PasswordTooCommon, MissingField, FieldNotAllowed,
    │                                 NoFieldsToUpdate, EmailCannotBeUpdated, CredentialAccountNotFound,
    │                                 InvalidPassword, SignUpDisabled, PasswordSignInDisabled
    ├── NotAuthenticated         401  InvalidToken, InvalidCredentials, SessionNotCreated
    ├── Forbidden                403  InvalidOrigin, MissingOrigin, CrossSiteNavigation, UntrustedUrl,
    │                                 EmailNotVerified, SessionNotFresh
    ├── NotFound                 404  answered with an empty body
    ├── Conflict                 422  EmailTaken, UserNotCreated, UserNotUpdated
    └── Unavailable              503  Overloaded: our fault, never a verdict on the user
    ConfigurationError               at start-up only; never sent to a client

Rooms and features add their own below these (``endpoints/errors.py``: what is wrong with a body).
``code`` and ``message`` are Better Auth's (its wire contract), so that its clients can tell the conditions apart.
"""

from __future__ import annotations

from typing import ClassVar


class ConfigurationError(ValueError):
    """The configuration cannot work; raised while it is built or at start-up."""


class AuthError(Exception):
    """A refusal or a fault that a client is told about.

    ``status`` is the HTTP status, ``code`` the contract's constant (None where the contract sends none) and
    ``message`` its sentence. None of them ever holds a secret.
    """

    status: ClassVar[int] = 400
    code: str | None = "BAD_REQUEST"
    message: str = "Bad request"

    def __init__(self, message: str | None = None) -> None:
        if message is not None:
            self.message = message
        super().__init__(self.message)

    @property
    def body(self) -> dict[str, str]:
        """The JSON body of the answer: ``{"message", "code"}``, without ``code`` where there is none."""
        return {"message": self.message} if self.code is None else {"message": self.message, "code": self.code}


class InvalidRequest(AuthError):
    """The request is malformed or breaks a rule about its content."""


class ValidationFailed(InvalidRequest):
    """A body or query that does not fit its schema; ``message`` lists the places."""

    code = "VALIDATION_ERROR"
    message = "Validation Error"


class RepeatedHeader(InvalidRequest):
    """A credential header sent more than once: which one counts would be a guess."""

    code = "REPEATED_HEADER"

    def __init__(self, name: str) -> None:
        super().__init__(f"Header sent more than once: {name}")


class InvalidEmail(InvalidRequest):
    """Not an e-mail address."""

    code = "INVALID_EMAIL"
    message = "Invalid email"


class PasswordTooShort(InvalidRequest):
    """Shorter than ``password.min_length`` (UTF-16 code units, as JavaScript counts)."""

    code = "PASSWORD_TOO_SHORT"
    message = "Password too short"


class PasswordTooLong(InvalidRequest):
    """Longer than ``password.max_length`` (UTF-16 code units, as JavaScript counts)."""

    code = "PASSWORD_TOO_LONG"
    message = "Password too long"


class PasswordTooCommon(InvalidRequest):
    """On the list of passwords that nobody may choose (OWASP ASVS 6.2.4)."""

    code = "PASSWORD_COMPROMISED"
    message = "This password is too common. Choose another one."


class MissingField(InvalidRequest):
    """A required additional field was not given."""

    code = "MISSING_FIELD"

    def __init__(self, field: str) -> None:
        super().__init__(f"{field} is required")


class FieldNotAllowed(InvalidRequest):
    """A field that clients may not set."""

    code = "FIELD_NOT_ALLOWED"

    def __init__(self, field: str) -> None:
        super().__init__(f"{field} is not allowed to be set")


class NoFieldsToUpdate(InvalidRequest):
    """An update that names no field."""

    code = None
    message = "No fields to update"


class EmailCannotBeUpdated(InvalidRequest):
    """The address changes through its own flow only."""

    code = "EMAIL_CAN_NOT_BE_UPDATED"
    message = "Email can not be updated"


class CredentialAccountNotFound(InvalidRequest):
    """The user signs in some other way and has no password."""

    code = "CREDENTIAL_ACCOUNT_NOT_FOUND"
    message = "Credential account not found"


class InvalidPassword(InvalidRequest):
    """The current password, asked of a signed-in user, is wrong."""

    code = "INVALID_PASSWORD"
    message = "Invalid password"


class SignUpDisabled(InvalidRequest):
    """Sign-up with e-mail and password is switched off."""

    code = "EMAIL_PASSWORD_SIGN_UP_DISABLED"
    message = "Email and password sign up is not enabled"


class PasswordSignInDisabled(InvalidRequest):
    """E-mail and password are switched off."""

    code = "EMAIL_PASSWORD_DISABLED"
    message = "Email and password is not enabled"


class NotAuthenticated(AuthError):
    """No credential, or none that was accepted."""

    status = 401
    code = "UNAUTHORIZED"
    message = "Unauthorized"


class InvalidToken(NotAuthenticated):
    """A credential was offered and refused: unknown, revoked, expired or forged (RFC 6750, 3.1)."""


class InvalidCredentials(NotAuthenticated):
    """Unknown address, no password, or a wrong one; which of them is not told."""

    code = "INVALID_EMAIL_OR_PASSWORD"
    message = "Invalid email or password"


class SessionNotCreated(NotAuthenticated):
    """The user vanished while signing in."""

    code = "FAILED_TO_CREATE_SESSION"
    message = "Failed to create session"


class Forbidden(AuthError):
    """The request is understood and refused."""

    status = 403
    code = "FORBIDDEN"
    message = "Forbidden"


class InvalidOrigin(Forbidden):
    """The request comes from a site that is not trusted."""

    code = "INVALID_ORIGIN"
    message = "Invalid origin"


class MissingOrigin(Forbidden):
    """A cookie came along, but not where the request comes from."""

    code = "MISSING_OR_NULL_ORIGIN"
    message = "Missing or null Origin"


class CrossSiteNavigation(Forbidden):
    """A form on a foreign page tried to sign the visitor in (login CSRF)."""

    code = "CROSS_SITE_NAVIGATION_LOGIN_BLOCKED"
    message = "Cross-site navigation login blocked. This request appears to be a CSRF attack."


class UntrustedUrl(Forbidden):
    """A URL field names a place that is not trusted."""

    def __init__(self, code: str, field: str) -> None:
        self.code = code
        super().__init__(f"Invalid {field}")


class EmailNotVerified(Forbidden):
    """The password is right, the address not yet verified."""

    code = "EMAIL_NOT_VERIFIED"
    message = "Email not verified"


class SessionNotFresh(Forbidden):
    """Signed in too long ago for this."""

    code = "SESSION_NOT_FRESH"
    message = "Session is not fresh"


class NotFound(AuthError):
    """No such endpoint or thing; answered with an empty body, as the contract does."""

    status = 404
    code = "NOT_FOUND"
    message = "Not found"


class Conflict(AuthError):
    """The request clashes with stored data."""

    status = 422
    code = "CONFLICT"
    message = "Conflict"


class EmailTaken(Conflict):
    """Another user has this address."""

    code = "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL"
    message = "User already exists. Use another email."


class UserNotCreated(Conflict):
    """The user could not be stored."""

    code = "FAILED_TO_CREATE_USER"
    message = "Failed to create user"


class UserNotUpdated(Conflict):
    """The user cannot be stored like this: another one has a value that has to be unique."""

    code = "FAILED_TO_UPDATE_USER"
    message = "Failed to update user"


class Unavailable(AuthError):
    """A part of ours (database, hash pool) cannot answer now; says nothing about the user.

    ``retry_after`` is in seconds and goes into the Retry-After header (RFC 9110, 10.2.3).
    """

    status = 503
    code = "SERVICE_UNAVAILABLE"
    message = "Service temporarily unavailable"

    def __init__(self, message: str | None = None, *, retry_after: int = 1) -> None:
        self.retry_after = retry_after
        super().__init__(message)


class Overloaded(Unavailable):
    """Too much work is waiting already."""

"""What can go wrong on the way to a verified address, a new one, or an account's end."""

from __future__ import annotations

from asgi_auth.errors.base import InvalidRequest, NotAuthenticated, NotFound


class ResetPasswordDisabled(InvalidRequest):
    """Nobody sends letters, so nobody can be sent a link to choose a new password."""

    code = "RESET_PASSWORD_DISABLED"
    message = "Reset password isn't enabled"


class InvalidResetToken(InvalidRequest):
    """The link to choose a new password is unknown, used or expired."""

    code = "INVALID_TOKEN"
    message = "Invalid token"


class ResetUserNotFound(InvalidRequest):
    """The user of a link to choose a new password is gone."""

    code = "USER_NOT_FOUND"
    message = "User not found"


class PasswordAlreadySet(InvalidRequest):
    """A user who has a password changes it; only one without can be given one."""

    code = "PASSWORD_ALREADY_SET"
    message = "User already has a password set"


class VerificationDisabled(InvalidRequest):
    """Nobody sends letters, so no address can be verified."""

    code = "VERIFICATION_EMAIL_NOT_ENABLED"
    message = "Verification email isn't enabled"


class EmailMismatch(InvalidRequest):
    """A signed-in user asked to verify somebody else's address."""

    code = "EMAIL_MISMATCH"
    message = "Email mismatch"


class EmailAlreadyVerified(InvalidRequest):
    """There is nothing left to verify."""

    code = "EMAIL_ALREADY_VERIFIED"
    message = "Email is already verified"


class InvalidVerificationToken(NotAuthenticated):
    """The link to verify an address was not made by us, or for something else."""

    code = "INVALID_TOKEN"
    message = "Invalid token"


class VerificationTokenExpired(NotAuthenticated):
    """The link to verify an address came too late."""

    code = "TOKEN_EXPIRED"
    message = "Token expired"


class VerifiedUserNotFound(NotAuthenticated):
    """The user of a link to verify an address is gone."""

    code = "USER_NOT_FOUND"
    message = "User not found"


class VerifiedUserMismatch(NotAuthenticated):
    """The link to verify an address belongs to another user than the one who is signed in."""

    code = "INVALID_USER"
    message = "Invalid user"


class EmailChangeDisabled(InvalidRequest):
    """Users may not change their address."""

    code = "CHANGE_EMAIL_DISABLED"
    message = "Change email is disabled"


class EmailUnchanged(InvalidRequest):
    """The new address is the old one."""

    code = None
    message = "Email is the same"


class EmailChangeNotSent(InvalidRequest):
    """Nobody sends letters, and the address does not change without one."""

    code = None
    message = "Verification email isn't enabled"


class SessionExpired(InvalidRequest):
    """Signed in too long ago to delete the account without a password."""

    code = "SESSION_EXPIRED"
    message = "Session expired. Re-authenticate to perform this action."


class DeletionDisabled(NotFound):
    """Users may not delete themselves."""

    is_bare = False


class InvalidDeletionToken(NotFound):
    """The link to delete an account is unknown, used, expired, or somebody else's."""

    is_bare = False
    code = "INVALID_TOKEN"
    message = "Invalid token"


class DeletionWithoutSession(NotFound):
    """The link to delete an account works only where its user is signed in."""

    is_bare = False
    code = "FAILED_TO_GET_USER_INFO"
    message = "Failed to get user info"

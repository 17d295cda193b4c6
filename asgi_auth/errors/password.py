"""What can go wrong with passwords."""

from __future__ import annotations

from asgi_auth.errors.base import InvalidRequest, NotAuthenticated


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


class InvalidCredentials(NotAuthenticated):
    """Unknown address, no password, or a wrong one; which of them is not told."""

    is_wrong_guess = True
    code = "INVALID_EMAIL_OR_PASSWORD"
    message = "Invalid email or password"


class InvalidPassword(InvalidRequest):
    """The current password, asked of a signed-in user, is wrong."""

    is_wrong_guess = True
    code = "INVALID_PASSWORD"
    message = "Invalid password"


class CredentialAccountNotFound(InvalidRequest):
    """The user signs in some other way and has no password."""

    code = "CREDENTIAL_ACCOUNT_NOT_FOUND"
    message = "Credential account not found"


class SignUpDisabled(InvalidRequest):
    """Sign-up with e-mail and password is switched off."""

    code = "EMAIL_PASSWORD_SIGN_UP_DISABLED"
    message = "Email and password sign up is not enabled"


class PasswordSignInDisabled(InvalidRequest):
    """E-mail and password are switched off."""

    code = "EMAIL_PASSWORD_DISABLED"
    message = "Email and password is not enabled"

"""What can go wrong with accounts of other services: signing in with them, linking them, their tokens."""

from __future__ import annotations

from asgi_auth.errors.base import Conflict, Forbidden, InvalidRequest, NotAuthenticated, NotFound


class ProviderNotFound(NotFound):
    """No provider of this name is configured."""

    is_bare = False
    code = "PROVIDER_NOT_FOUND"
    message = "Provider not found"


class IdTokenNotSupported(NotFound):
    """The provider has no ID tokens, or none that can be verified."""

    is_bare = False
    code = "ID_TOKEN_NOT_SUPPORTED"
    message = "id_token not supported"


class InvalidIdToken(NotAuthenticated):
    """The ID token does not prove who it is."""

    code = "INVALID_TOKEN"
    message = "Invalid token"


class UserInfoMissing(NotAuthenticated):
    """The provider did not say who it is."""

    code = "FAILED_TO_GET_USER_INFO"
    message = "Failed to get user info"


class UserEmailMissing(NotAuthenticated):
    """The provider did not tell an address."""

    code = "USER_EMAIL_NOT_FOUND"
    message = "User email not found"


class OAuthLinkFailed(NotAuthenticated):
    """Signing in with the account of a provider led to no user; the message says why."""

    code = "OAUTH_LINK_ERROR"
    message = "account not linked"


class LinkingNotAllowed(NotAuthenticated):
    """Accounts of this provider may not be linked to this user."""

    code = "LINKING_NOT_ALLOWED"
    message = "Account not linked - linking not allowed"


class LinkingOtherEmail(NotAuthenticated):
    """The account has another address than the user, and that is not allowed."""

    code = "LINKING_DIFFERENT_EMAILS_NOT_ALLOWED"
    message = "Account not linked - different emails not allowed"


class SocialAccountAlreadyLinked(Conflict):
    """The account belongs to another user."""

    status = 409
    code = "SOCIAL_ACCOUNT_ALREADY_LINKED"
    message = "Social account already linked"


class LastAccount(InvalidRequest):
    """The only way in stays."""

    code = "FAILED_TO_UNLINK_LAST_ACCOUNT"
    message = "You can't unlink your last account"


class AccountNotFound(InvalidRequest):
    """The user has no such account."""

    code = "ACCOUNT_NOT_FOUND"
    message = "Account not found"


class SocialEmailNotVerified(Forbidden):
    """Nobody signs in before the address is verified, and the provider has not seen that it is."""

    code = "EMAIL_NOT_VERIFIED"
    message = "Email not verified"


class ProviderNotSupported(InvalidRequest):
    """The account is of a provider that is not configured (any more), or of none at all."""

    code = "PROVIDER_NOT_SUPPORTED"

    def __init__(self, provider_id: str) -> None:
        super().__init__(f"Provider {provider_id} is not supported.")


class ProviderNotConfigured(InvalidRequest):
    """The same, where somebody asks whose account it is."""

    code = "PROVIDER_NOT_CONFIGURED"
    message = "Account is not associated with a configured social provider."


class TokenRefreshNotSupported(InvalidRequest):
    """The provider has no token endpoint."""

    code = "TOKEN_REFRESH_NOT_SUPPORTED"

    def __init__(self, provider_id: str) -> None:
        super().__init__(f"Provider {provider_id} does not support token refreshing.")


class RefreshTokenNotFound(InvalidRequest):
    """The provider never gave a refresh token."""

    code = "REFRESH_TOKEN_NOT_FOUND"
    message = "Refresh token not found"


class RefreshFailed(InvalidRequest):
    """The provider gave no new tokens, or the refresh token cannot be read any more."""

    code = "FAILED_TO_REFRESH_ACCESS_TOKEN"
    message = "Failed to refresh access token"


class AccessTokenFailed(InvalidRequest):
    """The access token is about to expire and could not be renewed, or it cannot be read any more."""

    code = "FAILED_TO_GET_ACCESS_TOKEN"
    message = "Failed to get a valid access token"


class AccessTokenNotFound(InvalidRequest):
    """The provider never gave an access token."""

    code = "ACCESS_TOKEN_NOT_FOUND"
    message = "Access token not found"

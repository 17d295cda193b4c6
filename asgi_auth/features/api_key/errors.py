"""What can go wrong with API keys; codes and messages are Better Auth's (its wire contract)."""

from __future__ import annotations

from datetime import timedelta

from asgi_auth.errors import (
    AuthError,
    Forbidden,
    InvalidRequest,
    InvalidToken,
    NotAuthenticated,
    NotFound,
    RateLimited,
)


class InvalidMetadata(InvalidRequest):
    """Metadata that is no object."""

    code = "INVALID_METADATA_TYPE"
    message = "metadata must be an object or undefined"


class MetadataDisabled(InvalidRequest):
    """Metadata where the configuration has none."""

    code = "METADATA_DISABLED"
    message = "Metadata is disabled."


class RefillIntervalMissing(InvalidRequest):
    """An amount without an interval."""

    code = "REFILL_AMOUNT_AND_INTERVAL_REQUIRED"
    message = "refillAmount is required when refillInterval is provided"


class RefillAmountMissing(InvalidRequest):
    """An interval without an amount."""

    code = "REFILL_INTERVAL_AND_AMOUNT_REQUIRED"
    message = "refillInterval is required when refillAmount is provided"


class LifetimeTooShort(InvalidRequest):
    """It would end too soon."""

    code = "EXPIRES_IN_IS_TOO_SMALL"
    message = "The expiresIn is smaller than the predefined minimum value."


class LifetimeTooLong(InvalidRequest):
    """It would end too late."""

    code = "EXPIRES_IN_IS_TOO_LARGE"
    message = "The expiresIn is larger than the predefined maximum value."


class CustomLifetimeDisabled(InvalidRequest):
    """A lifetime was asked for, and the configuration decides it."""

    code = "KEY_DISABLED_EXPIRATION"
    message = "Custom key expiration values are disabled."


class InvalidPrefixLength(InvalidRequest):
    """A prefix that is too long or too short."""

    code = "INVALID_PREFIX_LENGTH"
    message = "The prefix length is either too large or too small."


class InvalidNameLength(InvalidRequest):
    """A name that is too long or too short."""

    code = "INVALID_NAME_LENGTH"
    message = "The name length is either too large or too small."


class NameRequired(InvalidRequest):
    """No name where each key needs one."""

    code = "NAME_REQUIRED"
    message = "API Key name is required."


class NoValuesToUpdate(InvalidRequest):
    """A change that changes nothing."""

    code = "NO_VALUES_TO_UPDATE"
    message = "No values to update."


class ServerOnlyProperty(InvalidRequest):
    """A client asked for what only the server's own code may decide."""

    code = "SERVER_ONLY_PROPERTY"
    message = "The property you're trying to set can only be set from the server auth instance only."


class OrganizationIdRequired(InvalidRequest):
    """Nobody said whose the key is."""

    code = "ORGANIZATION_ID_REQUIRED"
    message = "Organization ID is required for organization-owned API keys."


class NoDefaultConfiguration(InvalidRequest):
    """No configuration was named that is known, and none is the default."""

    code = "NO_DEFAULT_API_KEY_CONFIGURATION_FOUND"
    message = "No default api-key configuration found."


class SessionRequired(NotAuthenticated):
    """Nobody is signed in, or somebody asked in another one's name."""

    code = "UNAUTHORIZED_SESSION"
    message = "Unauthorized or invalid session"


class ApiKeyNotFound(NotFound):
    """There is no such key, or it is somebody else's."""

    is_bare = False
    code = "KEY_NOT_FOUND"
    message = "API Key not found"


class NotMemberOfOrganization(Forbidden):
    """The organization's keys are its members' to manage."""

    code = "USER_NOT_MEMBER_OF_ORGANIZATION"
    message = "You are not a member of the organization that owns this API key."


class InsufficientPermissions(Forbidden):
    """A member whose role does not allow it."""

    code = "INSUFFICIENT_API_KEY_PERMISSIONS"
    message = "You do not have permission to perform this action on organization API keys."


class OrganizationsMissing(AuthError):
    """Keys of organizations where nothing knows of organizations: the server is not put together right."""

    status = 500
    code = "ORGANIZATION_PLUGIN_REQUIRED"
    message = (
        "Organization plugin is required for organization-owned API keys. "
        "Please install and configure the organization plugin."
    )


class InvalidApiKey(InvalidToken):
    """An unknown key."""

    code = "INVALID_API_KEY"
    message = "Invalid API key."


class ApiKeyTooShort(Forbidden):
    """What cannot be a key (Better Auth contract: 403 where keys act as sessions)."""

    code = "INVALID_API_KEY"
    message = "Invalid API key."


class ApiKeyDisabled(InvalidToken):
    """A key that was switched off."""

    code = "KEY_DISABLED"
    message = "API Key is disabled"


class ApiKeyExpired(InvalidToken):
    """A key that has ended."""

    code = "KEY_EXPIRED"
    message = "API Key has expired"


class ApiKeyLacksPermission(InvalidToken):
    """A key that does not allow what was asked for: answered as if it were unknown (Better Auth contract)."""

    code = "KEY_NOT_FOUND"
    message = "API Key not found"


class ApiKeyRateLimited(RateLimited):
    """A key that was used too often, for now.

    Attributes:
        try_again_in: milliseconds until it is let through again.
    """

    code = "RATE_LIMITED"
    message = "Rate limit exceeded."

    def __init__(self, *, try_again_in: int, most: int, window: timedelta) -> None:
        self.try_again_in = try_again_in
        super().__init__(retry_after=-(-try_again_in // 1000), rule="api_key", most=most, window=window)

    @property
    def body(self) -> dict[str, object]:
        """With ``details.tryAgainIn`` (Better Auth contract)."""
        return {**super().body, "details": {"tryAgainIn": self.try_again_in}}


class UsageExceeded(AuthError):
    """A key with nothing left."""

    status = 429
    code = "USAGE_EXCEEDED"
    message = "API Key has reached its usage limit"

    def __init__(self, *, retry_after: int | None = None) -> None:
        self.retry_after = retry_after
        super().__init__()


class InvalidOwner(InvalidToken):
    """A key of an organization where only a user's can act as a session."""

    code = "INVALID_REFERENCE_ID_FROM_API_KEY"
    message = "The reference id from the API key is invalid."


class InvalidGetterResult(InvalidRequest):
    """The application's own getter returned something that is no text."""

    code = "INVALID_API_KEY_GETTER_RETURN_TYPE"
    message = "API Key getter returned an invalid key type. Expected string."

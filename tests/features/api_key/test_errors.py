"""Every refusal has the contract's status, code and sentence."""

from __future__ import annotations

import inspect
from datetime import timedelta

import pytest

from asgi_auth.asgi.messages import error_headers
from asgi_auth.errors import AuthError
from asgi_auth.features import api_key as public
from asgi_auth.features.api_key import errors

NO_ORGANIZATIONS = "Organization plugin is required for organization-owned API keys"

# Better Auth's table of codes. USER_BANNED belongs to the feature that bans; FAILED_TO_UPDATE_API_KEY is said nowhere.
CONTRACT = {
    "INVALID_METADATA_TYPE": (400, "metadata must be an object or undefined"),
    "REFILL_AMOUNT_AND_INTERVAL_REQUIRED": (400, "refillAmount is required when refillInterval is provided"),
    "REFILL_INTERVAL_AND_AMOUNT_REQUIRED": (400, "refillInterval is required when refillAmount is provided"),
    "UNAUTHORIZED_SESSION": (401, "Unauthorized or invalid session"),
    "KEY_NOT_FOUND": (404, "API Key not found"),
    "KEY_DISABLED": (401, "API Key is disabled"),
    "KEY_EXPIRED": (401, "API Key has expired"),
    "USAGE_EXCEEDED": (429, "API Key has reached its usage limit"),
    "EXPIRES_IN_IS_TOO_SMALL": (400, "The expiresIn is smaller than the predefined minimum value."),
    "EXPIRES_IN_IS_TOO_LARGE": (400, "The expiresIn is larger than the predefined maximum value."),
    "INVALID_PREFIX_LENGTH": (400, "The prefix length is either too large or too small."),
    "INVALID_NAME_LENGTH": (400, "The name length is either too large or too small."),
    "METADATA_DISABLED": (400, "Metadata is disabled."),
    "RATE_LIMITED": (429, "Rate limit exceeded."),
    "NO_VALUES_TO_UPDATE": (400, "No values to update."),
    "KEY_DISABLED_EXPIRATION": (400, "Custom key expiration values are disabled."),
    "INVALID_API_KEY": (401, "Invalid API key."),
    "INVALID_REFERENCE_ID_FROM_API_KEY": (401, "The reference id from the API key is invalid."),
    "INVALID_API_KEY_GETTER_RETURN_TYPE": (400, "API Key getter returned an invalid key type. Expected string."),
    "SERVER_ONLY_PROPERTY": (
        400,
        "The property you're trying to set can only be set from the server auth instance only.",
    ),
    "NAME_REQUIRED": (400, "API Key name is required."),
    "ORGANIZATION_ID_REQUIRED": (400, "Organization ID is required for organization-owned API keys."),
    "USER_NOT_MEMBER_OF_ORGANIZATION": (
        403,
        "You are not a member of the organization that owns this API key.",
    ),
    "INSUFFICIENT_API_KEY_PERMISSIONS": (
        403,
        "You do not have permission to perform this action on organization API keys.",
    ),
    "NO_DEFAULT_API_KEY_CONFIGURATION_FOUND": (400, "No default api-key configuration found."),
    "ORGANIZATION_PLUGIN_REQUIRED": (500, f"{NO_ORGANIZATIONS}. Please install and configure the organization plugin."),
}
ANOTHER_STATUS = {errors.ApiKeyTooShort: 403, errors.ApiKeyLacksPermission: 401}
REFUSALS = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if kind.__module__ == errors.__name__ and issubclass(kind, AuthError)
]
LIMITED = {"try_again_in": 59_993, "most": 10, "window": timedelta(minutes=1)}


def made(kind):
    return kind(**LIMITED) if kind is errors.ApiKeyRateLimited else kind()


@pytest.mark.parametrize("kind", REFUSALS)
def test_a_refusal_is_the_contracts(kind):
    error = made(kind)
    status, message = CONTRACT[error.code]
    assert (error.status, error.message) == (ANOTHER_STATUS.get(kind, status), message)
    assert error.body["message"] == message
    assert error.body["code"] == error.code
    assert not error.is_bare
    assert kind.__doc__
    assert getattr(public, kind.__name__) is kind


def test_every_code_of_the_contract_is_somebodys():
    assert {made(kind).code for kind in REFUSALS} == set(CONTRACT)


def test_a_limited_key_is_told_when_to_come_back():
    error = made(errors.ApiKeyRateLimited)
    assert error.body["details"] == {"tryAgainIn": 59_993}
    assert (b"retry-after", b"60") in error_headers(error, realm="test")

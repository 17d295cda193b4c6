"""What can go wrong with users and their addresses."""

from __future__ import annotations

from asgi_auth.errors.base import Conflict, Forbidden, InvalidRequest


class InvalidEmail(InvalidRequest):
    """Not an e-mail address."""

    code = "INVALID_EMAIL"
    message = "Invalid email"


class EmailTaken(Conflict):
    """Another user has this address."""

    code = "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL"
    message = "User already exists. Use another email."


class EmailCannotBeUpdated(InvalidRequest):
    """The address changes through its own flow only."""

    code = "EMAIL_CAN_NOT_BE_UPDATED"
    message = "Email can not be updated"


class EmailNotVerified(Forbidden):
    """The password is right, the address not yet verified."""

    code = "EMAIL_NOT_VERIFIED"
    message = "Email not verified"


class UserNotCreated(Conflict):
    """The user could not be stored."""

    code = "FAILED_TO_CREATE_USER"
    message = "Failed to create user"


class UserNotUpdated(Conflict):
    """The user cannot be stored like this: another one has a value that has to be unique."""

    code = "FAILED_TO_UPDATE_USER"
    message = "Failed to update user"


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

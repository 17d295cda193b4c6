"""What can be wrong with a request to an endpoint before anybody looks at what it says."""

from __future__ import annotations

from asgi_auth.errors import AuthError, InvalidRequest


class InvalidJson(InvalidRequest):
    """A body that is not JSON, or JSON no application should have to store (NUL, lone surrogates, deep nesting)."""

    message = "Invalid JSON in request body"


class BodyTimeout(InvalidRequest):
    """The body did not arrive within the limit."""

    status = 408
    code = "REQUEST_TIMEOUT"
    message = "Request body took too long"


class BodyTooLarge(InvalidRequest):
    """The body is larger than the limit."""

    status = 413
    code = "PAYLOAD_TOO_LARGE"
    message = "Request body is too large"


class UnsupportedMediaType(InvalidRequest):
    """The body's media type is none that this endpoint takes."""

    status = 415
    code = "UNSUPPORTED_MEDIA_TYPE"

    def __init__(self, given: str, allowed: str) -> None:
        super().__init__(f'Content-Type "{given}" is not allowed. Allowed types: {allowed}')


class MethodNotAllowed(AuthError):
    """POST /get-session while refresh is not deferred."""

    status = 405
    code = "METHOD_NOT_ALLOWED_DEFER_SESSION_REQUIRED"
    message = "POST method requires deferSessionRefresh to be enabled in session config"


class UrlIsNoText(InvalidRequest):
    """A URL field of the body is of another type."""

    code = None

    def __init__(self, field: str) -> None:
        super().__init__(f"Invalid {field}: expected a string")

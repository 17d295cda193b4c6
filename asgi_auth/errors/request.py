"""What is wrong with a request, whoever sent it."""

from __future__ import annotations

from asgi_auth.errors.base import Forbidden, InvalidRequest


class ValidationFailed(InvalidRequest):
    """A body or query that does not fit its schema; ``message`` lists the places."""

    code = "VALIDATION_ERROR"
    message = "Validation Error"


class RepeatedHeader(InvalidRequest):
    """A credential header sent more than once: which one counts would be a guess."""

    code = "REPEATED_HEADER"

    def __init__(self, name: str) -> None:
        super().__init__(f"Header sent more than once: {name}")


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

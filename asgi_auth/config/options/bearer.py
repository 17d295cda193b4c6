"""Session tokens in the Authorization header."""

from __future__ import annotations

from dataclasses import dataclass

from asgi_auth.config.options.checks import check_types


@dataclass(frozen=True, slots=True, kw_only=True)
class BearerOptions:
    """Session tokens in the Authorization header (RFC 6750).

    Attributes:
        is_enabled: whether ``auth.wrap`` and the endpoints take them, and answers that start a session carry one
            in ``set-auth-token`` (default True).
        requires_signature: only signed tokens, as ``set-auth-token`` gives them, are taken (default False: raw ones
            too, as Better Auth does).
    """

    is_enabled: bool = True
    requires_signature: bool = False

    def __post_init__(self) -> None:
        check_types(self, "bearer")

"""What our tokens say of a session and its user."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Mapping
from typing import Final, TypeVar

from asgi_auth.errors import ConfigurationError
from asgi_auth.features.jwt.options import JwtOptions
from asgi_auth.fields import fields_of, wire
from asgi_auth.models import Session, User

T = TypeVar("T")

REGISTERED: Final = frozenset({"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "sid", "scope", "scp", "scopes"})
"""Claims that mean something to whoever verifies: no field of a user may pass for one (RFC 7519, 4.1)."""


class PayloadWriter:
    """Says what a token says, but for ``exp``, ``iss`` and ``aud``.

    Args:
        options: how that is defined.
        user: the composed record.

    Raises ConfigurationError where a field of the user would pass for a registered claim.
    """

    def __init__(self, options: JwtOptions, *, user: type[User]) -> None:
        self._define_payload = options.define_payload
        self._get_subject = options.get_subject
        if self._define_payload is None:
            _check_fields(user)

    @property
    def needs_all(self) -> bool:
        """Whether it asks the application, which may want to know what is returned to no client."""
        return self._define_payload is not None or self._get_subject is not None

    async def write(self, user: User, session: Session, *, issued_at: int) -> dict[str, object]:
        """The claims in the order of Better Auth's: ``iat``, the user's, ``sub``. Raises TypeError for what is none."""
        said: object = (
            wire(user) if self._define_payload is None else await _awaited(self._define_payload(user, session))
        )
        if not isinstance(said, Mapping) or not all(isinstance(name, str) for name in said):
            raise TypeError("define_payload gives a mapping of claims by their names")
        subject: object = user.id if self._get_subject is None else await _awaited(self._get_subject(user, session))
        if not isinstance(subject, str) or not subject:
            raise TypeError("get_subject gives a text that is not empty")
        return {"iat": issued_at, **said, "sub": subject}


def _check_fields(user: type[User]) -> None:
    taken = REGISTERED & {field.wire_name for field in fields_of(user) if field.rules.returned}
    if taken:
        raise ConfigurationError(
            f"the user's field {min(taken)} would pass for a registered claim of its tokens: say what they hold in "
            "JwtOptions.define_payload"
        )


async def _awaited(value: T | Awaitable[T]) -> T:
    return await value if inspect.isawaitable(value) else value

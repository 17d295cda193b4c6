"""Users as our own tokens tell of them."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from asgi_auth.features.jwt.claims import Claims
from asgi_auth.fields import fields_of
from asgi_auth.models import User, decode_hook


class UserReader:
    """Makes a user of claims, without a query: as the user was when the token was issued.

    Args:
        record: the composed record.

    Attributes:
        is_shareable: what it gives can be changed by nobody, so that many requests may have the same.
    """

    def __init__(self, record: type[User]) -> None:
        fields = fields_of(record)
        self._record = record
        self._names = tuple(field.wire_name for field in fields if field.rules.returned)
        self.is_shareable = all(field.kind != "json" for field in fields)

    def read(self, claims: Claims) -> User | None:
        """The user that the token is about; None where it tells of none, or not of all that clients are told of users.

        ``id`` has to be ``sub``. What no client is told has its default. A field that is missing has been left out by
        ``define_payload``, or is newer than the token: its default might say what was never so.
        """
        if claims.get("id") != claims["sub"] or not all(name in claims for name in self._names):
            return None
        said = {name: _thawed(claims[name]) for name in self._names}
        try:
            return msgspec.convert(said, self._record, dec_hook=decode_hook)
        except msgspec.ValidationError:
            return None


def _thawed(value: object) -> object:
    """Claims cannot be changed; a field of a user that is a list or a dict is one."""
    if isinstance(value, tuple):
        return [_thawed(each) for each in value]
    return {name: _thawed(each) for name, each in value.items()} if isinstance(value, Mapping) else value

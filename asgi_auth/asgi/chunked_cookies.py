"""Values too long for one cookie: cut into ``name.0``, ``name.1``, ... and put together again."""

from __future__ import annotations

import re

from asgi_auth.asgi.cookies import CookieAttributes, clear_cookie, cookies_under, find_cookie, set_cookie
from asgi_auth.asgi.types import Scope

COOKIE_SIZE = 4050
"""Characters of the longest Set-Cookie value written (Better Auth contract); browsers keep 4096."""

MAX_CHUNKS = 100
"""A value in need of more is not written (Better Auth contract), and no higher number is looked at."""

MAX_LENGTH = 16 * 1024
"""Characters of the longest value: a browser that holds more sends headers that most servers refuse."""

_NUMBER = re.compile(r"0|[1-9][0-9]?", re.ASCII)
_CHUNK = re.compile(rb"\.(?:0|[1-9][0-9]?)$")


def base_name(cookie: bytes) -> bytes:
    """The name in a Set-Cookie value, without the number of a chunk: one for all cookies that make one value."""
    return _CHUNK.sub(b"", cookie.partition(b"=")[0])


class ChunkedCookie:
    """One cookie of whatever length.

    Args:
        name: an HTTP token; the chunks' names are made of it.
        attributes: where it goes, for all chunks alike.
    """

    def __init__(self, name: str, attributes: CookieAttributes) -> None:
        self.name = name
        self._attributes = attributes

    def write(self, value: str, *, scope: Scope, max_age: int | None = None) -> list[bytes]:
        """Set-Cookie values that hold ``value``, after those that clear what the request has left of an older one.

        A value over ``MAX_LENGTH`` or ``MAX_CHUNKS`` is not written: the older one is cleared all the same, because it
        is no longer true.

        Args:
            value: text that ``encodeURIComponent`` leaves as it is, such as base64url and dots.
            scope: of the request that is answered.
            max_age: its lifetime in seconds; None until the browser closes.
        """
        chunks = self._cut(value, max_age)
        stale = [self._clear(name) for name in self.names(scope) if name not in chunks]
        return stale + [set_cookie(name, piece, self._attributes, max_age=max_age) for name, piece in chunks.items()]

    def read(self, scope: Scope) -> str | None:
        """The value of a request: the cookie of the bare name, else all chunks joined; None where it is not whole."""
        bare = find_cookie(scope, self.name)
        if bare:
            return bare
        pieces = self._pieces(scope)
        if not pieces or list(pieces) != list(range(len(pieces))):
            return None
        value = "".join(pieces.values())
        return value if value and len(value) <= MAX_LENGTH else None

    def names(self, scope: Scope) -> list[str]:
        """The names of this cookie and of its chunks that came with a request, in their order."""
        bare = [self.name] if find_cookie(scope, self.name) is not None else []
        return [*bare, *self._chunk_names(scope)]

    def clear(self, scope: Scope) -> list[bytes]:
        """Set-Cookie values that remove it: the bare name always, and the chunks that came with the request."""
        return [self._clear(name) for name in (self.name, *self._chunk_names(scope))]

    def clear_received(self, scope: Scope) -> list[bytes]:
        """Set-Cookie values that remove what of it came with the request; none where nothing did."""
        return [self._clear(name) for name in self.names(scope)]

    def _chunk_names(self, scope: Scope) -> list[str]:
        return [f"{self.name}.{number}" for number in self._pieces(scope)]

    def _clear(self, name: str) -> bytes:
        return clear_cookie(name, self._attributes)

    def _cut(self, value: str, max_age: int | None) -> dict[str, str]:
        """The pieces by their cookies' names; empty for a value that is too long."""
        if len(value) > MAX_LENGTH:
            return {}
        if len(set_cookie(self.name, value, self._attributes, max_age=max_age)) <= COOKIE_SIZE:
            return {self.name: value}
        size = COOKIE_SIZE - len(set_cookie(f"{self.name}.99", "", self._attributes, max_age=max_age))
        if size < 1 or len(value) > size * MAX_CHUNKS:
            return {}
        return {f"{self.name}.{start // size}": value[start : start + size] for start in range(0, len(value), size)}

    def _pieces(self, scope: Scope) -> dict[int, str]:
        """The chunks of a request by their numbers, in order; names written in another way are not ours."""
        found = cookies_under(scope, f"{self.name}.")
        numbered = {int(number): piece for number, piece in found.items() if _NUMBER.fullmatch(number)}
        return dict(sorted(numbered.items()))

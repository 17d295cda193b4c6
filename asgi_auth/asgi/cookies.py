"""Cookies: a tolerant reader of what browsers send, and a strict writer of Set-Cookie."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from asgi_auth.asgi.headers import header_values
from asgi_auth.asgi.types import Scope
from asgi_auth.percent import decode_component, encode_component

SameSite = Literal["Lax", "Strict", "None"]

MAX_AGE_LIMIT = 34_560_000
"""The longest Max-Age, in seconds (400 days): browsers cut longer ones (RFC 6265bis, 5.5)."""

_SAME_SITE = frozenset({"Lax", "Strict", "None"})
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_ATTRIBUTE_VALUE = re.compile(r"[ -:<-~]+")  # RFC 6265, 4.1.1: any ASCII character but controls and ";"
# What a browser itself trims. Trimming more (U+0085, U+00A0) would let a look-alike name pass for a
# "__Host-" or "__Secure-" cookie that no browser would have protected.
_BLANKS = b" \t"


def find_cookie(scope: Scope, name: str) -> str | None:
    """The decoded value of a cookie, or None; of several of this name the first, most specific one."""
    return next(_values(scope, name), None)


def cookie_values(scope: Scope, name: str) -> list[str]:
    """The decoded values of every cookie of this name, in the order received.

    Surrounding quotes are stripped and percent-encoding is decoded as UTF-8; what cannot be decoded is left
    as it is (Better Auth contract). Odd neighbours, such as flags or JSON, never hide a cookie.
    """
    return list(_values(scope, name))


def plain_cookie(jar: bytes, name: bytes) -> bytes | None:
    """The value of a cookie as it was sent, if a Cookie header's value holds it once, plainly; else None.

    None says nothing about whether it is there: then ``cookie_values`` tells. What the two find in a header is the same
    cookie, because any second mention of the name, and any spelling but ``name=value``, is left to the other.
    """
    before, equals, after = jar.partition(name + b"=")
    if not equals or jar.count(name) > 1 or (before and not before.endswith(b"; ")):
        return None
    return after.partition(b";")[0]


def cookies_under(scope: Scope, prefix: str) -> dict[str, str]:
    """The cookies whose names begin with ``prefix``, by what follows it; of several of one name the first.

    Values are decoded as ``cookie_values`` decodes them. One pass over the jar, however many there are.
    """
    jar, wanted = _jar(scope), prefix.encode("latin-1")
    found: dict[str, str] = {}
    if wanted not in jar:
        return found
    for part in jar.split(b";"):
        key, equals, value = part.partition(b"=")
        key = key.strip(_BLANKS)
        if equals and key.startswith(wanted):
            found.setdefault(key[len(wanted) :].decode("latin-1"), _decoded(value.strip(_BLANKS)))
    return found


def has_cookie_header(scope: Scope) -> bool:
    """Whether any Cookie header was sent, be it empty: then Origin is checked (Better Auth contract)."""
    return bool(header_values(scope, b"cookie"))


@dataclass(frozen=True, slots=True, kw_only=True)
class CookieAttributes:
    """Where a cookie goes and who may read it.

    Attributes:
        path: the paths it is sent to; starts with "/".
        domain: the host whose subdomains get it too; None for the answering host alone.
        http_only: hidden from scripts.
        secure: sent over HTTPS only; forced by ``same_site="None"`` and by ``partitioned``, without which
            browsers refuse such cookies.
        same_site: whether it travels with requests from other sites.
        partitioned: kept apart per embedding site (CHIPS).

    Raises:
        ValueError: a path or domain that could not be written, or an unknown ``same_site``.
    """

    path: str = "/"
    domain: str | None = None
    http_only: bool = True
    secure: bool = False
    same_site: SameSite = "Lax"
    partitioned: bool = False

    def __post_init__(self) -> None:
        if not (self.path.startswith("/") and _ATTRIBUTE_VALUE.fullmatch(self.path)):
            raise ValueError(f"cookie path must start with '/' and be plain ASCII without ';': {self.path!r}")
        if self.domain is not None and not _ATTRIBUTE_VALUE.fullmatch(self.domain):
            raise ValueError(f"cookie domain must be plain ASCII without ';': {self.domain!r}")
        if self.same_site not in _SAME_SITE:
            raise ValueError(f"cookie same_site must be one of {sorted(_SAME_SITE)}: {self.same_site!r}")
        if self.same_site == "None" or self.partitioned:
            object.__setattr__(self, "secure", True)


def is_token(name: str) -> bool:
    """Whether a cookie may have this name: an HTTP token (RFC 9110, 5.6.2)."""
    return _TOKEN.fullmatch(name) is not None


def set_cookie(name: str, value: str, attributes: CookieAttributes, *, max_age: int | None = None) -> bytes:
    """The value of a Set-Cookie header.

    Args:
        name: an HTTP token.
        value: any text; it is percent-encoded as ``encodeURIComponent`` does.
        attributes: where the cookie goes.
        max_age: its lifetime in seconds; None until the browser closes.

    Raises:
        ValueError: the name is no token, the lifetime is over 400 days, or the value holds a lone surrogate.
    """
    if not is_token(name):
        raise ValueError(f"cookie name must be an HTTP token: {name!r}")
    if max_age is not None and max_age > MAX_AGE_LIMIT:
        raise ValueError(f"cookie max_age must be at most {MAX_AGE_LIMIT} seconds (400 days): {max_age}")
    return "; ".join([f"{name}={encode_component(value)}", *_written(attributes, max_age)]).encode("ascii")


def clear_cookie(name: str, attributes: CookieAttributes) -> bytes:
    """The Set-Cookie value that removes a cookie; browsers match it by name, path and domain.

    Raises:
        ValueError: the name is no token.
    """
    return set_cookie(name, "", attributes, max_age=0)


def _written(attributes: CookieAttributes, max_age: int | None) -> Iterator[str]:
    """The attributes in the contract's order."""
    if max_age is not None:
        yield f"Max-Age={max_age}"
    if attributes.domain is not None:
        yield f"Domain={attributes.domain}"
    yield f"Path={attributes.path}"
    if attributes.http_only:
        yield "HttpOnly"
    if attributes.secure:
        yield "Secure"
    yield f"SameSite={attributes.same_site}"
    if attributes.partitioned:
        yield "Partitioned"


def _jar(scope: Scope) -> bytes:
    """All Cookie headers as one: HTTP/2 may split them (RFC 9113, 8.2.3)."""
    return b"; ".join(header_values(scope, b"cookie"))


def _values(scope: Scope, name: str) -> Iterator[str]:
    jar = _jar(scope)
    try:
        wanted = name.encode("latin-1")
    except UnicodeEncodeError:  # no header can hold such a name
        return
    # Most requests carry other cookies or none: one search is far cheaper than taking the jar apart.
    if wanted not in jar:
        return
    for part in jar.split(b";"):
        key, equals, value = part.partition(b"=")
        if equals and key.strip(_BLANKS) == wanted:
            yield _decoded(value.strip(_BLANKS))


def _decoded(raw: bytes) -> str:
    text = raw.decode("latin-1")
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1]
    decoded = decode_component(text)
    return text if decoded is None else decoded

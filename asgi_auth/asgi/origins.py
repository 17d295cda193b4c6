"""Origins and URLs, read as a browser reads them (WHATWG): where a request comes from and may be sent to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

import ada_url

from asgi_auth.asgi.headers import header_values
from asgi_auth.asgi.origin_patterns import WEB_SCHEMES, Target, compile_pattern
from asgi_auth.asgi.types import Scope

_ORIGIN_SCHEMES: Mapping[str, str] = MappingProxyType({"http": "http", "https": "https", "ws": "http", "wss": "https"})
# RFC 9110, 7.2 and RFC 3986, 3.2.2, without percent-encoding, sub-delimiters and userinfo, which no honest
# client sends; 253 is the longest name (RFC 1035).
_AUTHORITY = re.compile(r"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_ENCODED_SLASH = re.compile(r"%2f|%5c", re.IGNORECASE)
_NOWHERE = "http://relative.invalid"


def origin_of(url: str) -> str | None:
    """``scheme://host[:port]`` of a URL, in lower case and without a default port.

    None for what cannot be parsed and for opaque origins: ``null``, custom schemes, ``data:``, ``blob:``.
    """
    try:
        parts = ada_url.parse_url(url, attributes=("protocol", "origin"))
    except ValueError:
        return None
    return None if parts["origin"] == "null" or parts["protocol"] == "blob:" else parts["origin"]


def request_origin(scope: Scope) -> str | None:
    """The origin a request was sent to, by its scheme and Host header; a WebSocket's as http or https.

    None unless there is exactly one Host header and it is a valid host with an optional port. The Host is the
    client's word: never build a link out of it that reaches somebody else.
    """
    default = "ws" if scope.get("type") == "websocket" else "http"
    scheme = _ORIGIN_SCHEMES.get(scope.get("scheme", default))
    hosts = header_values(scope, b"host")
    if scheme is None or len(hosts) != 1:
        return None
    host = hosts[0].decode("latin-1")
    return origin_of(f"{scheme}://{host}") if _AUTHORITY.fullmatch(host) else None


def is_safe_relative(url: str) -> bool:
    """Whether a URL is a path on this very site, whoever reads it (Better Auth contract).

    It starts with one slash, holds no backslash and no control character, has no encoded slash or backslash
    in its path (before ``?`` or ``#``), and stays on the site it is resolved against.
    """
    if not url.startswith("/") or url.startswith("//") or "\\" in url or _CONTROL.search(url):
        return False
    if _ENCODED_SLASH.search(re.split("[?#]", url, maxsplit=1)[0]):
        return False
    try:
        return origin_of(ada_url.join_url(_NOWHERE, url)) == _NOWHERE
    except ValueError:
        return False


class TrustedOrigins:
    """The places that may send requests and be sent to.

    Args:
        patterns: each one of (Better Auth contract)

            - an origin, ``https://app.example``: that alone; nothing meets one with a path or trailing slash;
            - with wildcards (``?`` one character, ``*`` any run, dots included, a backslash before either for
              itself): ``https://*.example.com`` is held against the origin, ``*.example.com`` against host
              and port of an http or https URL. Only IPv4 addresses meet a host of digits, dots, wildcards;
            - an application's scheme, ``myapp://``, ``myapp://host/path``: that host, all below that path.
              With wildcards the path must match as a whole: ``*`` within a segment, ``/**`` any depth.
    """

    def __init__(self, patterns: Iterable[str] = ()) -> None:
        self.patterns = tuple(patterns)
        compiled = {text: compile_pattern(text) for text in self.patterns}
        self._compiled = tuple(pattern for pattern in compiled.values() if pattern is not None)
        # Plain origins; one that no browser would write so (a path, upper case) is met by nothing.
        self._origins = frozenset(
            text for text, pattern in compiled.items() if pattern is None and origin_of(text) == text
        )

    def trusts(self, url: str, *, allow_relative: bool = False, own_origin: str | None = None) -> bool:
        """Whether an Origin or Referer header, or a URL to redirect to, names a trusted place.

        Args:
            url: what was sent, unchanged; redirect to this very string.
            allow_relative: also accept a safe path on this site, see ``is_safe_relative``: for redirects,
                never for headers.
            own_origin: one more origin, never read as a pattern: that of the current request where no base
                URL is configured.
        """
        if url in self._origins:  # what browsers send most: not worth taking apart
            return True
        if url.startswith("/"):
            return allow_relative and is_safe_relative(url)
        # A browser drops these characters, a header would carry them on.
        target = None if _CONTROL.search(url) else Target.parse(url)
        if target is None:
            return False
        if target.scheme in WEB_SCHEMES and (target.origin in self._origins or target.origin == own_origin):
            return True
        return any(pattern.admits(target) for pattern in self._compiled)

    def __repr__(self) -> str:
        return f"TrustedOrigins({self.patterns!r})"

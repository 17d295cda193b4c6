"""Request headers, read from a scope as they arrived."""

from __future__ import annotations

from asgi_auth.asgi.types import Scope
from asgi_auth.errors import RepeatedHeader


def header_values(scope: Scope, name: bytes) -> list[bytes]:
    """Every value of a header, in the order received; empty where there is none.

    Args:
        scope: any ASGI scope; one without ``headers`` has none.
        name: in lower case. The names received are compared in lower case: servers send them so (ASGI, HTTP
            connection scope), test clients do not always.
    """
    size = len(name)
    # The length first: it spares most headers of a request the lowered copy.
    return [value for key, value in scope.get("headers") or () if len(key) == size and key.lower() == name]


def find_header(scope: Scope, name: bytes) -> str | None:
    """The first value of a header as text (latin-1), or None; ``name`` in lower case."""
    values = header_values(scope, name)
    return values[0].decode("latin-1") if values else None


def single_header(scope: Scope, name: bytes) -> str | None:
    """The value of a header that may be sent once only, as text (latin-1), or None; ``name`` in lower case.

    Raises:
        RepeatedHeader: it was sent more than once. Of two credentials, the one this library reads and the one
            a proxy or the application reads might differ.
    """
    values = header_values(scope, name)
    if len(values) > 1:
        raise RepeatedHeader(name.decode("latin-1"))
    return values[0].decode("latin-1") if values else None


def is_preflight(scope: Scope) -> bool:
    """Whether this is CORS's question before a request: browsers send it without credentials (Fetch, 4.8)."""
    return (
        scope.get("method") == "OPTIONS"
        and find_header(scope, b"access-control-request-method") is not None
        and find_header(scope, b"origin") is not None
    )

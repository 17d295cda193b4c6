"""Percent-encoding exactly as JavaScript does it: the wire contract is written in its terms."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote_to_bytes

_MALFORMED = re.compile(r"%(?![0-9A-Fa-f]{2})")


def encode_component(text: str) -> str:
    """``encodeURIComponent``: all but ``A-Z a-z 0-9 - _ . ! ~ * ' ( )`` as UTF-8.

    Raises:
        ValueError: the text holds a lone surrogate.
    """
    return quote(text, safe="-_.!~*'()")


def decode_component(text: str) -> str | None:
    """``decodeURIComponent``, or None where that would throw: a stray ``%`` or bytes that are no UTF-8."""
    # Signatures are base64: these three are all that is ever encoded in an honest session cookie.
    plain = text.replace("%2B", "+").replace("%2F", "/").replace("%3D", "=")
    if "%" not in plain:
        return plain
    if _MALFORMED.search(text):
        return None
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeError:
        return None

"""Base64url without padding (RFC 4648, section 5; RFC 7515, appendix C), read strictly."""

from __future__ import annotations

import binascii
from collections.abc import Mapping
from types import MappingProxyType

MAX_LENGTH = 16 * 1024
"""Characters of the longest text that is read; what clients send is never decoded beyond it."""
_LAST: Mapping[int, frozenset[str]] = MappingProxyType({2: frozenset("AQgw"), 3: frozenset("AEIMQUYcgkosw048")})
# The last characters of a text whose length is 2 or 3 over a multiple of 4: any other holds bits that nobody reads, so
# that several texts would stand for the same bytes (RFC 4648, 3.5).
_TO_URL = bytes.maketrans(b"+/", b"-_")
_TO_STANDARD = bytes.maketrans(b"-_+/", b"+/!!")


def encode(data: bytes) -> str:
    """Bytes as base64url text without padding."""
    return binascii.b2a_base64(data, newline=False).translate(_TO_URL, b"=").decode("ascii")


def decode(text: str, *, most: int = MAX_LENGTH) -> bytes:
    """The bytes of the one base64url text that ``encode`` makes of them; otherwise ValueError.

    Other characters, padding, bits beyond the last byte and texts of over ``most`` characters are refused.
    """
    if "=" in text or len(text) > most:
        raise ValueError("not base64url without padding, or too long")
    last = _LAST.get(len(text) % 4)
    if last is not None and text[-1] not in last:
        raise ValueError("base64url with bits beyond the last byte")
    # As bytes: translating text costs ten times as much.
    data = text.encode("ascii").translate(_TO_STANDARD)
    return binascii.a2b_base64(data + b"=" * (-len(data) % 4), strict_mode=True)

"""Base64url without padding (RFC 4648, section 5; RFC 7515, appendix C), read strictly."""

from __future__ import annotations

import binascii

MAX_LENGTH = 16 * 1024
"""Characters of the longest text that is read; what clients send is never decoded beyond it."""
_TO_URL = bytes.maketrans(b"+/", b"-_")
_TO_STANDARD = bytes.maketrans(b"-_+/", b"+/!!")


def encode(data: bytes) -> str:
    """Bytes as base64url text without padding."""
    return binascii.b2a_base64(data, newline=False).translate(_TO_URL, b"=").decode("ascii")


def decode(text: str) -> bytes:
    """The bytes of base64url text; ValueError for other characters, padding, or over MAX_LENGTH."""
    if "=" in text or len(text) > MAX_LENGTH:
        raise ValueError("not base64url without padding, or too long")
    # As bytes: translating text costs ten times as much.
    data = text.encode("ascii").translate(_TO_STANDARD)
    return binascii.a2b_base64(data + b"=" * (-len(data) % 4), strict_mode=True)

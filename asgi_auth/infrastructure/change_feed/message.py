"""Changes on their way between processes: small, and believed only by the code of one of our secrets."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from hashlib import blake2b
from typing import Final

import msgspec

from asgi_auth.infrastructure.change_feed.base import Change

FORMAT: Final = b"1"
CODE: Final = 32
"""Bytes of a code."""


class Letter(msgspec.Struct, array_like=True):
    """What one process tells the others."""

    sender: bytes
    changes: list[tuple[str, tuple[str, ...], bool]]


class Envelope:
    """Writes and reads messages.

    While secrets are rotated, some processes have one more than the others. So a message carries a code for each of
    our secrets, and one that we can check is enough.

    Args:
        keys: made of each configured secret, 32 bytes each.
        channel: where it is used, so that no message counts elsewhere.
    """

    def __init__(self, keys: Sequence[bytes], *, channel: str) -> None:
        self._keys = tuple(keys)
        self._channel = FORMAT + channel.encode() + b"\0"

    def seal(self, changes: Sequence[Change], *, sender: bytes) -> bytes:
        """A message."""
        # str(): what SQLAlchemy calls a table is a text of its own kind
        letter = Letter(sender, [(str(change.table), change.keys, change.is_new) for change in changes])
        body = msgspec.msgpack.encode(letter)
        return b"".join([FORMAT, bytes([len(self._keys)]), *(self._code(key, body) for key in self._keys), body])

    def open(self, message: bytes) -> Letter | None:
        """What a message says; None where it is none of ours."""
        if message[:1] != FORMAT or len(message) < 2:
            return None
        end = 2 + message[1] * CODE
        codes, body = message[2:end], message[end:]
        offered = [codes[at : at + CODE] for at in range(0, len(codes), CODE)]
        ours = [self._code(key, body) for key in self._keys]
        if not any(hmac.compare_digest(mine, code) for mine in ours for code in offered):
            return None
        try:
            return msgspec.msgpack.decode(body, type=Letter)
        except msgspec.MsgspecError:
            return None

    def _code(self, key: bytes, body: bytes) -> bytes:
        return blake2b(self._channel + body, key=key, digest_size=CODE).digest()


def changes_of(letter: Letter) -> list[Change]:
    """The changes a letter tells of."""
    return [Change(table, keys, is_new) for table, keys, is_new in letter.changes]

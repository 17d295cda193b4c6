"""Reading a request's body: how much, how long, which media type, and JSON that is fit to be stored."""

from __future__ import annotations

import asyncio
import codecs
from collections.abc import Mapping
from datetime import timedelta
from typing import Final
from urllib.parse import parse_qsl

import msgspec

from asgi_auth.asgi.headers import find_header, header_values
from asgi_auth.asgi.types import Receive, Scope
from asgi_auth.config import RequestOptions
from asgi_auth.endpoints.errors import BodyTimeout, BodyTooLarge, InvalidJson, UnsupportedMediaType
from asgi_auth.errors import InvalidRequest

JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"
MAX_FORM_FIELDS = 100
MAX_QUERY_FIELDS = 100
INVALID_QUERY = "Invalid query string"
INTEGER_LIMIT = 2**63


class ClientDisconnected(Exception):
    """The client went away before its request was complete; nobody is left to answer."""


async def read_body(scope: Scope, receive: Receive, options: RequestOptions, *, takes_forms: bool) -> object:
    """The decoded body, or ``msgspec.UNSET`` where there is none.

    A body without a media type counts as none, as in Better Auth. Raises UnsupportedMediaType before anything is
    read, then BodyTooLarge, BodyTimeout or InvalidJson; ClientDisconnected where the rest never comes.
    """
    content_type = find_header(scope, b"content-type")
    media_type = (content_type or "").partition(";")[0].strip().lower()
    allowed = (FORM, JSON) if takes_forms else (JSON,)
    if content_type and media_type not in allowed and _announces_body(scope):
        raise UnsupportedMediaType(content_type, ", ".join(allowed))
    raw = await _receive_all(scope, receive, options)
    if not raw or not content_type:
        return msgspec.UNSET
    if media_type not in allowed:
        raise UnsupportedMediaType(content_type, ", ".join(allowed))
    return _decode_form(raw) if media_type == FORM else decode_json(raw, max_depth=options.max_depth)


def _announces_body(scope: Scope) -> bool:
    length = find_header(scope, b"content-length")
    return (length is not None and length != "0") or bool(header_values(scope, b"transfer-encoding"))


async def _receive_all(scope: Scope, receive: Receive, options: RequestOptions) -> bytes:
    length = find_header(scope, b"content-length") or "0"
    if length.isdecimal() and int(length[:20]) > options.max_body:
        raise BodyTooLarge
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(options.body_timeout / timedelta(seconds=1)):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientDisconnected
                chunk = message.get("body", b"")
                size += len(chunk)
                if size > options.max_body:
                    raise BodyTooLarge
                chunks.append(chunk)
                if not message.get("more_body", False):
                    return b"".join(chunks)
    except TimeoutError:
        raise BodyTimeout from None


def decode_json(raw: bytes, *, max_depth: int) -> object:
    """Decode JSON; raises InvalidJson for anything else, and for what no database should have to hold.

    That is: NUL in a text (Postgres refuses it), lone surrogates, integers beyond 64 bits, nesting over
    ``max_depth``.
    """
    try:
        value: object = msgspec.json.decode(raw.removeprefix(codecs.BOM_UTF8))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise InvalidJson from None
    _check_fit(value, max_depth)
    return value


def _check_fit(value: object, depth: int) -> None:
    if depth < 0 or not _is_storable(value):
        raise InvalidJson
    if isinstance(value, list):
        for item in value:
            _check_fit(item, depth - 1)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            _check_fit(key, depth)
            _check_fit(item, depth - 1)


def _is_storable(value: object) -> bool:
    if isinstance(value, str):
        return "\x00" not in value
    return not isinstance(value, int) or -INTEGER_LIMIT <= value < INTEGER_LIMIT


def _decode_form(raw: bytes) -> dict[str, object]:
    """Decode a form: every value is a text, and of a repeated field the last counts, as in Better Auth."""
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, max_num_fields=MAX_FORM_FIELDS, errors="strict")
    except ValueError:
        raise InvalidJson from None
    form: dict[str, object] = dict(pairs)
    _check_fit(form, 1)
    return form


def decode_query(raw: bytes) -> dict[str, object]:
    """Decode a query: a repeated name has a list. Raises InvalidRequest for NUL, and for more than 100 fields."""
    try:
        pairs = parse_qsl(raw.decode("latin-1"), keep_blank_values=True, max_num_fields=MAX_QUERY_FIELDS)
    except ValueError:
        raise InvalidRequest(INVALID_QUERY) from None
    values: dict[str, object] = {}
    for name, value in pairs:
        if "\x00" in name or "\x00" in value:
            raise InvalidRequest(INVALID_QUERY)
        known = values.get(name)
        if known is None:
            values[name] = value
        else:
            values[name] = [*known, value] if isinstance(known, list) else [known, value]
    return values

"""Secrets kept out of logs: a structlog processor that knows them by the names of fields and by their looks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, time, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Any, Final

REDACTED: Final = "[redacted]"

MAX_DEPTH: Final = 8
"""Levels of nesting that are looked into; what lies deeper is not shown."""

MAX_LENGTH: Final = 16_384
"""Characters of a text that are shown."""

MAX_KEY: Final = 100
"""Characters of a key that are looked at."""

SHORTEST: Final = 6
"""Characters below which no text holds a secret that could be told from others."""

TOKEN_LENGTH: Final = 32

_PLAIN = (bool, int, float, complex, date, time, timedelta, type(None))
_UNTOUCHED = frozenset({"exc_info", "_record", "_from_structlog"})
"""What structlog itself puts there for processors that come later."""

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_SECRET_WORDS = frozenset(
    {
        *("password", "passwords", "passwd", "pwd", "passphrase", "secret", "secrets", "token", "tokens", "bearer"),
        *("authorization", "cookie", "cookies", "credential", "credentials", "jwt", "jwts", "apikey", "apikeys"),
        *("otp", "otps", "totp", "pin", "signature", "signatures", "verifier", "nonce"),
    }
)
_SECRET_PAIRS = frozenset(
    {("api", "key"), ("private", "key"), ("access", "key"), ("secret", "key"), ("encryption", "key"), ("api", "keys")}
)
_PUBLIC_CODES = frozenset({"status", "error", "exit", "country", "language", "return", "response", "http", "zip"})
_ID_WORDS = frozenset({"id", "ids"})
_ERROR_CODE = re.compile(r"[A-Za-z]+(?:_[A-Za-z]+)+")
_HTTP_STATUS = range(100, 600)

_TOKEN = re.compile(r"(?<![A-Za-z0-9])(?=[a-z0-9]*[A-Z])(?=[A-Z0-9]*[a-z])[A-Za-z0-9]{32}(?![A-Za-z0-9])")
"""A session token: 32 letters of both cases and digits. So are ids of rows: fields that are named so keep them."""

API_KEY_LENGTH: Final = 64

_API_KEY = re.compile(r"(?<![A-Za-z])(?=[a-z]*[A-Z])(?=[A-Z]*[a-z])[A-Za-z]{64,}")
"""An API key: as many letters of both cases, which no word has. What it begins with, up to "_" or "-", is no secret."""

_NAMES = ("passw", "passphrase", "secret", "token", "api", "key", "authorization", "cookie", "signature", "verifier")
_SHORT_NAMES = ("pwd", "otp", "pin", "code", "state", "nonce")


@dataclass(frozen=True, slots=True)
class _Look:
    """What one kind of secret looks like; where none of ``marks`` is in a text in small letters, there is none."""

    marks: tuple[str, ...]
    pattern: re.Pattern[str]
    replacement: str = REDACTED


_GIVEN = (
    r"""(?!\\{0,3}["']?\[redacted\])(?:"""
    r"""(\\{1,3}["'])(?:(?!(?<!\\)\\["'])[^\r\n])+"""
    r"""|(")(?:\\.|[^"\\\r\n])+|(')(?:\\.|[^'\\\r\n])+"""
    r"""|(?!\\{1,3}["'])[^\s"'&;,)}\]]+)"""
)
"""What follows a name: in quotes that are escaped themselves, in quotes (up to the end of the line), or in none."""

# Each takes a time that grows with the length of the text and no faster: what may repeat is bounded or anchored.
_LOOKS: tuple[_Look, ...] = (
    _Look(
        ("-----begin ",),
        re.compile(r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,30}KEY-----|\Z)", re.DOTALL),
    ),
    _Look(
        ("cookie",),
        re.compile(r"\b((?:set-)?cookie[\"']?\s{0,3}[:=])[^\r\n]+", re.IGNORECASE),
        rf"\1 {REDACTED}",
    ),
    _Look(
        ("bearer", "basic", "digest"),
        re.compile(r"\b(bearer|basic|digest)(\s{1,3})[A-Za-z0-9._~+/=%-]{4,}", re.IGNORECASE),
        rf"\1\2{REDACTED}",
    ),
    _Look(("eyj",), re.compile(r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*){1,4}")),
    _Look((".", "%2e"), re.compile(r"(?<![A-Za-z0-9])[A-Za-z0-9]{32}(?:\.|%2[Ee])[A-Za-z0-9+/=_%-]{40,}")),
    _Look(("://",), re.compile(r"(://[^\s/@:]{0,256}:)[^\s/]{1,256}@"), rf"\1{REDACTED}@"),
    _Look(("/reset-password/",), re.compile(r"(/reset-password/)[^\s/?#\"']+"), rf"\1{REDACTED}"),
    _Look(
        (*_NAMES, *_SHORT_NAMES),
        re.compile(
            r"((?:passw(?:or)?d|passphrase|secret|token|api[_-]?key|private[_-]?key|authorization|cookie|signature|"
            rf"(?<![A-Za-z0-9])(?:{'|'.join(_SHORT_NAMES)}|totp)|code_?verifier)[\w.-]{{0,40}}"
            rf"\\{{0,3}}[\"']?\s{{0,3}}(?:=|%3D|:(?!//))\s{{0,3}}){_GIVEN}",
            re.IGNORECASE,
        ),
        rf"\1\2\3\4{REDACTED}",
    ),
)


def redact(logger: object, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:  # noqa: ARG001
    """A structlog processor: replace secrets by ``[redacted]``, at any depth, and never raise.

    Whatever stands under a key that names a secret (``password``, ``accessToken``, ``api_key``, ``cookie``, ``code``,
    ...) is replaced whole; so is, within any text, what looks like one: bearer tokens, cookies, JWTs, session tokens,
    API keys, private keys, passwords in URLs, ``token=...``. Texts of more than 16,384 characters are cut. It belongs
    after what formats exceptions and before the renderer::

        structlog.configure(processors=[..., structlog.processors.format_exc_info, redact, JSONRenderer()])
    """
    return {key: value if key in _UNTOUCHED else _field(key, value, 0) for key, value in event.items()}


def redacted_text(text: str, *, keeps_ids: bool = True) -> str:
    """A text without what looks like a secret; ``keeps_ids`` leaves what may as well be the id of a row."""
    if len(text) < SHORTEST:
        return text
    if len(text) > MAX_LENGTH:
        text = f"{text[:MAX_LENGTH]} [cut]"
    lowered = text.lower()
    for look in _LOOKS:
        if any(mark in lowered for mark in look.marks):
            text = look.pattern.sub(look.replacement, text)
    if len(text) >= API_KEY_LENGTH:
        text = _API_KEY.sub(REDACTED, text)
    return text if keeps_ids or len(text) < TOKEN_LENGTH else _TOKEN.sub(REDACTED, text)


@dataclass(frozen=True, slots=True)
class _Key:
    """What a key says of what stands under it."""

    is_secret: bool
    is_code: bool
    is_id: bool


def _field(key: object, value: object, depth: int) -> Any:
    try:
        named = _named(key) if isinstance(key, str) else _NAMELESS
        if named.is_secret and not _is_harmless(value, is_code=named.is_code):
            return REDACTED
        return _value(value, depth, is_id=named.is_id)
    except Exception:  # noqa: BLE001  (what cannot be looked at is not shown)
        return REDACTED


_NAMELESS = _Key(is_secret=False, is_code=False, is_id=False)


@lru_cache(maxsize=1024)  # a memo of a pure function: the same few keys are logged all the time
def _named(key: str) -> _Key:
    """``accessToken``, ``access_token`` and ``ACCESS-TOKEN`` have the same two words."""
    words = [word.lower() for word in _WORD.findall(key[:MAX_KEY])]
    last = words[-1] if words else ""
    is_id = last in _ID_WORDS
    is_code = last in ("code", "codes") and _PUBLIC_CODES.isdisjoint(words)
    is_named = not _SECRET_WORDS.isdisjoint(words) or any(pair in _SECRET_PAIRS for pair in pairwise(words))
    return _Key(is_secret=not is_id and (is_code or is_named), is_code=is_code, is_id=is_id)


def _is_harmless(value: object, *, is_code: bool) -> bool:
    """Whether what stands there is no secret whatever its name: nothing, a flag, a code that names an error."""
    if value is None or isinstance(value, bool) or value in ("", REDACTED):
        return True
    if not is_code:
        return False
    if isinstance(value, str):
        return _ERROR_CODE.fullmatch(value) is not None
    return isinstance(value, int) and value in _HTTP_STATUS


def _value(value: object, depth: int, *, is_id: bool = False) -> Any:
    if isinstance(value, str):
        return redacted_text(value, keeps_ids=is_id)
    if isinstance(value, _PLAIN):
        return value
    if depth >= MAX_DEPTH:
        return REDACTED
    if isinstance(value, Mapping):
        return {key: _field(key, each, depth + 1) for key, each in value.items()}
    for kind, build in _LISTS:
        if isinstance(value, kind):
            return build(_value(each, depth + 1, is_id=is_id) for each in value)
    return _shown(value)


_LISTS: tuple[tuple[type[Iterable[Any]], Callable[[Iterable[Any]], Any]], ...] = (
    (list, list),
    (tuple, tuple),
    (set, set),
    (frozenset, frozenset),
)


def _shown(value: object) -> object:
    """Anything else: itself, where a renderer would show nothing of it that looks like a secret."""
    with suppress(Exception):
        text = repr(value)
        cleaned = redacted_text(text, keeps_ids=False)
        return value if cleaned == text else cleaned
    return REDACTED

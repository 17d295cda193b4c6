"""The patterns a trusted origin may be written as, compiled once (Better Auth contract, trusted origins)."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Self

import ada_url

from asgi_auth.percent import decode_component

WEB_SCHEMES = frozenset({"http", "https"})

# They run or hold a document of their own instead of leading somewhere: no pattern makes them a place to go.
_SCRIPT_SCHEMES = frozenset({"javascript", "data", "vbscript", "blob"})
_PARTS = ("protocol", "username", "password", "host", "hostname", "pathname", "origin")

# What a glob costs can grow with the square of what it is held against. Names end at 253 (RFC 1035), a port
# takes six more and "https://" eight; paths worth a pattern are short.
_LONGEST_ORIGIN = 267
_LONGEST_AUTHORITY = 259
_LONGEST_PATH = 2048

_GLOB_TOKEN = re.compile(r"\\(?P<escaped>.)|(?P<run>\*+)|(?P<one>\?)|(?P<text>.)", re.DOTALL)
_SCHEME_PATTERN = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.\-]*)://(?P<authority>[^/]*)(?P<path>.*)", re.DOTALL | re.IGNORECASE
)
_NUMERIC_HOST = re.compile(r"(?:[^/]*://)?(?=[^/:]*[0-9])[0-9.*?]+(?::[0-9*?]*)?(?:/.*)?", re.DOTALL)
_UNSAFE_IN_PATH = re.compile(r"[\\\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A URL as a browser reads it (WHATWG): where it leads."""

    scheme: str
    origin: str
    userinfo: str
    host: str
    hostname: str
    pathname: str

    @classmethod
    def parse(cls, url: str) -> Self | None:
        """Take an absolute URL apart; None where it is none or leads nowhere (``javascript:``, ``data:``)."""
        try:
            parts = ada_url.parse_url(url, attributes=_PARTS)
        except ValueError:
            return None
        scheme = parts["protocol"].removesuffix(":")
        if scheme in _SCRIPT_SCHEMES:
            return None
        return cls(
            scheme=scheme,
            origin=parts["origin"],
            userinfo=parts["username"] + (":" + parts["password"] if parts["password"] else ""),
            host=parts["host"],
            hostname=parts["hostname"],
            pathname=parts["pathname"],
        )

    @property
    def authority(self) -> str:
        """``user@host:port``, of which only the host is always there."""
        return f"{self.userinfo}@{self.host}" if self.userinfo else self.host

    @property
    def path(self) -> str | None:
        """The path, decoded and without dot segments; None where readers could differ about it."""
        return _plain_path(self.pathname)

    @property
    def is_ipv4(self) -> bool:
        """Whether the host is a dotted IPv4 address."""
        try:
            IPv4Address(self.hostname)
        except ValueError:
            return False
        return True


@dataclass(frozen=True, slots=True, kw_only=True)
class WebPattern:
    """A pattern with wildcards for http and https, held against the origin or against host and port."""

    glob: re.Pattern[str]
    has_scheme: bool
    is_numeric: bool

    def admits(self, target: Target) -> bool:
        """Whether the pattern covers where the URL leads."""
        if target.scheme not in WEB_SCHEMES or (self.is_numeric and not target.is_ipv4):
            return False
        return _covers(self.glob, target.origin if self.has_scheme else target.host, _LONGEST_ORIGIN)


@dataclass(frozen=True, slots=True, kw_only=True)
class AppPattern:
    """A pattern for an application's own scheme: ``myapp://``, ``myapp://host/path``, ``exp://192.168.*:*/**``."""

    scheme: str
    authority: re.Pattern[str] | None
    path: re.Pattern[str] | None
    is_glob: bool
    is_numeric: bool

    def admits(self, target: Target) -> bool:
        """Whether the pattern covers where the URL leads."""
        return target.scheme == self.scheme and self._admits_authority(target) and self._admits_path(target)

    def _admits_authority(self, target: Target) -> bool:
        # Where a wildcard leaves room for it, "evil@x.host" is evil to one parser and x.host to another.
        if self.is_glob and target.userinfo:
            return False
        if self.is_numeric and not target.is_ipv4:
            return False
        return self.authority is None or _covers(self.authority, target.authority, _LONGEST_AUTHORITY)

    def _admits_path(self, target: Target) -> bool:
        return self.path is None or _covers(self.path, target.path, _LONGEST_PATH)


def compile_pattern(pattern: str) -> WebPattern | AppPattern | None:
    """What a pattern means beyond the very origin it spells; None where it means no more than that."""
    has_wildcard = "*" in pattern or "?" in pattern
    parts = _SCHEME_PATTERN.fullmatch(pattern)
    if parts is not None and parts["scheme"].lower() not in WEB_SCHEMES:
        return _app_pattern(parts, is_glob=has_wildcard)
    if not has_wildcard:
        return None
    return WebPattern(
        glob=re.compile(_glob(pattern, any_char="."), re.DOTALL),
        has_scheme="://" in pattern,
        is_numeric=_NUMERIC_HOST.fullmatch(pattern) is not None,
    )


def _plain_path(path: str) -> str | None:
    decoded = decode_component(path)
    if decoded is None or _UNSAFE_IN_PATH.search(decoded):
        return None
    return posixpath.normpath("/" + decoded.lstrip("/"))


def _covers(regex: re.Pattern[str], text: str | None, longest: int) -> bool:
    return text is not None and len(text) <= longest and regex.fullmatch(text) is not None


def _app_pattern(parts: re.Match[str], *, is_glob: bool) -> AppPattern:
    authority = parts["authority"]
    path = (parts["path"] if is_glob else _plain_path(parts["path"]) or parts["path"]).rstrip("/")
    authority_source = _glob(authority, any_char=".") if is_glob else re.escape(authority)
    path_source = _path_glob(path) if is_glob else re.escape(path) + "(?:/.*)?"
    return AppPattern(
        scheme=parts["scheme"].lower(),
        authority=re.compile(authority_source, re.DOTALL | re.IGNORECASE) if authority else None,
        path=re.compile(path_source, re.DOTALL) if path else None,
        is_glob=is_glob,
        is_numeric=_NUMERIC_HOST.fullmatch(parts[0]) is not None,
    )


def _path_glob(pattern: str) -> str:
    """A path's glob: ``*`` stays within a segment, ``/**`` is any number of them."""
    return "(?:/.*)?".join(_glob(part, any_char="[^/]") for part in pattern.split("/**"))


def _glob(pattern: str, *, any_char: str) -> str:
    """A regular expression: ``?`` is one character, ``*`` any run, a backslash makes the next literal."""
    chunks = [""]
    for token in _GLOB_TOKEN.finditer(pattern):
        if token["run"]:
            chunks.append("")
        else:
            chunks[-1] += any_char if token["one"] else re.escape(token["escaped"] or token["text"])
    # Atomic groups: the leftmost place for each part is as good as any, so none is ever tried again.
    first, *others = chunks
    if not others:
        return first
    between = "".join(f"(?>{any_char}*?{chunk})" for chunk in others[:-1])
    return f"{first}{between}{any_char}*{others[-1]}"

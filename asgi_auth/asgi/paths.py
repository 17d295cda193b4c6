"""Paths compared by whole segments, on the very value a router sees."""

from __future__ import annotations

import re
from collections.abc import Iterable

from asgi_auth.asgi.types import Scope

# Spellings that routers, proxies and file systems read differently from one another.
_AMBIGUOUS = re.compile(r"//|[\\%;\x00-\x1f\x7f-\x9f]|/\.{1,2}(?:/|\Z)")


def route_path(scope: Scope) -> str:
    """The path below ``root_path``, as the router behind sees it (the same answer as Starlette's).

    ``root_path`` is taken off on a segment boundary only: mounted at ``/v``, ``/v/1`` is ``/1`` and ``/v1``
    stays ``/v1``. A path that does not begin with it is left as it is; the mount point itself is "".
    """
    path: str = scope.get("path", "")
    root: str = scope.get("root_path") or ""
    if path == root:
        return "" if root else path
    return path[len(root) :] if path.startswith(f"{root}/") else path


def is_within(path: str, prefix: str) -> bool:
    """Whether a path is the prefix or lies below it: ``/api`` holds ``/api/ok`` and not ``/apis``."""
    base = prefix.rstrip("/")
    return path == base or path.startswith(f"{base}/")


class ExemptPaths:
    """The paths that need no credential.

    A pattern stands for itself and everything below it, by whole segments; ``/`` means the root alone; a
    segment ``*`` stands for any one segment. Letter case counts. Everything else is not exempt, nor is any
    path that could be read in two ways: one with ``//``, a backslash, ``%``, ``;``, a control character or a
    dot segment.

    Args:
        patterns: such as ``("/", "/health", "/users/*/avatar")``; a trailing slash changes nothing.

    Raises:
        ValueError: a pattern does not start with "/", could be read in two ways, or has ``*`` as a part of a
            segment; or a single text is given in place of a list.
    """

    def __init__(self, patterns: Iterable[str] = ()) -> None:
        if isinstance(patterns, str):
            raise ValueError(f'exempt is a list of paths: ["{patterns}"]')  # noqa: TRY004  (as for any other form)
        self.patterns = tuple(patterns)
        self._matcher = re.compile("|".join(map(_compiled, self.patterns)), re.DOTALL)

    def matches(self, path: str) -> bool:
        """Whether a path, as ``route_path`` gives it, is exempt."""
        return bool(self.patterns and self._matcher.fullmatch(path) and not _AMBIGUOUS.search(path))

    def __bool__(self) -> bool:
        return bool(self.patterns)

    def __repr__(self) -> str:
        return f"ExemptPaths({self.patterns!r})"


def _compiled(pattern: str) -> str:
    """The regular expression of one pattern."""
    if not pattern.startswith("/") or _AMBIGUOUS.search(pattern):
        raise ValueError(f"exempt path must start with '/' and be unambiguous: {pattern!r}")
    if pattern == "/":
        return "/"
    segments = pattern.rstrip("/").split("/")
    if any("*" in segment and segment != "*" for segment in segments):
        raise ValueError(f"'*' in an exempt path must be a whole segment: {pattern!r}")
    return "/".join("[^/]+" if segment == "*" else re.escape(segment) for segment in segments) + "(?:/.*)?"

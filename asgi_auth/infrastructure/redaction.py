"""What may be shown of a request and of an exception to whoever watches over errors: no credential, no secret."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from types import CodeType, FrameType, FunctionType, TracebackType
from urllib.parse import quote

from asgi_auth.asgi.types import Scope
from asgi_auth.errors import AuthError, ConfigurationError
from asgi_auth.infrastructure.log_redaction import REDACTED, redacted_text

KEPT_KEYS = ("type", "asgi", "http_version", "method", "scheme", "client", "server")

HARMLESS_HEADERS = frozenset(
    {
        b"accept",
        b"accept-encoding",
        b"accept-language",
        b"cache-control",
        b"connection",
        b"content-length",
        b"content-type",
        b"forwarded",
        b"host",
        b"origin",
        b"sec-fetch-dest",
        b"sec-fetch-mode",
        b"sec-fetch-site",
        b"sec-websocket-version",
        b"traceparent",
        b"transfer-encoding",
        b"upgrade",
        b"user-agent",
        b"via",
        b"x-forwarded-for",
        b"x-forwarded-host",
        b"x-forwarded-proto",
        b"x-real-ip",
        b"x-request-id",
    }
)
"""Headers whose values are shown; of all others only the names."""

MOST_CAUSES = 5
"""Exceptions behind one another that are shown."""

NOTES = "__notes__"
"""Where Python keeps what anybody has added to an exception."""

_PARAMETER = re.compile(r"[A-Za-z][A-Za-z0-9_.\-]{0,39}")


class HiddenError(Exception):
    """Stands for an exception whose text and attributes may hold anything; its type is named like that one's."""


def redacted_scope(scope: Scope) -> dict[str, object]:
    """A copy of a scope that holds no credential: see ``Auth(on_error=...)`` for what is left."""
    shown: dict[str, object] = {key: scope[key] for key in KEPT_KEYS if key in scope}
    parameters = {str(value): f"{{{name}}}" for name, value in (scope.get("path_params") or {}).items()}
    path = "/".join(parameters.get(segment, segment) for segment in str(scope.get("path", "")).split("/"))
    path = redacted_text(path, keeps_ids=False)  # nobody may have routed it yet
    shown["path"] = path
    shown["raw_path"] = quote(path, safe="/{}[]").encode()
    shown["root_path"] = scope.get("root_path", "")
    shown["headers"] = [(name, _shown_value(name, value)) for name, value in scope.get("headers") or ()]
    shown["query_string"] = _shown_query(scope.get("query_string") or b"")
    return shown


def _shown_value(name: bytes, value: bytes) -> bytes:
    return value if name.lower() in HARMLESS_HEADERS else REDACTED.encode()


def _shown_query(query: bytes) -> bytes:
    """The names of its parameters; a part without a value may be one."""
    return "&".join(_shown_parameter(part) for part in query.decode("latin-1").split("&") if part).encode()


def _shown_parameter(part: str) -> str:
    name, equals, _ = part.partition("=")
    return f"{name}={REDACTED}" if equals and _PARAMETER.fullmatch(name) else REDACTED


def redacted_error(error: BaseException, *, depth: int = MOST_CAUSES) -> BaseException:
    """An exception to show in place of one: same type by name, same places in the code, no variables.

    Our own errors are copied with their sentences; the texts of all others, which may quote what was stored or sent,
    are left out. What caused it follows as its ``__cause__``.
    """
    shown = _copy(error).with_traceback(_bare_traceback(error.__traceback__))
    cause = error.__cause__ or error.__context__
    if cause is not None and depth > 1:
        shown.__cause__ = redacted_error(cause, depth=depth - 1)
    shown.__suppress_context__ = True
    return shown


def _copy(error: BaseException) -> BaseException:
    kind = type(error)
    if isinstance(error, AuthError | ConfigurationError) and kind.__module__.partition(".")[0] == "asgi_auth":
        shown = kind.__new__(kind)
        shown.args = error.args
        vars(shown).update((name, value) for name, value in vars(error).items() if name != NOTES)
        return shown
    named = {"__module__": kind.__module__, "__qualname__": kind.__qualname__, "__doc__": kind.__doc__}
    hidden: type[HiddenError] = type(kind.__name__, (HiddenError,), named)
    return hidden()


def _bare_traceback(given: TracebackType | None) -> TracebackType | None:
    """The same places, in frames that hold nothing: those of a traceback hold every variable of every function."""
    places = []
    while given is not None:
        places.append((given.tb_frame.f_code, given.tb_lineno, given.tb_frame.f_globals.get("__name__")))
        given = given.tb_next
    return _linked(places)


def _linked(places: Iterable[tuple[CodeType, int, object]]) -> TracebackType | None:
    shown: TracebackType | None = None
    for code, line, module in reversed(list(places)):
        frame = _bare_frame(code, line, {"__name__": module, "__file__": code.co_filename})
        shown = TracebackType(shown, frame, 0, line)
    return shown


def _bare_frame(code: CodeType, line: int, variables: dict[str, object]) -> FrameType:
    """The frame of a generator that has not begun: it says where it is, holds nothing, and nobody has called it."""
    named = _BARE.replace(
        co_filename=code.co_filename, co_name=code.co_name, co_qualname=code.co_qualname, co_firstlineno=line
    )
    frame: FrameType = FunctionType(named, variables)().gi_frame
    return frame


def _bare_code() -> CodeType:
    """A generator function whose code is all on its first line, and no part of it."""
    tree = ast.parse("def bare(): yield")
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt | ast.expr):
            node.lineno = node.end_lineno = 1
            node.col_offset = node.end_col_offset = 0
    module = compile(tree, "", "exec")
    return next(constant for constant in module.co_consts if isinstance(constant, CodeType))


_BARE = _bare_code()
"""Made once: compiling it for each place of a deep recursion would hold up everybody."""

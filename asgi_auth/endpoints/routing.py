"""From a request to a handler and back: the contract's order of checks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from starlette.responses import Response
from starlette.routing import Route, Router

from asgi_auth.asgi.cookies import has_cookie_header
from asgi_auth.asgi.messages import refuse
from asgi_auth.asgi.paths import route_path
from asgi_auth.asgi.types import Receive, Scope, Send
from asgi_auth.endpoints.body import ClientDisconnected, read_body
from asgi_auth.endpoints.call import Call, Web
from asgi_auth.endpoints.errors import UrlIsNoText
from asgi_auth.endpoints.responses import Answer, error_answer, to_response
from asgi_auth.errors import AuthError, ConfigurationError, NotFound, UntrustedUrl
from asgi_auth.origin_policy import SAFE_METHODS

Handler = Callable[[Call], Awaitable[Answer]]
M = TypeVar("M", bound=Callable[..., Awaitable[Answer]])

URL_FIELDS: tuple[tuple[str, str], ...] = (
    ("callbackURL", "INVALID_CALLBACK_URL"),
    ("redirectTo", "INVALID_REDIRECT_URL"),
    ("errorCallbackURL", "INVALID_ERROR_CALLBACK_URL"),
    ("newUserCallbackURL", "INVALID_NEW_USER_CALLBACK_URL"),
)
URL_NAMES: Mapping[str, str] = {"redirectTo": "redirectURL"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteSpec:
    """How a handler is reached."""

    method: str
    path: str
    takes_forms: bool = False
    ignores_body: bool = False


def get(path: str) -> Callable[[M], M]:
    """Mark a method of an Endpoints class as the handler of GET on a path."""
    return _mark(RouteSpec(method="GET", path=path, ignores_body=True))


def post(path: str, *, takes_forms: bool = False, ignores_body: bool = False) -> Callable[[M], M]:
    """Mark a method of an Endpoints class as the handler of POST on a path.

    ``takes_forms`` lets HTML forms in beside JSON; ``ignores_body`` reads none.
    """
    return _mark(RouteSpec(method="POST", path=path, takes_forms=takes_forms, ignores_body=ignores_body))


def _mark(spec: RouteSpec) -> Callable[[M], M]:
    def mark(method: M) -> M:
        method.__route__ = spec  # type: ignore[attr-defined]
        return method

    return mark


class Endpoints:
    """The base of a group of endpoints: its marked methods are the handlers."""

    def handlers(self) -> Iterable[tuple[RouteSpec, Handler]]:
        """Every handler of the group with its route."""
        for name in dir(type(self)):
            spec = getattr(getattr(type(self), name), "__route__", None)
            if isinstance(spec, RouteSpec):
                yield spec, getattr(self, name)


def build_router(web: Web, groups: Iterable[Endpoints]) -> Router:
    """A Starlette router over all handlers; whatever it does not know is 404 with an empty body.

    Raises ConfigurationError where two of them claim the same method and path.
    """
    by_path: dict[str, dict[str, tuple[RouteSpec, Handler]]] = {}
    for group in groups:
        for spec, handler in group.handlers():
            methods = by_path.setdefault(spec.path, {})
            if spec.method in methods:
                raise ConfigurationError(f"{spec.method} {spec.path} is claimed twice")
            methods[spec.method] = (spec, handler)
    routes = [Route(path, _Resource(web, methods)) for path, methods in sorted(by_path.items())]
    return Router(routes, redirect_slashes=False, default=_not_found)


async def _not_found(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        await to_response(Answer(status=404, is_empty=True))(scope, receive, send)
    elif scope["type"] == "websocket":
        await refuse(scope, receive, send, NotFound(), realm="")


class _Resource:
    """All handlers of one path; an unknown method is as unknown as an unknown path."""

    def __init__(self, web: Web, methods: Mapping[str, tuple[RouteSpec, Handler]]) -> None:
        self._web = web
        self._methods = dict(methods)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = route_path(scope)
        if path in self._web.config.request.disabled_paths:
            await _disabled()(scope, receive, send)
            return
        found = self._methods.get(scope["method"])
        # Starlette's patterns end before a trailing line feed: "/ok\n" must not be "/ok" under another name.
        if found is None or not path.isprintable():
            await _not_found(scope, receive, send)
            return
        try:
            response = await self._answer(*found, scope, receive)
        except ClientDisconnected:
            return
        except Exception:
            # The contract's answer to a bug of ours; whoever watches over the process gets to see it as well.
            await to_response(Answer(status=500, is_empty=True))(scope, receive, send)
            raise
        await response(scope, receive, send)

    async def _answer(self, spec: RouteSpec, handler: Handler, scope: Scope, receive: Receive) -> Any:
        call: Call | None = None
        try:
            options = self._web.config.request
            given: object = None
            if not spec.ignores_body:
                given = await read_body(scope, receive, options, takes_forms=spec.takes_forms)
            call = Call(self._web, scope, given)
            if spec.method not in SAFE_METHODS:
                _check_origin(call)
            answer = await handler(call)
        except AuthError as error:
            answer = error_answer(error)
        return to_response(answer, call)


def _disabled() -> Response:
    return Response(b"Not Found", 404, {"content-type": "text/plain;charset=UTF-8"})


def _check_origin(call: Call) -> None:
    """Refuse cookie-bearing requests from elsewhere, and URLs that lead elsewhere (Better Auth's contract)."""
    if call.web.config.csrf.checks_auth_origin and has_cookie_header(call.scope):
        call.web.origins.check(call.scope)
    given = call.given if isinstance(call.given, Mapping) else {}
    for field, code in URL_FIELDS:
        url = given.get(field)
        if field == "callbackURL":
            url = url or call.query.get(field)
        if url:
            _check_url(call, url, URL_NAMES.get(field, field), code)


def _check_url(call: Call, url: object, name: str, code: str) -> None:
    if not isinstance(url, str):
        raise UrlIsNoText(name)
    if not call.web.origins.trusts(call.scope, url, allow_relative=True):
        raise UntrustedUrl(code, name)

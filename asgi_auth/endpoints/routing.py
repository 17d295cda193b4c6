"""From a request to a handler and back: the contract's order of checks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MethodType
from typing import Any, TypeVar, get_type_hints

from msgspec import UNSET
from starlette.routing import Route, Router

from asgi_auth.asgi.cookies import has_cookie_header
from asgi_auth.asgi.messages import refuse
from asgi_auth.asgi.paths import route_path
from asgi_auth.asgi.types import Receive, Scope, Send
from asgi_auth.endpoints.body import ClientDisconnected, read_body
from asgi_auth.endpoints.call import Call
from asgi_auth.endpoints.hooks import EndpointHooks
from asgi_auth.endpoints.responses import Answer, error_answer, to_response
from asgi_auth.endpoints.schema import validate
from asgi_auth.endpoints.urls import URL_FIELDS, check_url
from asgi_auth.endpoints.web import Web
from asgi_auth.errors import AuthError, ConfigurationError, NotFound, Unavailable
from asgi_auth.infrastructure.metrics import REQUEST_ERROR, REQUEST_FAULT
from asgi_auth.origin_policy import SAFE_METHODS

Handler = Callable[..., Awaitable[Answer]]
M = TypeVar("M", bound=Callable[..., Awaitable[Answer]])


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteSpec:
    """How a handler is reached, and what it answers.

    Attributes:
        method: "GET" or "POST".
        path: below the base path; ``{name}`` stands for one segment.
        answers: the type of its JSON answer, for the description of the endpoints; Page, or None for a redirect.
        answers_when_down: the type of its answer of status 503, where that is none of our errors.
        takes_forms: HTML forms are let in beside JSON.
        ignores_body: none is read.
        counts_failures: a wrong guess (``AuthError.is_wrong_guess``) counts against the client's address.
        is_described: it is part of the description of the endpoints.
    """

    method: str
    path: str
    answers: object = None
    answers_when_down: object = None
    takes_forms: bool = False
    ignores_body: bool = False
    counts_failures: bool = False
    is_described: bool = True


def get(
    path: str, *, answers: object = None, answers_when_down: object = None, is_described: bool = True
) -> Callable[[M], M]:
    """Mark a method of an Endpoints class as the handler of GET on a path; RouteSpec says what the rest means."""
    return _mark(
        RouteSpec(
            method="GET",
            path=path,
            answers=answers,
            answers_when_down=answers_when_down,
            ignores_body=True,
            is_described=is_described,
        )
    )


def post(
    path: str,
    *,
    answers: object = None,
    takes_forms: bool = False,
    ignores_body: bool = False,
    counts_failures: bool = False,
) -> Callable[[M], M]:
    """Mark a method of an Endpoints class as the handler of POST on a path; RouteSpec says what the rest means."""
    return _mark(
        RouteSpec(
            method="POST",
            path=path,
            answers=answers,
            takes_forms=takes_forms,
            ignores_body=ignores_body,
            counts_failures=counts_failures,
        )
    )


def _mark(spec: RouteSpec) -> Callable[[M], M]:
    def mark(method: M) -> M:
        method.__route__ = spec  # type: ignore[attr-defined]
        return method

    return mark


class Endpoints:
    """The base of a group of endpoints: its marked methods are the handlers.

    A handler takes the call and, by these names and their annotations, the decoded ``body`` and ``query``: each a Body,
    checked before the handler runs.
    """

    def handlers(self) -> Iterable[tuple[RouteSpec, Handler]]:
        """Every handler of the group with its route."""
        for name in dir(type(self)):
            spec = getattr(getattr(type(self), name), "__route__", None)
            if isinstance(spec, RouteSpec):
                yield spec, getattr(self, name)


def build_router(web: Web, groups: Iterable[Endpoints], hooks: Sequence[EndpointHooks] = ()) -> Router:
    """A Starlette router over all handlers; whatever it does not know is 404 with an empty body.

    ``hooks`` are what features do around each of them.

    Raises ConfigurationError where two of them claim the same method and path.
    """
    by_path: dict[str, dict[str, tuple[RouteSpec, Handler]]] = {}
    for group in groups:
        for spec, handler in group.handlers():
            methods = by_path.setdefault(spec.path, {})
            if spec.method in methods:
                raise ConfigurationError(f"{spec.method} {spec.path} is claimed twice")
            methods[spec.method] = (spec, handler)
    routes = [Route(path, _Resource(web, methods, hooks)) for path, methods in sorted(by_path.items())]
    return Router(routes, redirect_slashes=False, default=_not_found)


async def _not_found(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        await to_response(Answer(status=404, is_empty=True))(scope, receive, send)
    elif scope["type"] == "websocket":
        await refuse(scope, receive, send, NotFound(), realm="")


class _Resource:
    """All handlers of one path; an unknown method is as unknown as an unknown path."""

    def __init__(
        self, web: Web, methods: Mapping[str, tuple[RouteSpec, Handler]], hooks: Sequence[EndpointHooks]
    ) -> None:
        self._web = web
        self._methods = dict(methods)
        self._hooks = hooks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = self._methods.get(scope["method"])
        # Starlette's patterns end before a trailing line feed: "/ok\n" must not be "/ok" under another name.
        if found is None or not route_path(scope).isprintable():
            await _not_found(scope, receive, send)
            return
        try:
            response = await self._answer(*found, scope, receive)
        except ClientDisconnected:
            return
        except Exception as error:
            self._web.services.metrics.increment(REQUEST_ERROR)
            self._web.services.error_reports.report(error, scope)
            # The contract's answer to a bug of ours; whoever watches over the process gets to see it as well.
            await to_response(Answer(status=500, is_empty=True))(scope, receive, send)
            raise
        await response(scope, receive, send)

    async def _answer(self, spec: RouteSpec, handler: Handler, scope: Scope, receive: Receive) -> Any:
        call: Call | None = None
        try:
            options = self._web.config.request
            given: object = UNSET
            if not spec.ignores_body:
                given = await read_body(scope, receive, options, takes_forms=spec.takes_forms)
            call = Call(self._web, scope, given)
            if spec.method not in SAFE_METHODS:
                _check_origin(call)
            for hook in self._hooks:
                await hook.before(call)
            answer = await _handled(spec, handler, call)
            if call.shown is not None:
                for hook in self._hooks:
                    await hook.on_session(call, call.shown)
        except AuthError as error:
            self._note_fault(error, scope)
            await self._web.tell(error)
            answer = error_answer(error)
        return to_response(answer, call)

    def _note_fault(self, error: AuthError, scope: Scope) -> None:
        if isinstance(error, Unavailable):
            self._web.services.metrics.increment(REQUEST_FAULT, kind="endpoint")
            self._web.services.error_reports.report(error, scope)


async def _handled(spec: RouteSpec, handler: Handler, call: Call) -> Answer:
    inputs = _inputs(handler, call)
    if not spec.counts_failures:
        return await handler(call, **inputs)
    async with call.services.rate_limits.guess_from(call.client_address):
        return await handler(call, **inputs)


def _inputs(handler: Handler, call: Call) -> dict[str, object]:
    """What a handler takes beside the call; raises ValidationFailed, for the body before the query."""
    hints = input_hints(handler)
    given = {"body": call.given, "query": call.query}
    return {name: validate(hint, given[name], where=name) for name, hint in hints.items()}


def input_hints(handler: Handler) -> Mapping[str, object]:
    """The types of what a handler takes beside the call, by name: ``body``, ``query``."""
    return _input_hints(handler.__func__ if isinstance(handler, MethodType) else handler)


@cache
def _input_hints(handler: Handler) -> Mapping[str, object]:
    hints = get_type_hints(handler, include_extras=True)
    return {name: hints[name] for name in ("body", "query") if name in hints}


def _check_origin(call: Call) -> None:
    """Refuse cookie-bearing requests from elsewhere, and URLs that lead elsewhere (Better Auth's contract)."""
    if call.web.config.csrf.checks_auth_origin and has_cookie_header(call.scope):
        call.web.origins.check(call.scope)
    given = call.given if isinstance(call.given, Mapping) else {}
    for field in URL_FIELDS:
        url = given.get(field)
        if field == "callbackURL" and _is_nothing(url):
            url = call.query.get(field)
        if not _is_nothing(url):
            check_url(call, url, field)


def _is_nothing(url: object) -> bool:
    """As JavaScript decides it: an empty list or object is something."""
    return not url and not isinstance(url, list | dict)

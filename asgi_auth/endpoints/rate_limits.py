"""The door of the endpoints: how often each path may be asked for, counted before anybody looks what is there."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from types import MappingProxyType

import structlog
from starlette.responses import Response

from asgi_auth.asgi.messages import Headers, RateLimitPolicy
from asgi_auth.asgi.paths import route_path
from asgi_auth.asgi.types import ASGIApp, Message, Receive, Scope, Send
from asgi_auth.config import RateLimit, RateLimitOptions
from asgi_auth.endpoints.responses import error_answer, to_response
from asgi_auth.endpoints.web import Web
from asgi_auth.errors import RateLimited
from asgi_auth.infrastructure.metrics import CLIENT_ADDRESS_UNRESOLVED

GENERAL = "general"
"""What the rule is called that holds where no other does."""

LONGEST_PATH = 200
"""Characters of a path that are looked at and kept; what is longer, or not plain, is kept by its digest."""

_CREDENTIALS = RateLimit(3, timedelta(seconds=10))
_LETTERS = RateLimit(3, timedelta(seconds=60))

BUILT_IN: Mapping[str, RateLimit] = MappingProxyType(
    {
        "/sign-in**": _CREDENTIALS,
        "/sign-up**": _CREDENTIALS,
        "/change-password**": _CREDENTIALS,
        "/change-email**": _CREDENTIALS,
        "/request-password-reset": _LETTERS,
        "/send-verification-email": _LETTERS,
        "/forget-password**": _LETTERS,
        "/email-otp/send-verification-otp": _LETTERS,
        "/email-otp/request-password-reset": _LETTERS,
    }
)
"""Better Auth's special rules (contract)."""

PROBES: Mapping[str, RateLimit | None] = MappingProxyType(dict.fromkeys(("/health", "/health/live", "/health/ready")))
"""Whoever watches over the process asks often, and its answer may not hang on where hits are counted."""

_WILDCARD = re.compile(r"\*\*/|\*\*|\*|\?")
_REGEX = MappingProxyType({"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"})

_logger = structlog.get_logger("asgi_auth.rate_limit")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: its name, its limit (None where it lifts every other), and what it says of itself."""

    name: str
    limit: RateLimit | None
    policy: RateLimitPolicy | None

    @classmethod
    def of(cls, name: str, limit: RateLimit | None) -> Rule:
        """A rule with what it says of itself."""
        policy = None if limit is None else RateLimitPolicy(name, most=limit.most, window=limit.window)
        return cls(name, limit, policy)


class PathRules:
    """Which rule holds for a path: the application's own, then the features', then Better Auth's, then the general one.

    Of several in one group the first that matches.
    """

    def __init__(self, options: RateLimitOptions, features: Iterable[Mapping[str, RateLimit]] = ()) -> None:
        rules: list[Mapping[str, RateLimit | None]] = [options.rules, *map(dict, features), PROBES, BUILT_IN]
        self._rules = [Rule.of(pattern, limit) for group in rules for pattern, limit in group.items()]
        self._rules.append(Rule.of(GENERAL, options.general))
        patterns = (f"({_compiled(rule.name)})" for rule in self._rules[:-1])
        self._matcher = re.compile("|".join((*patterns, "(.*)")), re.DOTALL)

    def find(self, path: str) -> Rule:
        """The rule of a path, as ``plain_path`` gives it."""
        found = self._matcher.fullmatch(path[:LONGEST_PATH])
        return self._rules[(found.lastindex or 0) - 1 if found else -1]


def _compiled(pattern: str) -> str:
    """The regular expression of a rule's path; it has no groups of its own."""
    written, end = "", 0
    for wildcard in _WILDCARD.finditer(pattern):
        written += re.escape(pattern[end : wildcard.start()]) + _REGEX[wildcard.group()]
        end = wildcard.end()
    return written + re.escape(pattern[end:])


def plain_path(path: str) -> str:
    """A path without empty segments: however often slashes are repeated, it is counted as one."""
    if "//" not in path and not path.endswith("/"):
        return path or "/"
    return "/" + "/".join(filter(None, path.split("/")))


def _kept(path: str) -> str:
    """A path as the key of a counter: never long, and nothing in it that a database refuses."""
    if len(path) <= LONGEST_PATH and path.isascii() and path.isprintable():
        return path
    return "/#" + hashlib.blake2b(path.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


class Door:
    """An ASGI app in front of the endpoints' router: disabled paths, then rate limits, then the routes (contract)."""

    def __init__(self, web: Web, router: ASGIApp, rules: PathRules) -> None:
        self._web = web
        self._router = router
        self._rules = rules
        self._disabled = frozenset(path.rstrip("/") for path in web.config.request.disabled_paths)
        self._limits = web.services.rate_limits
        self._has_warned = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through or refuse it; what is no request is none of our business."""
        if scope["type"] != "http":
            await self._router(scope, receive, send)
            return
        with self._web.services.audit.asked_from(partial(self._web.devices.read, scope)):
            await self._let_in(scope, receive, send)

    async def _let_in(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = route_path(scope)
        if path.rstrip("/") in self._disabled:
            await _disabled_answer()(scope, receive, send)
            return
        if self._limits.is_enabled:
            try:
                headers = await self._count(scope, plain_path(path))
            except RateLimited as error:
                await self._web.tell(error)
                await to_response(error_answer(error))(scope, receive, send)
                return
            if headers:
                send = _with_headers(send, headers)
        await self._router(scope, receive, send)

    async def _count(self, scope: Scope, path: str) -> Headers:
        rule = self._rules.find(path)
        if rule.limit is None or rule.policy is None:
            return []
        client = self._web.addresses.resolve(scope)
        if client is None:
            self._warn()
            self._web.services.metrics.increment(CLIENT_ADDRESS_UNRESOLVED, purpose="rate_limit")
        hit = await self._limits.count_request(rule.name, rule.limit, client=client, path=_kept(path))
        return rule.policy.headers(remaining=hit.remaining, left=hit.seconds_left)

    def _warn(self) -> None:
        if not self._has_warned:
            self._has_warned = True
            _logger.warning("rate_limit.no_client_address", counts_as="one client", option="client_address")


def _disabled_answer() -> Response:
    return Response(b"Not Found", 404, {"content-type": "text/plain;charset=UTF-8"})


def _with_headers(send: Send, headers: Headers) -> Send:
    async def sending(message: Message) -> None:
        # A refusal of another limit, further in, has said all there is to say.
        if message["type"] == "http.response.start" and message["status"] != RateLimited.status:
            message = {**message, "headers": [*message.get("headers", ()), *headers]}
        await send(message)

    return sending

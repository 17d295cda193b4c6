"""What is asked for identity: one database with Auths of different options, somebody signed up, and their requests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta

from asgi_auth import Auth, CacheOptions, CookieCacheOptions, PrometheusMetrics
from asgi_auth.asgi.types import ASGIApp
from benchmarks import _apps

ORIGIN = (b"origin", f"http://{_apps.HOST}".encode())
COOKIE_CACHE = CookieCacheOptions(is_enabled=True, lifetime=timedelta(hours=1))


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of request.

    Attributes:
        ask: makes it, for whoever has signed up.
        auth: which of the Auths it is for.
        statements: how many it may run.
    """

    ask: Callable[[_apps.Person], _apps.Request]
    auth: str = "default"
    statements: int = 0


def _cookie(person: _apps.Person) -> _apps.Request:
    return _apps.Request(headers=(person.cookie(),))


def _bearer(person: _apps.Person) -> _apps.Request:
    return _apps.Request(headers=(person.bearer(is_signed=False),))


KINDS: Mapping[str, Kind] = {
    "no credential": Kind(lambda _: _apps.Request()),
    "forged cookie": Kind(lambda person: _apps.Request(headers=(person.cookie(is_forged=True),))),
    "session cookie, known": Kind(_cookie),
    "bearer, known": Kind(_bearer),
    "session cookie, known, POST": Kind(lambda person: _apps.Request("POST", (person.cookie(), ORIGIN))),
    "session cookie, known, metrics": Kind(_cookie, "metrics"),
    "bearer, known, metrics": Kind(_bearer, "metrics"),
    "cookie cache": Kind(lambda person: _apps.Request(headers=(person.cookie(is_cached=True),)), "cookie cache"),
    "session cookie, read": Kind(_cookie, "uncached", 1),
    "bearer, read": Kind(_bearer, "uncached", 1),
    "bearer, signed, read": Kind(lambda person: _apps.Request(headers=(person.bearer(is_signed=True),)), "uncached", 1),
}


def _counting(url: str) -> Auth:
    from prometheus_client import CollectorRegistry

    return _apps.build_auth(url, metrics=PrometheusMetrics(CollectorRegistry()))


def _alone(url: str) -> Auth:  # noqa: ARG001  (the builders' signature)
    # Where others can write, a cookie that was written before anybody listened counts for nothing for half a minute.
    return _apps.build_auth("sqlite://", cookie_cache=COOKIE_CACHE)


AUTHS: Mapping[str, Callable[[str], Auth]] = {
    "default": _apps.build_auth,
    "metrics": _counting,
    "cookie cache": _alone,
    "uncached": lambda url: _apps.build_auth(url, cache=CacheOptions(is_enabled=False)),
}


@dataclass(frozen=True, slots=True)
class Subject:
    """One database with its Auths by name, and somebody signed up in it; who has a cookie cache is from elsewhere."""

    name: str
    url: str
    auths: Mapping[str, Auth]
    people: Mapping[str, _apps.Person]

    @property
    def person(self) -> _apps.Person:
        """Whoever has signed up in the database."""
        return self.people["default"]

    def request(self, kind: str) -> _apps.Request:
        """A request of this kind."""
        auth = KINDS[kind].auth
        return KINDS[kind].ask(self.people.get(auth, self.person))

    def app(self, kind: str) -> ASGIApp:
        """The bare application behind the Auth that a kind of request is for."""
        return self.auths[KINDS[kind].auth].wrap(_apps.bare)

    async def read(self) -> None:
        """The session read alone."""
        await self.auths["uncached"].services.engine.session_storage.find_with_user(self.person.token)

    async def statements(self, kind: str) -> list[str]:
        """The SQL that one request runs, when the same one came before it."""
        app, request = self.app(kind), self.request(kind)
        await _apps.ask(app, request)
        with self.auths[KINDS[kind].auth].services.engine.recorded() as recorded:
            await _apps.ask(app, request)
        return recorded


async def opened(urls: Mapping[str, str], stack: AsyncExitStack) -> list[Subject]:
    """One subject a database, open until the stack is closed."""
    subjects = []
    for name, url in urls.items():
        auths = {each: build(url) for each, build in AUTHS.items()}
        for auth in auths.values():
            await stack.enter_async_context(auth.lifespan())
        people = {each: await _apps.sign_up(auths[each]) for each in ("default", "cookie cache")}
        subjects.append(Subject(name, url, auths, people))
    return subjects

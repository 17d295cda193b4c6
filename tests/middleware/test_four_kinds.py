"""Whatever of the four kinds a request offers, however the middlewares stand: law 1 tells who it is, known or not."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from asgi_auth import (
    Auth,
    AuthConfig,
    AuthContext,
    BearerMiddleware,
    CacheOptions,
    SessionMiddleware,
    SessionOptions,
    auth_context,
)
from asgi_auth.asgi.types import ASGIApp, Receive, Scope, Send
from asgi_auth.context import RANK
from asgi_auth.errors import NotFound
from asgi_auth.features.api_key import ApiKeyMiddleware, ApiKeyOptions, ApiKeys
from asgi_auth.features.jwt import Jwt, JWTMiddleware, JwtOptions, JWTService
from asgi_auth.features.jwt.models import StoredKey
from tests.conftest import PATIENT
from tests.endpoints.wire import exchange, http
from tests.features.api_key.rows import add_key, keys_of
from tests.features.jwt.asking import declared, token_of
from tests.features.jwt.stored_keys import rows
from tests.middleware.people import Person, welcome
from tests.servers.issuer import IssuerServer, running_issuer
from tests.support import BASE_URL, SECRET, SESSION_COOKIE, FrozenClock, cookie_header, until, whoami

KINDS = {"session": SessionMiddleware, "bearer": BearerMiddleware, "jwt": JWTMiddleware, "api_key": ApiKeyMiddleware}


class Noting:
    """An application that keeps the context of the last request."""

    def __init__(self) -> None:
        self.context: AuthContext | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.context = auth_context(scope)
        await whoami(scope, receive, send)


@dataclass(frozen=True)
class Stack:
    """Middlewares from the outermost to the innermost; none stands for ``auth.wrap``."""

    kinds: tuple[str, ...]
    required: frozenset[str]
    exempting: frozenset[str]

    def around(self, app: ASGIApp, auth: Auth) -> ASGIApp:
        if not self.kinds:
            return auth.wrap(app, exempt=["/open"] if self.exempting else [])
        for kind in reversed(self.kinds):
            exempt = ["/open"] if kind in self.exempting else []
            app = KINDS[kind](app, auth.services, required=kind in self.required, exempt=exempt)  # type: ignore[operator]
        return app

    def looks_at(self, kind: str, path: str) -> bool:
        if not self.kinds:
            return not (self.exempting and path == "/open")
        return kind in self.kinds and not (path == "/open" and kind in self.exempting)


@dataclass(frozen=True)
class Offer:
    """One header, and what kind of credential it is."""

    name: str
    value: str
    kind: str | None


@dataclass(frozen=True)
class Request:
    offers: tuple[Offer, ...]
    path: str = "/"
    method: str = "GET"

    @property
    def is_repeating(self) -> bool:
        names = [offer.name.lower().replace("x-other-key", "x-api-key") for offer in self.offers]
        return len(set(names)) < len(names)


class World:
    """Two Auths on one database, of which one remembers nothing."""

    def __init__(self, warm: Auth, cold: Auth, *, issuer: IssuerServer, clock: FrozenClock) -> None:
        self.warm = warm
        self.cold = cold
        self.issuer = issuer
        self.clock = clock
        self.people = 0
        self._apps: dict[tuple[Stack, bool], tuple[Noting, ASGIApp]] = {}

    def app(self, stack: Stack, *, is_warm: bool) -> tuple[Noting, ASGIApp]:
        made = self._apps.get((stack, is_warm))
        if made is None:
            noting = Noting()
            made = self._apps[stack, is_warm] = (noting, stack.around(noting, self.warm if is_warm else self.cold))
        return made

    async def ask(self, stack: Stack, request: Request, *, is_warm: bool) -> tuple[Any, ...]:
        """Everything that a request is answered, and what the application knows of who sent it."""
        noting, app = self.app(stack, is_warm=is_warm)
        noting.context = None
        headers = [(offer.name, offer.value) for offer in request.offers]
        answer = await exchange(app, http(method=request.method, path=request.path, headers=headers))
        context = noting.context
        return answer.status, answer.body, answer.header("set-cookie"), context and seen_in(context)

    async def welcome(self) -> Person:
        self.people += 1
        return await welcome(self.warm, f"person{self.people}@example.com")

    async def offers(self) -> tuple[Person, Person, list[Offer]]:
        """Two people, and all that they and some strangers may send."""
        ada, bob = await self.welcome(), await self.welcome()
        return ada, bob, [*await self._good(ada), *await self._good(bob), *await self._odd(ada)]

    async def _good(self, person: Person) -> list[Offer]:
        key = await add_key(self.warm, person.user.id, permissions={"files": ["read"]})
        cookie, signed = cookie_header(self.warm, person.token), self.warm.services.signer.sign(person.token)
        token = await token_of(self.warm, person)
        return [
            Offer("cookie", cookie, "session"),
            Offer("Cookie", f"a=b; {cookie}", "session"),
            Offer("authorization", f"Bearer {person.token}", "bearer"),
            Offer("Authorization", f"bearer   {signed} ", "bearer"),
            Offer("authorization", f"Bearer {token}", "jwt"),
            Offer("AUTHORIZATION", f"BEARER {token} ", "jwt"),
            Offer("x-api-key", key.text, "api_key"),
            Offer("X-Other-Key", key.text, "api_key"),
        ]

    async def _odd(self, ada: Person) -> list[Offer]:
        token = await token_of(self.warm, ada)
        without = await self.warm.services.get(JWTService).sign_jwt({"sub": ada.user.id})
        disabled = await add_key(self.warm, ada.user.id, enabled=False)
        stranger = self.issuer.token
        return [
            Offer("cookie", f"{SESSION_COOKIE}=forged.signature", "session"),
            Offer("cookie", f"{SESSION_COOKIE}=Bearer {ada.token}", "session"),
            Offer("cookie", "theme=dark", None),
            *(Offer("authorization", f"Bearer {value}", "bearer") for value in ("", "nobody", f"{ada.token}.AAAA")),
            *(Offer("authorization", f"Basic {value}", None) for value in ("YTpi", token, ada.token)),
            *(Offer("authorization", f"Bearer {value}", "jwt") for value in ("a.b.c", f"{token[:-4]}AAAA", without)),
            Offer("authorization", f"Bearer {stranger()}", "jwt"),
            Offer("authorization", f"Bearer {stranger(sub=ada.user.id)}", "jwt"),
            Offer("authorization", f"Bearer {stranger(aud='somebody')}", "jwt"),
            Offer("x-api-key", "", None),
            *(Offer("x-api-key", value, "api_key") for value in ("short", "a" * 64, disabled.text, ada.token, token)),
        ]

    async def happen(self, event: str, ada: Person) -> None:
        """Something after which some of Ada's credentials count no more, or say something else."""
        services, me = self.warm.services, ada.user.id
        if event == "session revoked":
            await services.sessions.revoke_session(ada.session.id)
        elif event == "user changed":
            with suppress(NotFound):
                await services.users.change(me, name=f"{self.people}")
        elif event == "user deleted":
            await services.deletions.delete(me)
        elif event == "keys disabled":
            for row in await keys_of(self.warm).list(reference_id=me):
                await keys_of(self.warm).change({"id": row.id}, enabled=False)
        elif event == "signing keys deleted":
            for row in await rows(self.warm):
                await services.engine.store("jwks", StoredKey).remove(id=row.id)
        else:
            self.clock.advance(minutes=int(event.partition(" ")[0]))


EVENTS = [
    "session revoked",
    "user changed",
    "user deleted",
    "keys disabled",
    "signing keys deleted",
    "1 minute later",
    "16 minutes later",
    "10081 minutes later",
]


def seen_in(context: AuthContext) -> tuple[Any, ...]:
    """A context as it may be compared: but for a key's counters, which each Auth counts for itself."""
    proofs = {
        kind: replace(proof, api_key=_uncounted(proof.api_key), standing=None, judged_by=None)
        for kind, proof in context.credentials.items()
    }
    error = context.error and (type(context.error), context.error.code, context.error.status)
    return replace(context, credentials={}, error=None, api_key=_uncounted(context.api_key)), proofs, error


def _uncounted(key: Any) -> Any:
    return key and msgspec.structs.replace(key, request_count=0, last_request=None, updated_at=key.created_at)


async def expected(world: World, stack: Stack, request: Request) -> tuple[Any, ...]:
    """Law 1: of what is offered and looked at the highest kind decides, as it does where it is offered alone."""
    whole = Stack((), frozenset(), frozenset())
    looked_at = [offer for offer in request.offers if offer.kind and stack.looks_at(offer.kind, request.path)]
    accepted, refused = {}, {}
    for offer in looked_at:
        proofs, error = (await world.ask(whole, Request((offer,)), is_warm=False))[3][1:]
        (accepted if proofs else refused)[offer.kind] = proofs.get(offer.kind) or error
    if not looked_at:
        return None, None, {}, None
    deciding = max((offer.kind for offer in looked_at), key=lambda kind: RANK[kind])
    proof = accepted.get(deciding)
    return deciding, proof and proof.subject, accepted, refused.get(deciding)


def _auth(url: str, clock: FrozenClock, issuer: IssuerServer, **options: Any) -> Auth:
    options |= {"database": url, "base_url": BASE_URL, "database_options": PATIENT}
    config = AuthConfig.testing(secret=SECRET, session=SessionOptions(is_refreshed=False), **options)
    jwt = JwtOptions(issuers=(declared(issuer),), check_session=True)
    keys = ApiKeyOptions(header_names=("x-api-key", "x-other-key"))
    return Auth(config, features=[Jwt(jwt), ApiKeys(keys)], clock=clock)


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture
def world(runner: asyncio.Runner, tmp_path: Path) -> Iterator[World]:
    stack, clock = AsyncExitStack(), FrozenClock()

    async def open_() -> World:
        issuer = await stack.enter_async_context(running_issuer(clock))
        url = f"sqlite:///{tmp_path / 'four.sqlite'}"
        auths = [_auth(url, clock, issuer, cache=CacheOptions(is_enabled=is_warm)) for is_warm in (True, False)]
        for auth in auths:
            await stack.enter_async_context(auth.lifespan())
        await until(lambda: auths[0].services.remembering.hub.is_complete)
        return World(*auths, issuer=issuer, clock=clock)

    yield runner.run(open_())
    runner.run(stack.aclose())


kinds = st.sampled_from(sorted(KINDS))
some = st.frozensets(kinds)
orders = st.permutations(sorted(KINDS)) | st.lists(kinds, min_size=1, max_size=5)
wrapped = st.builds(Stack, st.just(()), st.just(frozenset()), some)
composed = st.builds(Stack, orders.map(tuple), some, some)
indulgent = st.builds(Stack, orders.map(tuple), st.just(frozenset()), some)
paths, methods = st.sampled_from(["/", "/open"]), st.sampled_from(["GET", "POST"])
asking = st.lists(st.tuples(st.lists(st.integers(0, 200), max_size=4), paths, methods), max_size=8)


def requests_of(offers: list[Offer], asked: list[tuple[list[int], str, str]]) -> list[Request]:
    chosen = [(tuple(offers[number % len(offers)] for number in numbers), *rest) for numbers, *rest in asked]
    return [Request(*each) for each in chosen]


@pytest.mark.parametrize("event", EVENTS)
@settings(max_examples=8, suppress_health_check=list(HealthCheck))
@given(stack=wrapped | composed, asked=asking)
@example(stack=Stack((), frozenset(), frozenset()), asked=[])
def test_what_is_known_is_what_is_judged_anew(world, runner, event, stack, asked):
    async def live() -> None:
        ada, _, offers = await world.offers()
        requests = [Request((offer,)) for offer in offers] + requests_of(offers, asked)
        for is_over in (False, True):
            if is_over:
                await world.happen(event, ada)
            for request in requests:
                anew = await world.ask(stack, request, is_warm=False)
                for _ in range(2):
                    assert await world.ask(stack, request, is_warm=True) == anew

    runner.run(live())


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(stack=wrapped | indulgent, asked=asking)
def test_the_highest_kind_that_is_offered_decides(world, runner, stack, asked):
    async def live() -> None:
        _, _, offers = await world.offers()
        for request in requests_of(offers, asked):
            if request.is_repeating or request.method != "GET":
                continue
            kind, subject, accepted, error = await expected(world, stack, request)
            for _ in range(2):
                status, _, cookies, (context, proofs, refusal) = await world.ask(stack, request, is_warm=True)
                assert (status, cookies) == (200, [])
                assert (context.credential, context.subject, proofs, refusal) == (kind, subject, accepted, error)

    runner.run(live())


def test_what_is_offered_is_good_or_bad_as_it_is_meant_to_be(world, runner):
    async def live() -> None:
        whole = Stack((), frozenset(), frozenset())
        _, _, offers = await world.offers()
        outcomes = [
            (await world.ask(whole, Request((offer,)), is_warm=False))[3][0].is_authenticated for offer in offers
        ]
        assert outcomes[:16] == [True] * 16
        good = [offer for offer, is_good in zip(offers[16:], outcomes[16:], strict=True) if is_good]
        assert [offer.kind for offer in good] == ["jwt", "jwt"]

    runner.run(live())

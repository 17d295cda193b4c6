"""Mounted, mounted in mounts, behind a root path, and with two hundred people at once."""

import asyncio
from contextvars import ContextVar

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route

from asgi_auth import Protect, SessionMiddleware, auth_context
from tests.endpoints.wire import exchange, http, request
from tests.middleware.people import compose, welcome
from tests.support import ADA, browser, me, sign_up, whoami

JSON = ("content-type", "application/json")
SIGN_UP = b'{"name":"A","email":"a@example.com","password":"correct horse battery"}'


async def test_a_mounted_application_is_identified(quick, ada):
    inner = Starlette(routes=[Mount("/inner", compose(whoami, quick, ["session"]))])
    site = Starlette(routes=[Mount("/outer", inner)])
    for root_path in ("", "/svc"):
        answer = await exchange(
            site, http(path=f"{root_path}/outer/inner/x", root_path=root_path, headers=[ada.cookie])
        )
        assert answer.json()["email"] == "ada@example.com"


async def test_exempt_paths_of_a_mounted_middleware_are_its_own(quick):
    inner = SessionMiddleware(whoami, quick.services, required=True, exempt=["/public"])
    site = Starlette(routes=[Mount("/public", routes=[Mount("/inner", inner)])])
    assert (await exchange(site, http(path="/public/inner/public"))).status == 200
    assert (await exchange(site, http(path="/public/inner/x"))).status == 401
    assert (await exchange(site, http(path="/svc/public/inner/public", root_path="/svc"))).status == 200
    assert (await exchange(site, http(path="/svc/public/inner/x", root_path="/svc"))).status == 401


@pytest.mark.parametrize("root_path", ["", "/svc", "/svc/deep"])
async def test_mounted_endpoints_answer_below_any_root_path(quick, root_path):
    site = Starlette(routes=[Mount("/v1", routes=[Mount("/login", quick.endpoints)])])
    base = f"{root_path}/v1/login"
    signed_up = await exchange(
        site, http("POST", f"{base}/sign-up/email", [JSON], root_path=root_path), request(SIGN_UP)
    )
    assert signed_up.status == 200
    assert "Path=/;" in signed_up.header("set-cookie")[0]
    assert (await exchange(site, http(path=f"{base}/ok", root_path=root_path))).json() == {"ok": True}
    assert (await exchange(site, http(path=f"{base}/nowhere", root_path=root_path))).status == 404


async def test_a_whole_wrapped_application_can_be_mounted(quick):
    site = Starlette(routes=[Mount("/svc", quick.wrap(whoami))])
    async with browser(site) as client:
        assert (await client.post("/svc/api/auth/sign-up/email", json=ADA)).status_code == 200
        assert (await me(client, "/svc/x"))["email"] == ADA["email"]
        assert (await client.get("/api/auth/ok")).status_code == 404


async def test_starlettes_own_request_knows_who_asks(quick, ada):
    async def endpoint(request):
        return JSONResponse({"email": request.auth.user.email, "scopes": sorted(request.auth.scopes)})

    site = Starlette(routes=[Route("/me", endpoint, middleware=[Middleware(Protect)])])
    answer = await exchange(quick.wrap(site), http(path="/me", headers=[ada.cookie]))
    assert answer.json() == {"email": "ada@example.com", "scopes": []}


async def test_middlewares_are_added_to_a_starlette_application_as_any(quick, ada):
    site = Starlette(
        routes=[Mount("/", whoami)],
        middleware=[Middleware(SessionMiddleware, services=quick.services, required=True)],
    )
    assert (await exchange(site, http(headers=[ada.cookie]))).json()["email"] == "ada@example.com"
    assert (await exchange(site, http())).status == 401


async def test_an_outer_layer_sees_who_it_was(quick, ada):
    seen = []

    class Outer(BaseHTTPMiddleware):
        async def dispatch(self, request, call_next):
            response = await call_next(request)
            seen.append(auth_context(request.scope).subject)
            return response

    await exchange(Outer(compose(whoami, quick, ["session"])), http(headers=[ada.cookie]))
    assert seen == [ada.user.id]


current = ContextVar("current", default=None)


async def test_two_hundred_people_at_once_are_each_themselves(make_auth, database_url):
    auth = make_auth(database=database_url)
    people = [await welcome(auth, f"p{number}@example.com") for number in range(200)]

    async def app(scope, receive, send):
        current.set(auth_context(scope).user.email)
        await asyncio.sleep(0)
        await whoami(scope, receive, send)
        assert current.get() == auth_context(scope).user.email

    async def ask(number):
        person = people[number]
        headers = [person.cookie if number % 2 else person.bearer]
        return (await exchange(auth.wrap(app), http(headers=headers))).json()["email"]

    answers = await asyncio.gather(*(ask(number) for number in range(200)))
    assert answers == [f"p{number}@example.com" for number in range(200)]
    assert current.get() is None


async def test_requests_given_up_halfway_never_answer_another(quick):
    people = [await welcome(quick, f"p{number}@example.com") for number in range(20)]
    app = quick.wrap(whoami)

    async def ask(number):
        return (await exchange(app, http(headers=[people[number % 20].cookie]))).json()["email"]

    tasks = [asyncio.create_task(ask(number)) for number in range(200)]
    for number, task in enumerate(tasks):
        if number % 3 == 0:
            await asyncio.sleep(0)
            task.cancel()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    for number, answer in enumerate(answers):
        assert isinstance(answer, asyncio.CancelledError) or answer == f"p{number % 20}@example.com"
    assert await ask(7) == "p7@example.com"


async def test_a_session_ended_here_is_ended_there(make_auth, database_url):
    here, there = make_auth(database=database_url), make_auth(database=database_url)
    async with browser(here.wrap(whoami)) as client, browser(there.wrap(whoami)) as elsewhere:
        await sign_up(client)
        elsewhere.cookies = client.cookies
        assert (await me(elsewhere))["email"] == ADA["email"]
        cookie = {"cookie": f"better-auth.session_token={client.cookies['better-auth.session_token']}"}
        await client.post("/api/auth/sign-out")
        assert (await me(elsewhere, headers=cookie))["email"] is None

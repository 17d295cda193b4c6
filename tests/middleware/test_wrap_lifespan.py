"""auth.wrap answers lifespan: around an application that knows of it, and for one that does not."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from asgi_auth import Auth, AuthConfig, DatabaseOptions
from tests.support import ADA, SECRET, browser, me, sign_up, whoami

CANARY = "canary-password"
UNREACHABLE = f"postgresql://asgi_auth:{CANARY}@127.0.0.1:1/none"


class Server:
    """A server as far as lifespan goes: one task, told to start and to stop."""

    def __init__(self, app):
        self.sent = []
        self.state = {}
        self._inbox = asyncio.Queue()
        self._task = asyncio.create_task(app({"type": "lifespan", "state": self.state}, self._inbox.get, self._send))
        self._said = asyncio.Event()

    async def _send(self, message):
        self.sent.append(message)
        self._said.set()

    async def tell(self, phase):
        """Ask for a phase; returns what the application answers, or raises what ended it."""
        self._said.clear()
        await self._inbox.put({"type": f"lifespan.{phase}"})
        said = asyncio.create_task(self._said.wait())
        async with asyncio.timeout(30):
            await asyncio.wait({said, self._task}, return_when=asyncio.FIRST_COMPLETED)
        said.cancel()
        return self.sent[-1]["type"].removeprefix(f"lifespan.{phase}.") if self.sent else None

    async def end(self):
        async with asyncio.timeout(5):
            await self._task


def starlette_app(events, *, fails_at=None, **options):
    @asynccontextmanager
    async def lifespan(app):
        events.append("startup")
        if fails_at == "startup":
            raise LookupError("of the application")
        yield {"shared": 1}
        events.append("shutdown")
        if fails_at == "shutdown":
            raise LookupError("of the application")

    return Starlette(routes=[Mount("/", whoami)], lifespan=lifespan, **options)


async def raising(scope, receive, send):
    if scope["type"] == "lifespan":
        raise NotImplementedError
    await whoami(scope, receive, send)


async def silent(scope, receive, send):
    if scope["type"] != "lifespan":
        await whoami(scope, receive, send)


async def impatient(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        return
    await whoami(scope, receive, send)


async def forgetful(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        return
    await whoami(scope, receive, send)


async def test_the_database_is_open_while_the_application_lives(auth):
    events = []
    server = Server(auth.wrap(starlette_app(events)))

    assert await server.tell("startup") == "complete"
    assert auth.services.engine.is_ready
    assert events == ["startup"]
    assert server.state == {"shared": 1}
    async with browser(auth.wrap(whoami)) as client:
        await sign_up(client)

    assert await server.tell("shutdown") == "complete"
    await server.end()
    assert events == ["startup", "shutdown"]
    assert not auth.services.engine.is_ready
    assert [message["type"] for message in server.sent] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


@pytest.mark.parametrize("app", [whoami, raising, silent, impatient, forgetful])
async def test_an_application_that_knows_no_lifespan_needs_none(make_auth, app):
    auth = make_auth()
    server = Server(auth.wrap(app))

    assert await server.tell("startup") == "complete"
    async with browser(auth.wrap(app)) as client:
        await sign_up(client)
        assert (await me(client))["email"] == ADA["email"]
    assert await server.tell("shutdown") == "complete"
    await server.end()
    assert not auth.services.engine.is_ready


@pytest.mark.parametrize("app", [starlette_app([]), silent])
async def test_once_it_has_said_that_all_is_closed_nothing_is_left_to_do(make_auth, app):
    events = []

    async def receive():
        return {"type": "lifespan.shutdown" if events else "lifespan.startup"}

    async def send(message):
        events.append(message["type"])
        if message["type"] == "lifespan.shutdown.complete":  # the server may end its loop now
            asyncio.get_running_loop().call_soon(events.append, "the loop went on")

    await make_auth().wrap(app)({"type": "lifespan", "state": {}}, receive, send)
    assert events == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


async def test_an_application_that_fails_to_start_says_so_itself(make_auth):
    auth = make_auth()
    events = []
    server = Server(auth.wrap(starlette_app(events, fails_at="startup")))

    assert await server.tell("startup") == "failed"
    with pytest.raises(LookupError):
        await server.end()
    assert events == ["startup"]
    assert "of the application" in server.sent[0]["message"]
    assert len(server.sent) == 1
    assert not auth.services.engine.is_ready


async def test_one_that_fails_to_stop_leaves_the_database_closed(make_auth):
    auth = make_auth()
    server = Server(auth.wrap(starlette_app([], fails_at="shutdown")))
    await server.tell("startup")

    assert await server.tell("shutdown") == "failed"
    with pytest.raises(LookupError):
        await server.end()
    assert not auth.services.engine.is_ready
    assert len(server.sent) == 2


async def test_one_that_breaks_down_after_its_start_takes_the_database_with_it(make_auth):
    async def breaking(scope, receive, send):
        await receive()
        await send({"type": "lifespan.startup.complete"})
        raise LookupError("of the application")

    auth = make_auth()
    server = Server(auth.wrap(breaking))
    assert await server.tell("startup") == "complete"
    with pytest.raises(LookupError):
        await server.end()
    assert not auth.services.engine.is_ready


async def test_without_the_database_nothing_starts_and_the_message_holds_no_password(make_auth):
    events = []
    server = Server(make_auth(database=UNREACHABLE).wrap(starlette_app(events)))

    assert await server.tell("startup") == "failed"
    await server.end()
    assert events == []
    assert server.sent[0]["message"] == (
        "asgi_auth: the database cannot be opened; the log says why (database.unavailable)"
    )
    assert CANARY not in str(server.sent)


async def test_without_its_tables_nothing_starts_where_they_may_not_be_made(database_url):
    options = DatabaseOptions(creates_schema=False)
    auth = Auth(AuthConfig.testing(secret=SECRET, database=database_url, database_options=options))
    server = Server(auth.wrap(whoami))

    assert await server.tell("startup") == "failed"
    await server.end()
    assert "user" in server.sent[0]["message"]
    await auth.services.close()


async def test_the_applications_own_lifespan_may_open_the_database_too(auth):
    site = Starlette(routes=[Mount("/", whoami)], lifespan=auth.lifespan)
    server = Server(auth.wrap(site))

    assert await server.tell("startup") == "complete"
    async with browser(auth.wrap(site)) as client:
        await sign_up(client)
    assert await server.tell("shutdown") == "complete"
    await server.end()
    assert not auth.services.engine.is_ready


async def test_wrapped_twice_it_starts_and_stops_once(make_auth):
    auth = make_auth()
    server = Server(auth.wrap(auth.wrap(whoami)))
    assert await server.tell("startup") == "complete"
    assert await server.tell("shutdown") == "complete"
    await server.end()
    assert len(server.sent) == 2


async def test_lifespan_as_a_block_opens_and_closes(auth):
    async with auth.lifespan():
        assert auth.services.engine.is_ready
    assert not auth.services.engine.is_ready
    async with auth.lifespan(), browser(auth.wrap(whoami)) as client:
        await sign_up(client)


async def test_first_requests_at_once_open_the_database_once(auth):
    async with browser(auth.wrap(whoami)) as client:
        people = [{**ADA, "email": f"p{number}@example.com"} for number in range(6)]
        responses = await asyncio.gather(*(client.post("/api/auth/sign-up/email", json=one) for one in people))
    assert {response.status_code for response in responses} == {200}


async def test_a_request_after_the_end_opens_it_again(make_auth, sqlite_url):
    auth = make_auth(database=sqlite_url)
    async with auth.lifespan(), browser(auth.wrap(whoami)) as client:
        await sign_up(client)
        cookies = client.cookies
    async with browser(auth.wrap(whoami)) as client:
        client.cookies = cookies
        assert (await me(client))["email"] == ADA["email"]

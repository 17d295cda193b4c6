"""Every example does what a newcomer is told it does, under the server that they are told to run."""

import os
import sys
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.servers.machine import free_port, running

ROOT = Path(__file__).parents[2]
EXAMPLES = ["starlette_app", "fastapi_app", "bare_asgi"]
WITH_EXPORT = ["starlette_app", "bare_asgi"]


@pytest.mark.parametrize("name", EXAMPLES)
async def test_uvicorn_runs_it_from_the_root_of_the_repository(name, tmp_path):
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", f"examples.{name}:app", "--port", str(port)]
    environment = os.environ | {"ASGI_AUTH_DATABASE": f"sqlite:///{tmp_path / 'app.db'}"}
    ready, log = "Application startup complete", tmp_path / "log"
    with running(command, ready=ready, log=log, cwd=ROOT, env=environment):
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            assert (await client.get("/")).json() == {"hello": "stranger"}
            assert (await client.get("/api/auth/ok")).json() == {"ok": True}
    assert (tmp_path / "app.db").exists()
    assert "Traceback" not in log.read_text()


@pytest.mark.parametrize("name", EXAMPLES)
async def test_a_visitor_is_a_stranger_until_signing_up(name, example, visit, ada):
    async with visit(example(name).app) as client:
        assert (await client.get("/")).json() == {"hello": "stranger"}
        refused = await client.get("/me")
        assert refused.status_code == 401
        assert refused.json() == {"message": "Unauthorized", "code": "UNAUTHORIZED"}
        assert refused.headers["www-authenticate"].startswith("Bearer ")
        assert (await client.post("/api/auth/sign-up/email", json=ada)).status_code == 200
        assert (await client.get("/")).json() == {"hello": "Ada"}
        assert (await client.get("/me")).json() == {"email": "ada@example.com"}


@pytest.mark.parametrize("name", EXAMPLES)
async def test_it_opens_its_database_without_a_lifespan(name, example, ada):
    module = example(name)
    transport = httpx.ASGITransport(module.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
        assert (await client.post("/api/auth/sign-up/email", json=ada)).status_code == 200
        assert (await client.get("/me")).json() == {"email": "ada@example.com"}
    await module.auth.services.close()


@pytest.mark.parametrize("name", EXAMPLES)
async def test_signing_out_ends_what_was_allowed(name, example, visit, ada):
    async with visit(example(name).app) as client:
        await client.post("/api/auth/sign-up/email", json=ada)
        origin = {"origin": str(client.base_url)}
        assert (await client.post("/api/auth/sign-out", headers=origin)).json() == {"success": True}
        assert (await client.get("/me")).status_code == 401


@pytest.mark.parametrize("name", WITH_EXPORT)
async def test_the_route_for_programs_takes_a_token_and_no_cookie(name, example, visit, ada):
    async with visit(example(name).app) as client:
        token = (await client.post("/api/auth/sign-up/email", json=ada)).json()["token"]
        assert (await client.get("/export")).status_code == 401
        client.cookies.clear()
        answer = await client.get("/export", headers={"authorization": f"Bearer {token}"})
        assert answer.json() == {"email": "ada@example.com"}


@pytest.mark.parametrize("name", WITH_EXPORT)
async def test_the_websocket_greets_its_user_and_echoes(name, example, visit, ada):
    async with visit(example(name).app) as client:
        await client.post("/api/auth/sign-up/email", json=ada)
        async with connect(**_handshake(client)) as socket:
            assert await socket.recv() == "Hello, Ada"
            await socket.send("are you there?")
            assert await socket.recv() == "are you there?"


@pytest.mark.parametrize("name", WITH_EXPORT)
async def test_the_websocket_is_refused_to_a_stranger_and_to_another_site(name, example, visit, ada):
    async with visit(example(name).app) as client:
        with pytest.raises(InvalidStatus) as stranger:
            await connect(**_handshake(client))
        await client.post("/api/auth/sign-up/email", json=ada)
        with pytest.raises(InvalidStatus) as elsewhere:
            await connect(**(_handshake(client) | {"origin": "https://evil.example"}))
    assert stranger.value.response.status_code == 401
    assert elsewhere.value.response.status_code == 403


async def test_an_unknown_path_of_the_bare_example_is_not_found(example, visit):
    async with visit(example("bare_asgi").app) as client:
        assert (await client.get("/nowhere")).status_code == 404
        with pytest.raises(InvalidStatus) as refused:
            await connect(str(client.base_url).replace("http", "ws") + "/nowhere", proxy=None)
    assert refused.value.response.status_code == 403


async def test_fastapi_asks_for_a_verified_address_where_its_own_guard_says_so(example, visit, ada):
    module = example("fastapi_app")
    async with visit(module.app) as client:
        assert (await client.get("/members")).status_code == 401
        user = (await client.post("/api/auth/sign-up/email", json=ada)).json()["user"]
        refused = await client.get("/members")
        assert refused.status_code == 403
        assert refused.json() == {"message": "Verify your e-mail address first", "code": "FORBIDDEN"}
        await module.auth.services.users.change(user["id"], email_verified=True)
        assert (await client.get("/members")).json() == {"welcome": "Ada"}


async def test_fastapi_still_documents_itself(example, visit):
    async with visit(example("fastapi_app").app) as client:
        assert "swagger-ui" in (await client.get("/docs")).text
        described = (await client.get("/openapi.json")).json()
    assert set(described["paths"]) == {"/", "/me", "/members"}
    assert "parameters" not in described["paths"]["/me"]["get"]


@pytest.mark.parametrize("name", EXAMPLES)
def test_it_holds_no_secret_and_makes_a_new_one_at_each_start(name, example, monkeypatch):
    monkeypatch.delenv("ASGI_AUTH_SECRET", raising=False)
    assert example(name).SECRET != example(name).SECRET
    monkeypatch.setenv("ASGI_AUTH_SECRET", "the one from the environment, long enough")
    assert example(name).SECRET == "the one from the environment, long enough"


def _handshake(client):
    address = str(client.base_url)
    cookies = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    return {
        "uri": f"{address.replace('http', 'ws', 1)}/echo",
        "origin": address,
        "additional_headers": {"cookie": cookies} if cookies else None,
        "proxy": None,
    }

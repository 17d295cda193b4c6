"""The servers that the tests stand on are real, private to a test, and missed by name."""

import sqlite3

import asyncpg
import httpx
import pytest
import redis.asyncio
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, PlainTextResponse
from starlette.routing import Route

from tests.servers.chromium import find_chromium
from tests.servers.devtools import DevToolsError
from tests.servers.live import serve
from tests.servers.node import better_auth_server
from tests.servers.postgres import running_postgres
from tests.servers.redis_server import running_redis

Failed = pytest.fail.Exception
NOBODY_LISTENS = "127.0.0.1:1"
FORM = """<!doctype html><title>Greeting</title>
<input name="name" value="old" onkeydown="this.dataset.keys = Number(this.dataset.keys ?? 0) + 1">
<button onclick="document.cookie = 'greeted=yes'; setTimeout(greet, 50)">Greet</button><p></p>
<script>
  const find = (name) => document.querySelector(name);
  const greet = () => { find("p").innerText = `Hello, ${find("input").value}`; };
</script>"""


async def test_every_test_has_an_empty_postgres_database_of_its_own(postgres_server):
    with postgres_server.database() as one, postgres_server.database() as other:
        await _execute(one, "CREATE TABLE only_here (id int)")
        assert await _tables(one) == ["only_here"]
        assert await _tables(other) == []


async def test_a_postgres_database_goes_although_the_test_failed_with_a_connection_open(postgres_server):
    left_open = []

    async def test(url):
        left_open.append(await asyncpg.connect(url))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), postgres_server.database() as url:
        await test(url)
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await asyncpg.connect(url)
    left_open[0].terminate()


async def test_a_contract_test_runs_on_every_backend(database_url):
    statement = "CREATE TABLE sessions (id text)"
    if database_url.startswith("sqlite:///"):
        with sqlite3.connect(database_url.removeprefix("sqlite:///")) as connection:
            connection.execute(statement)
        connection.close()
    else:
        await _execute(database_url, statement)


async def test_redis_gives_back_what_was_set(redis_url):
    client = redis.asyncio.from_url(redis_url)
    await client.set("greeting", "hello")
    assert await client.get("greeting") == b"hello"
    await client.aclose()


async def test_a_redis_database_is_lent_once_and_empty_again(redis_server):
    with redis_server.database() as one, redis_server.database() as other:
        assert one != other
        client = redis.asyncio.from_url(one)
        await client.set("greeting", "hello")
    assert await client.dbsize() == 0
    await client.aclose()


async def test_a_live_app_has_its_lifespan_and_is_served_over_the_network():
    moments = []

    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            for moment in ("startup", "shutdown"):
                await receive()
                moments.append(moment)
                await send({"type": f"lifespan.{moment}.complete"})
            return
        await PlainTextResponse(f"after {moments}")(scope, receive, send)

    async with serve(app) as base_url, httpx.AsyncClient(base_url=base_url, timeout=60) as client:
        assert (await client.get("/")).text == "after ['startup']"
    assert moments == ["startup", "shutdown"]


async def test_an_app_that_does_not_start_is_reported():
    async def app(scope, receive, send):
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no database"})

    with pytest.raises(RuntimeError, match="did not start"):
        async with serve(app):
            pass


async def test_a_real_better_auth_server_answers_and_keeps_its_users(tmp_path):
    user = {"name": "Ada", "email": "ada@example.com", "password": "correct horse battery"}
    for status in (200, 422):  # the second server finds the user of the first
        with better_auth_server(tmp_path / "shared.sqlite", secret="s" * 40) as base_url:
            async with httpx.AsyncClient(base_url=f"{base_url}/api/auth", timeout=60) as client:
                assert (await client.get("/ok")).json() == {"ok": True}
                assert (await client.post("/sign-up/email", json=user)).status_code == status


async def test_a_browser_fills_in_a_form_and_clicks(page, tmp_path):
    async with serve(_greeting(), lifespan="off") as base_url:
        await page.goto(base_url)
        await page.fill("input", "Ada Łovelace")
        await page.click("button")
        await page.wait_for("document.querySelector('p').innerText !== ''")
        assert await page.text("p") == "Hello, Ada Łovelace"
        assert await page.evaluate("Number(document.querySelector('input').dataset.keys)") == len("Ada Łovelace")
        await page.fill("input", "")
        assert await page.evaluate("document.querySelector('input').value") == ""
        await page.screenshot(tmp_path / "greeting.png")
    assert (tmp_path / "greeting.png").read_bytes().startswith(b"\x89PNG")


async def test_a_page_has_cookies_of_its_own(chromium):
    async with (
        serve(_greeting(), lifespan="off") as base_url,
        chromium.page() as one,
        chromium.page() as other,
    ):
        await one.goto(base_url)
        await one.click("button")
        await other.goto(base_url)
        assert await one.evaluate("document.cookie") == "greeted=yes"
        assert await other.evaluate("document.cookie") == ""


async def test_a_page_tells_what_went_wrong(page):
    async with serve(_greeting(), lifespan="off") as base_url:
        await page.goto(base_url)
        with pytest.raises(DevToolsError, match="nonsense is not defined"):
            await page.evaluate("nonsense()")
        with pytest.raises(AssertionError, match="Greet"):
            await page.wait_for("document.title === 'Farewell'", seconds=0.1)
    with pytest.raises(DevToolsError, match="ERR_CONNECTION_REFUSED"):
        await page.goto(base_url)


def test_a_machine_without_chromium_fails_by_name(monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("tests.servers.chromium.NAMES", ("chromium",))
    with pytest.raises(Failed, match="apt-get install chromium"):
        find_chromium()


def test_a_named_postgres_that_does_not_answer_fails_by_name(monkeypatch):
    monkeypatch.setenv("ASGI_AUTH_TEST_POSTGRES", f"postgresql://postgres@{NOBODY_LISTENS}/postgres")
    with pytest.raises(Failed, match="ASGI_AUTH_TEST_POSTGRES"), running_postgres():
        pass


def test_a_named_redis_that_does_not_answer_fails_by_name(monkeypatch):
    monkeypatch.setenv("ASGI_AUTH_TEST_REDIS", f"redis://{NOBODY_LISTENS}")
    with pytest.raises(Failed, match="ASGI_AUTH_TEST_REDIS"), running_redis():
        pass


def _greeting():
    return Starlette(routes=[Route("/", lambda _: HTMLResponse(FORM))])


async def _execute(url, statement):
    connection = await asyncpg.connect(url)
    await connection.execute(statement)
    await connection.close()


async def _tables(url):
    connection = await asyncpg.connect(url)
    rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    await connection.close()
    return [row["tablename"] for row in rows]

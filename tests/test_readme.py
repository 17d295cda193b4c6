"""Every block of the README runs, and does what the text around it says."""

import asyncio
import json
import os
import re
import tomllib
from pathlib import Path

import pytest

from tests.servers.curl import run_curl
from tests.servers.live import serve
from tests.servers.node import INTEROP, find_node, install_packages
from tests.support import ADA, BASE_URL, browser, me, sign_up

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
DOCUMENTS = ("README.md", "ARCHITECTURE.md", "API.md", "CHANGELOG.md", "SECURITY.md")


def blocks(language: str) -> list[str]:
    return [text for kind, text in BLOCKS if kind == language]


def python_block(containing: str) -> dict[str, object]:
    """Run the one Python block that holds this text, as a module of its own."""
    (source,) = [text for text in blocks("python") if containing in text]
    namespace: dict[str, object] = {"__name__": "main"}
    exec(compile(source, "README.md", "exec"), namespace)
    return namespace


@pytest.fixture(autouse=True)
def a_fresh_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ASGI_AUTH_SECRET", "a-secret-for-the-readme-0123456789abcdef")


async def run(*command: str, cwd: Path | None = None, **env: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *command, cwd=cwd, env={**os.environ, **env}, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode()


def test_every_block_is_of_a_language_that_is_run_here():
    assert {kind for kind, _ in BLOCKS} == {"sh", "python", "js"}


@pytest.mark.parametrize("source", blocks("python"))
async def test_python_blocks_run(source):
    namespace: dict[str, object] = {"__name__": "main"}
    exec(compile(source, "README.md", "exec"), namespace)
    if "auth" in namespace:
        await namespace["auth"].services.close()


async def test_the_quick_start_protects_me():
    main = python_block("site = Starlette(")
    async with browser(main["app"]) as client:
        assert (await client.get("/me")).status_code == 401
        await sign_up(client)
        assert await me(client, "/me") == {"email": ADA["email"]}
    await main["auth"].services.close()


async def test_the_bare_application_greets_by_name():
    main = python_block("async def hello(")
    async with browser(main["app"]) as client:
        assert await me(client) == {"hello": "stranger"}
        await sign_up(client)
        assert await me(client) == {"hello": "Ada"}
    await main["auth"].services.close()


async def test_the_fastapi_application_protects_me():
    main = python_block("api = FastAPI(")
    async with browser(main["app"]) as client:
        refused = await client.get("/me")
        assert (refused.status_code, refused.json()["code"]) == (401, "UNAUTHORIZED")
        await sign_up(client)
        assert await me(client, "/me") == {"email": ADA["email"]}
    await main["auth"].services.close()


async def test_the_middlewares_composed_by_hand_identify_and_protect():
    main = python_block("app = BearerMiddleware(app")
    async with browser(main["auth"].endpoints, base_url=BASE_URL) as client:
        signed_up = await client.post("/sign-up/email", json=ADA)
    cookies = dict(signed_up.cookies.items())
    async with browser(main["app"], origin="https://evil.test", cookies=cookies) as client:
        assert (await client.get("/")).status_code == 204
        assert (await client.post("/")).status_code == 403
        assert (await client.post("/health")).status_code == 204
    await main["auth"].services.close()


async def test_the_members_own_fields_follow():
    main = python_block("class Member(User")
    async with browser(main["auth"].wrap(main["auth"].endpoints)) as client:
        signed_up = await client.post("/api/auth/sign-up/email", json={**ADA, "company": "Analytical Engines"})
    assert signed_up.json()["user"].items() >= {"company": "Analytical Engines", "plan": "free"}.items()
    await main["auth"].services.close()


async def test_the_curl_commands_sign_up_and_out(tmp_path):
    main = python_block("site = Starlette(")
    (source,) = [text for text in blocks("sh") if "curl" in text]
    async with serve(main["app"]) as url:
        commands = source.replace("http://127.0.0.1:8000", url).replace("\\\n", " ").splitlines()
        answers = [json.loads(await run_curl(command, cwd=tmp_path)) for command in commands]
    signed_up, mine, session, signed_out, refused = answers
    assert signed_up["user"]["email"] == ADA["email"]
    assert mine == {"email": ADA["email"]}
    assert session["session"]["token"] == signed_up["token"]
    assert signed_out == {"success": True}
    assert refused == {"message": "Unauthorized", "code": "UNAUTHORIZED"}


async def test_the_javascript_block_runs_with_the_official_client(tmp_path):
    main = python_block("site = Starlette(")
    (source,) = blocks("js")
    node = find_node()
    install_packages()
    (tmp_path / "node_modules").symlink_to(INTEROP / "node_modules")
    async with serve(main["app"]) as url:
        script = tmp_path / "page.mjs"
        script.write_text(source.replace("http://127.0.0.1:8000", url))
        printed = await run(str(node.program), "--import", str(INTEROP / "browser_globals.mjs"), str(script))
    assert printed.strip() == "grace@example.com"


async def test_the_make_commands_and_the_extras_exist():
    commands = [line for text in blocks("sh") for line in text.splitlines() if line.startswith(("make ", "pip "))]
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for command in commands:
        if command.startswith("make "):
            await run("make", "--dry-run", command.removeprefix("make "), cwd=ROOT)
        else:
            assert set(re.findall(r"\[(\w+)\]", command)) <= set(extras)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_between_documents_lead_somewhere(name):
    text = (ROOT / name).read_text()
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", text):
        assert (ROOT / target).exists(), f"{name} links to {target}"

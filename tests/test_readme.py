"""Every block of the README runs, and does what the text around it says."""

import asyncio
import json
import os
import re
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import httpx
import pytest

from asgi_auth import ResetPasswordMail, User
from asgi_auth.clock import utc_now
from tests.servers.curl import run_curl
from tests.servers.live import serve
from tests.servers.node import INTEROP, find_node, install_packages
from tests.servers.oidc import GRACE, running_oidc
from tests.servers.smtp_server import running_smtp
from tests.support import ADA, BASE_URL, browser, me, sign_up, whoami

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
NO_CHANGES: Mapping[str, str] = MappingProxyType({})
LOCAL = "http://127.0.0.1:8000"


def blocks(language: str) -> list[str]:
    return [text for kind, text in BLOCKS if kind == language]


def python_block(containing: str, changes: Mapping[str, str] = NO_CHANGES) -> dict[str, object]:
    """Run the one Python block that holds this text, as a module of its own.

    ``changes`` put what is on this machine in place of what the README names.
    """
    (source,) = [text for text in blocks("python") if containing in text]
    for old, new in changes.items():
        assert source.count(old) == 1, f"{old} is not there once"
        source = source.replace(old, new)
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


async def test_whoever_is_signed_in_gets_a_jwt_that_identifies():
    main = python_block("features=[Jwt()]")
    async with browser(main["app"], base_url=LOCAL, origin=LOCAL) as client:
        await sign_up(client)
        token = (await me(client, "/api/auth/token"))["token"]
        shown = await client.get("/api/auth/get-session")
        assert (await client.get("/")).status_code == 401  # the cookie is no JWT
        for each in (token, shown.headers["set-auth-jwt"]):
            answer = await client.get("/", headers={"authorization": f"Bearer {each}"})
            assert answer.text == f"for {ADA['email']}"
    await main["auth"].services.close()


async def test_tokens_of_another_issuer_identify_its_users():
    issuing = python_block("features=[Jwt()]")
    async with serve(issuing["app"]) as url:
        changes = {
            'jwks_url="https://app.example.com/api/auth/jwks"': (
                f'jwks_url="{url}/api/auth/jwks", allows_private_addresses=True'
            ),
            '"https://app.example.com",\n    audience="https://app.example.com"': (
                '"http://127.0.0.1:8000", audience="http://127.0.0.1:8000"'
            ),
        }
        main = python_block("JWTMiddleware(Protect(whoami)", changes)
        local = browser(issuing["app"], base_url=LOCAL, origin=LOCAL)
        async with local as client, browser(main["app"]) as other:
            user = (await sign_up(client)).json()["user"]
            token = (await me(client, "/api/auth/token"))["token"]
            assert (await other.get("/")).status_code == 401
            assert (await other.get("/", headers={"authorization": f"Bearer {token}"})).text == user["id"]
        await main["auth"].services.close()
    await issuing["auth"].services.close()


async def test_a_key_does_what_our_own_code_lets_it():
    main, own = python_block("features=[ApiKeys(keys)]"), python_block("async def give(")
    async with browser(main["app"]) as client:
        user = (await sign_up(client)).json()["user"]
        theirs = (await client.post("/api/auth/api-key/create", json={"name": "mine"})).json()
        ours = await own["give"](main["auth"], user["id"])
        client.cookies.clear()
        asked = {"mine": theirs["key"], "ci": ours}
        answers = {name: await client.get("/", headers={"x-api-key": key}) for name, key in asked.items()}
    assert theirs["key"].startswith("acme_")
    assert (answers["mine"].status_code, answers["ci"].text) == (403, "ci")
    await main["auth"].services.close()


async def test_the_letters_arrive_and_their_links_do_what_the_text_says():
    async with running_smtp() as mail_server:
        changes = {
            'host="mail.example.com"': f'host="127.0.0.1", port={mail_server.port}, encryption="none"',
            "postgresql://app@db.internal/app": "sqlite:///app.db",
        }
        auth = python_block("SmtpSender(host=", changes)["auth"]
        await auth.create_schema()
        site = "https://example.com"
        async with browser(auth.wrap(whoami), base_url=site, origin=site) as client:
            refused = await sign_up(client)
            assert refused.json()["token"] is None
            await auth.services.mails.settle()
            (verification,) = mail_server.letters
            await client.get(_link_in(verification))
            assert (await me(client))["email"] == ADA["email"]

            await client.post("/api/auth/request-password-reset", json={"email": ADA["email"], "redirectTo": "/reset"})
            await auth.services.mails.settle()
            led = await client.get(_link_in(mail_server.letters[-1]))
            assert led.headers["location"].startswith(f"{site}/reset?token=")
            used = await client.get(_link_in(verification).replace("token=", "token=x"))
            assert used.headers["location"] == "/?error=INVALID_TOKEN"
        await auth.services.close()


def _link_in(received) -> str:
    (link,) = re.findall(r"https://example\.com/\S+", received.message.get_content())
    return link


async def test_a_letter_is_worded_by_its_type(capsys):
    main = python_block("async def send(mail: Mail)")
    user = User(name="Ada", email=ADA["email"], created_at=utc_now(), updated_at=utc_now(), id="1")
    await main["send"](ResetPasswordMail(to=user.email, user=user, url="https://example.com/x", token="x"))
    assert "Choose a new password: https://example.com/x" in capsys.readouterr().out


async def test_people_sign_in_at_the_server_that_speaks_openid_connect():
    async with running_oidc(utc_now) as company:
        changes = {
            "https://login.example.com/.well-known/openid-configuration": company.discovery_url,
            'id="company",\n                    client_id="...",\n                    client_secret="..."': (
                f'id="company", client_id="{company.client_id}", client_secret="{company.client_secret}"'
            ),
            "social=SocialOptions(": "social=SocialOptions(allows_private_addresses=True, ",
        }
        auth = python_block("GenericOAuth(", changes)["auth"]
        site = "https://example.com"
        async with browser(auth.wrap(whoami), base_url=site, origin=site) as client, httpx.AsyncClient() as window:
            body = {"provider": "company", "callbackURL": "/"}
            asked = await client.post("/api/auth/sign-in/social", json=body)
            back = (await window.get(asked.json()["url"])).headers["location"]
            assert back.startswith(f"{site}/api/auth/callback/company?")
            arrived = await client.get(back)
            assert arrived.headers["location"] == "/"
            assert (await me(client))["email"] == GRACE["email"]
        await auth.services.close()


async def test_each_client_behind_the_proxy_has_limits_of_its_own():
    auth = python_block("RateLimitOptions(", {"10.0.0.0/8": "203.0.113.0/24"})["auth"]
    async with browser(auth.wrap(whoami)) as client:

        async def ask(path: str, *, address: str):
            return await client.post(path, json={}, headers={"x-forwarded-for": address})

        asked = [await ask("/api/auth/sign-up/email", address="198.51.100.1") for _ in range(11)]
        assert [answer.status_code for answer in asked] == [400] * 10 + [429]
        assert "retry-after" in asked[-1].headers
        assert (await ask("/api/auth/sign-up/email", address="198.51.100.2")).status_code == 400
        assert "ratelimit" not in (await client.get("/api/auth/ok")).headers
    await auth.services.close()


async def test_the_command_that_creates_the_tables(tmp_path):
    (tmp_path / "main.py").write_text(next(text for text in blocks("python") if "site = Starlette(" in text))
    (command,) = [line for text in blocks("sh") for line in text.splitlines() if "create_schema" in line]
    await run(sys.executable, "-c", command.split('"')[1], cwd=tmp_path, PYTHONPATH=str(ROOT))
    assert (tmp_path / "app.db").exists()


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
            named = {extra for listed in re.findall(r"\[([\w,]+)\]", command) for extra in listed.split(",")}
            assert named
            assert named <= set(extras)

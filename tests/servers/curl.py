"""The curl commands that documents and pages print, run as they stand."""

import asyncio
import http.cookiejar
import shlex
import shutil
from argparse import ArgumentParser
from pathlib import Path

import httpx

OPTIONS = ArgumentParser(prog="curl")
OPTIONS.add_argument("url")
OPTIONS.add_argument("-s", action="store_true")
OPTIONS.add_argument("-b", metavar="JAR")
OPTIONS.add_argument("-c", metavar="JAR")
OPTIONS.add_argument("-d", metavar="DATA")
OPTIONS.add_argument("-H", metavar="HEADER", action="append", default=[])
OPTIONS.add_argument("-X", metavar="METHOD")


async def run_curl(command: str, *, cwd: Path) -> str:
    """What one curl command prints: by curl itself, or by httpx doing the same where the machine has no curl."""
    name, *arguments = shlex.split(command.replace("\\\n", " "))
    assert name == "curl", command
    if shutil.which("curl"):
        return await _by_curl(arguments, cwd)
    return await _by_httpx(arguments, cwd)


async def _by_curl(arguments: list[str], cwd: Path) -> str:
    process = await asyncio.create_subprocess_exec(
        "curl", "--fail-with-body", *arguments, cwd=cwd, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert process.returncode in (0, 22), f"curl ended with {process.returncode}"  # 22: an answer of 400 or more
    return out.decode()


async def _by_httpx(arguments: list[str], cwd: Path) -> str:
    asked = OPTIONS.parse_args(arguments)
    jar = http.cookiejar.MozillaCookieJar(cwd / (asked.c or asked.b or "no-jar"))
    if asked.b:
        jar.load(ignore_discard=True)
    headers = dict(header.split(": ", 1) for header in asked.H)
    method = asked.X or ("POST" if asked.d else "GET")
    async with httpx.AsyncClient(cookies=jar) as client:
        response = await client.request(method, asked.url, headers=headers, content=asked.d)
    if asked.c:
        jar.save(ignore_discard=True)
    return response.text

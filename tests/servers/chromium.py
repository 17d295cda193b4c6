"""Chromium for the tests: the one on this machine, headless, every page a fresh person."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.servers.devtools import devtools
from tests.servers.machine import missing, running
from tests.servers.page import Page

NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
OPTIONS = (
    "--headless=new",
    "--no-sandbox",  # root has none, and only our own pages are opened
    "--disable-gpu",
    "--disable-dev-shm-usage",  # containers keep /dev/shm small
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-proxy-server",
    "--remote-debugging-port=0",
)


@dataclass(frozen=True, slots=True)
class Chromium:
    """A running browser; `url` is the address of its DevTools."""

    url: str

    @asynccontextmanager
    async def page(self) -> AsyncIterator[Page]:
        """A fresh tab, as a new person on a new machine would open it; closed at the end."""
        async with devtools(self.url) as tools:
            context = (await tools.send("Target.createBrowserContext"))["browserContextId"]
            target = await tools.send("Target.createTarget", url="about:blank", browserContextId=context)
            attached = await tools.send("Target.attachToTarget", targetId=target["targetId"], flatten=True)
            page = Page(tools, session=attached["sessionId"])
            await page.send("Page.enable")
            try:
                yield page
            finally:
                await tools.send("Target.disposeBrowserContext", browserContextId=context)


def chromium_on_path() -> Path | None:
    """The program of Chromium or Chrome, or None."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    return Path(found) if found else None


def find_chromium() -> Path:
    """The program of Chromium or Chrome; fails the run by name where there is none."""
    if program := chromium_on_path():
        return program
    raise missing(
        "a Chromium browser",
        remedy="Install one: `apt-get install chromium` on Debian, `dnf install chromium` on Fedora, "
        "`apk add chromium` on Alpine, `brew install --cask chromium` on macOS.",
    )


@contextmanager
def running_chromium() -> Iterator[Chromium]:
    """A headless browser with an empty profile while the block lasts."""
    program = find_chromium()
    # the last of its processes may still write while the folder goes
    with tempfile.TemporaryDirectory(prefix="asgi-auth-chromium-", ignore_cleanup_errors=True) as home:
        command = [str(program), *OPTIONS, f"--user-data-dir={home}/profile", "about:blank"]
        environment = os.environ | {"TMPDIR": home}
        ready, log = r"DevTools listening on (ws://\S+)\n", Path(home) / "log"
        with running(command, ready=ready, log=log, env=environment) as found:
            yield Chromium(found[1])

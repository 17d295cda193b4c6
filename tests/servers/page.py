"""A page of the browser, used as a person would: go there, read, fill in, click."""

import asyncio
import base64
import json
import time
from pathlib import Path
from typing import Any

from tests.servers.devtools import DevTools, DevToolsError


class Page:
    """One tab with cookies and storage of its own; a CSS selector is waited for, up to 10 seconds."""

    def __init__(self, tools: DevTools, *, session: str) -> None:
        self._tools = tools
        self._session = session

    async def send(self, method: str, **params: Any) -> dict[str, Any]:
        """A DevTools command to this page, for what the methods below do not offer."""
        return await self._tools.send(method, session=self._session, **params)

    async def goto(self, url: str) -> None:
        """Open a URL and wait until it is loaded; raises DevToolsError if it cannot be."""
        loaded = self._tools.expect("Page.loadEventFired", session=self._session)
        answer = await self.send("Page.navigate", url=url)
        if "errorText" in answer:
            raise DevToolsError(f"{url}: {answer['errorText']}")
        if "loaderId" in answer:  # else only the fragment changed
            await asyncio.wait_for(loaded, timeout=60)
            # the event may have been that of the page before
            await self.wait_for("location.href !== 'about:blank' && document.readyState === 'complete'")

    async def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression (a promise is awaited); raises DevToolsError if it throws."""
        answer = await self.send(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True, userGesture=True
        )
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            raise DevToolsError(details.get("exception", {}).get("description", details["text"]))
        return answer["result"].get("value")

    async def wait_for(self, expression: str, *, seconds: float = 60) -> Any:
        """The value of a JavaScript expression as soon as it is truthy; AssertionError if it never is."""
        deadline = time.monotonic() + seconds
        while True:
            problem = ""
            try:
                if value := await self.evaluate(expression):
                    return value
            except DevToolsError as error:  # the page may be leaving for another
                problem = str(error)
            if time.monotonic() > deadline:
                break
            await asyncio.sleep(0.02)
        seen = await self.evaluate("location.href + '\\n' + document.body?.innerText")
        raise AssertionError(f"waited {seconds} s for {expression} {problem}; the page shows:\n{seen}")

    async def text(self, selector: str) -> str:
        """The text that an element shows."""
        await self.wait_for(_exists(selector))
        return str(await self.evaluate(f"{_element(selector)}.innerText"))

    async def fill(self, selector: str, text: str) -> None:
        """Put `text` into a field in place of what it held, by mouse and keyboard."""
        await self.click(selector)
        await self.evaluate(f"{_element(selector)}.select()")
        if not text:
            await self._press("Backspace", windowsVirtualKeyCode=8)
        for character in text:
            await self._press(character, text=character)

    async def click(self, selector: str) -> None:
        """Click in the middle of an element, once it is there and nothing covers it."""
        await self.wait_for(_exists(selector))
        place = await self.wait_for(_uncovered_middle(selector))
        for event in ("mouseMoved", "mousePressed", "mouseReleased"):
            await self.send("Input.dispatchMouseEvent", type=event, button="left", clickCount=1, **place)

    async def screenshot(self, path: Path) -> None:
        """Write what the tab shows to a PNG file."""
        answer = await self.send("Page.captureScreenshot", format="png")
        await asyncio.to_thread(path.write_bytes, base64.b64decode(answer["data"]))

    async def _press(self, key: str, **details: Any) -> None:
        await self.send("Input.dispatchKeyEvent", type="keyDown", key=key, **details)
        await self.send("Input.dispatchKeyEvent", type="keyUp", key=key)


def _element(selector: str) -> str:
    return f"document.querySelector({json.dumps(selector)})"


def _exists(selector: str) -> str:
    return f"{_element(selector)} !== null"


def _uncovered_middle(selector: str) -> str:
    return f"""(() => {{
        const element = {_element(selector)};
        element.scrollIntoView({{ block: "center", behavior: "instant" }});
        const box = element.getBoundingClientRect();
        const place = {{ x: box.x + box.width / 2, y: box.y + box.height / 2 }};
        const hit = document.elementFromPoint(place.x, place.y);
        const isUncovered = element.contains(hit) || hit?.closest("label")?.control === element;
        return isUncovered && !element.disabled && place;
    }})()"""

"""Traffic: people who ask all the time who they are, and note whatever they are told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import httpx

from asgi_auth import Auth
from tests.support import PASSWORD, browser, sign_up, whoami

PATIENCE = 60
PEOPLE = 6
UNAVAILABLE = {"message": "Service temporarily unavailable", "code": "SERVICE_UNAVAILABLE"}


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a browser, who asks the application and the endpoints in turn."""

    email: str
    client: httpx.AsyncClient

    async def ask(self, path: str) -> tuple[str, httpx.Response]:
        """What was answered: "right", "503", or "wrong"."""
        answer = await self.client.get(path)
        return self._judge(answer), answer

    def _judge(self, answer: httpx.Response) -> str:
        told = answer.json()
        if answer.status_code == 503:
            is_whole = told == UNAVAILABLE and "retry-after" in answer.headers and "set-cookie" not in answer.headers
            return "503" if is_whole else "wrong"
        if answer.status_code != 200 or told is None:
            return "wrong"
        email = told["email"] if "email" in told else told["user"]["email"]
        return "right" if email == self.email else "wrong"


PATHS = ("/", "/api/auth/get-session")


@dataclass(slots=True)
class Traffic:
    """What all of them were told so far."""

    people: list[Person]
    wrong: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=lambda: {"right": 0, "503": 0, "wrong": 0})
    longest: float = 0.0

    async def run(self, person: Person) -> None:
        """Ask again and again."""
        clock = asyncio.get_running_loop().time
        while True:
            for path in PATHS:
                began = clock()
                verdict, answer = await person.ask(path)
                self.longest = max(self.longest, clock() - began)
                self.counts[verdict] += 1
                if verdict == "wrong":
                    self.wrong.append(f"{person.email} {path}: {answer.status_code} {answer.text}")
            await asyncio.sleep(0.001)

    async def until(self, is_so: Callable[[], Awaitable[bool]]) -> None:
        """Wait until something is so, a minute at most."""
        async with asyncio.timeout(PATIENCE):
            while not await is_so():  # noqa: ASYNC110  (what is waited for is the answer of a server)
                await asyncio.sleep(0.02)

    async def until_refused(self) -> None:
        """Wait until each of them has been told 503 after this moment."""
        for person in self.people:
            await self.until(lambda person=person: self._gets(person, "503"))

    async def until_right(self) -> None:
        """Wait until each of them is answered again."""
        for person in self.people:
            await self.until(lambda person=person: self._gets(person, "right"))

    @staticmethod
    async def _gets(person: Person, verdict: str) -> bool:
        return (await person.ask("/"))[0] == verdict


@asynccontextmanager
async def traffic(auth: Auth, *, people: int = PEOPLE) -> AsyncIterator[Traffic]:
    """People on the move while the block lasts; each has a session and a browser of their own."""
    async with AsyncExitStack() as stack:
        app = auth.wrap(whoami)
        known = []
        for number in range(people):
            client = await stack.enter_async_context(browser(app))
            email = f"{number}@example.com"
            await sign_up(client, {"name": str(number), "email": email, "password": PASSWORD})
            known.append(Person(email, client))
        seen = Traffic(known)
        tasks = [asyncio.create_task(seen.run(person)) for person in known]
        try:
            yield seen
        finally:
            for task in tasks:
                task.cancel()
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        failed = [error for error in outcomes if not isinstance(error, asyncio.CancelledError)]
        assert failed == []

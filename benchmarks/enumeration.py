"""Whether time tells who has an account: each flow that takes an address, for known and for unknown ones."""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import count

from asgi_auth import MailOptions, PasswordOptions, RateLimitOptions
from asgi_auth.asgi.types import ASGIApp
from asgi_auth.mails import Mail
from benchmarks import _apps
from benchmarks._client import Connections, connected
from benchmarks._databases import empty_databases
from benchmarks._measure import Goal, Report, Spread, differences, options_of
from benchmarks._server import served_elsewhere

EXPLANATION = """
uvicorn in a process of its own, over one connection (those that wait on purpose: over several at once), a mailer that
takes half a second, nothing limited, addresses to be verified first. Known and unknown addresses of the same length in
pairs, each pair the other way round. Milliseconds: median [quartiles]. Allowed is what the medians may differ by: 5 %
or 2 ms, whichever is more. "Within pairs" is the median of the differences, which a busy machine disturbs less.
"""
MAILER_TAKES = 0.5
AT_ONCE = 8
ALLOWED_SHARE = 0.05
ALLOWED_MS = 2.0


@dataclass(frozen=True, slots=True)
class Pace:
    """How much is done: pairs of each flow, and people whose addresses are known."""

    samples: int
    people: int


FULL = Pace(samples=200, people=20)
QUICK = Pace(samples=4, people=2)


@dataclass(frozen=True, slots=True)
class Flow:
    """A request that takes an address.

    Attributes:
        name: as the report calls it.
        path: of the endpoint.
        status: what it answers, known or not.
        body: beside the address.
        waits: it takes half a second on purpose, so that several clients at once do not disturb each other.
    """

    name: str
    path: str
    status: int
    body: dict[str, str]
    waits: bool = False

    def request(self, email: str) -> bytes:
        """What goes over the wire for an address."""
        path = f"/api/auth{self.path}"
        return _apps.post_json(path, email=email, **self.body).raw(path)


FLOWS = (
    Flow("sign-in", "/sign-in/email", 401, {"password": "not the password"}),
    Flow("sign-up", "/sign-up/email", 200, {"name": "Ada", "password": _apps.PASSWORD}),
    Flow("request-password-reset", "/request-password-reset", 200, {"redirectTo": "/reset"}),
    Flow("send-verification-email", "/send-verification-email", 200, {"callbackURL": "/"}, waits=True),
)


def served(url: str) -> ASGIApp:
    """The application, for a server elsewhere."""

    async def send(mail: Mail) -> None:  # noqa: ARG001  (how long it takes is all that counts)
        await asyncio.sleep(MAILER_TAKES)

    auth = _apps.build_auth(
        url,
        mail=MailOptions(sender=send),
        password=PasswordOptions(requires_verified_email=True, tells_existing_user=True),
        rate_limits=RateLimitOptions(is_enabled=False),
    )
    return auth.wrap(_apps.bare)


def known(number: int) -> str:
    """The address of somebody who has signed up."""
    return f"known{number:08}@example.com"


def unknown(numbers: Iterator[int]) -> str:
    """An address that nobody has signed up with yet."""
    return f"ghost{next(numbers):08}@example.com"


def milliseconds(connections: Connections, flow: Flow, email: str) -> float:
    """How long one request takes."""
    request = flow.request(email)
    start = time.perf_counter()
    connections.ask(request, status=flow.status)
    return (time.perf_counter() - start) * 1e3


def pairs(connections: Connections, flow: Flow, numbers: Iterator[int], pace: Pace) -> list[tuple[float, float]]:
    """Known and unknown, each pair the other way round."""
    found: list[tuple[float, float]] = []
    for number in range(pace.samples):
        asked: list[Callable[[], str]] = [lambda number=number: known(number % pace.people), lambda: unknown(numbers)]
        order = (0, 1) if number % 2 else (1, 0)
        taken = {kind: milliseconds(connections, flow, asked[kind]()) for kind in order}
        found.append((taken[0], taken[1]))
    return found


def measured(port: int, flow: Flow, numbers: Iterator[int], pace: Pace) -> list[tuple[float, float]]:
    """All pairs of one flow; the first request of a connection does not count."""
    clients = min(AT_ONCE, pace.samples) if flow.waits else 1
    share = replace(pace, samples=-(-pace.samples // clients))

    def client(_: int) -> list[tuple[float, float]]:
        with connected(port, count=1) as connections:
            pairs(connections, flow, numbers, replace(pace, samples=1))
            return pairs(connections, flow, numbers, share)

    with ThreadPoolExecutor(clients) as pool:
        return [pair for found in pool.map(client, range(clients)) for pair in found][: pace.samples]


def add(report: Report, database: str, flow: Flow, found: list[tuple[float, float]]) -> None:
    """One flow's row, and the figure that its goal names."""
    of_known, of_unknown = ([pair[kind] for pair in found] for kind in (0, 1))
    medians = statistics.median(of_known), statistics.median(of_unknown)
    differ = medians[0] - medians[1]
    allowed = max(ALLOWED_MS, ALLOWED_SHARE * min(medians))
    report.rows.append(
        {
            "database": database,
            "flow": flow.name,
            "pairs": len(found),
            "known": Spread.of(of_known),
            "unknown": Spread.of(of_unknown),
            "medians differ by": differ,
            "within pairs": statistics.median(differences(of_known, of_unknown)),
            "allowed": allowed,
        }
    )
    report.figures[_figure(database, flow)] = abs(differ) / allowed


def _figure(database: str, flow: Flow) -> str:
    return f"{database}, {flow.name}: difference of medians to what is allowed"


def sign_everybody_up(port: int, pace: Pace) -> None:
    """The people whose addresses are known."""
    with connected(port, count=1) as connections:
        for number in range(pace.people):
            milliseconds(connections, FLOWS[1], known(number))


async def main() -> int:
    """Run it all."""
    options = options_of(__doc__)
    report = Report(benchmark="enumeration", explanation=EXPLANATION, is_quick=options.quick)
    pace = QUICK if options.quick else FULL
    goals: list[Goal] = []
    async with empty_databases() as urls:
        for database, url in urls.items():
            with served_elsewhere("benchmarks.enumeration:served", url) as port:
                sign_everybody_up(port, pace)
                numbers = count()
                for flow in FLOWS:
                    add(report, database, flow, measured(port, flow, numbers, pace))
                    goals.append(Goal(figure=_figure(database, flow), at_most=1))
    return report.finish(options, goals)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))

"""What the benchmarks drive: a bare application, the same one behind Auth, and requests to both."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import structlog

from asgi_auth import Auth, AuthConfig, Feature, Metrics
from asgi_auth.asgi.types import ASGIApp, Message, Receive, Scope, Send
from asgi_auth.crypto.tokens import generate_id

SECRET = "only-a-benchmark-0123456789-abcdefghijklmnop"
PASSWORD = "correct horse battery"
HOST = "app.test"
USER_AGENT = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
)
Headers = tuple[tuple[bytes, bytes], ...]

BROWSER: Headers = (
    (b"host", HOST.encode()),
    (b"user-agent", b"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"),
    (b"accept", b"application/json"),
    (b"accept-language", b"en,de;q=0.7"),
    (b"accept-encoding", b"gzip, deflate"),
)
"""What comes with every request, so that headers have to be looked through."""


async def bare(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001  (an ASGI application)
    """Answers everything with two letters: whatever else a request costs is not its doing."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


def quieten() -> None:
    """Drop log lines below a warning, as production does, and keep the others out of what is printed."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def build_auth(url: str, *, metrics: Metrics | None = None, features: Sequence[Feature] = (), **options: Any) -> Auth:
    """An Auth as one would have it, on this database."""
    config = AuthConfig(secret=SECRET, database=url, base_url=f"http://{HOST}", **options)
    return Auth(config, metrics=metrics, features=features)


def by_first_segment(apps: dict[str, ASGIApp]) -> ASGIApp:
    """Applications side by side: ``/name/...`` goes to the one of this name."""

    async def dispatch(scope: Scope, receive: Receive, send: Send) -> None:
        await apps[scope["path"].split("/", 2)[1]](scope, receive, send)

    return dispatch


@dataclass(frozen=True, slots=True)
class Request:
    """One request, as a scope for an application and as bytes for a socket."""

    method: str = "GET"
    headers: Headers = ()
    path: str = "/"
    body: bytes = b""

    @property
    def scope(self) -> Scope:
        """The scope a server would make of it."""
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "server": ("127.0.0.1", 8000),
            "client": ("203.0.113.7", 40000),
            "scheme": "http",
            "method": self.method,
            "root_path": "",
            "path": self.path,
            "raw_path": self.path.encode(),
            "query_string": b"",
            "headers": [*BROWSER, *self.headers],
        }

    def raw(self, path: str) -> bytes:
        """What a client would write to a socket to send it to a path."""
        headers = (*BROWSER, *self.headers, (b"content-length", str(len(self.body)).encode()))
        lines = [f"{self.method} {path} HTTP/1.1".encode(), *(name + b": " + value for name, value in headers)]
        return b"\r\n".join([*lines, b"", self.body])


def post_json(path: str, **values: object) -> Request:
    """A POST of JSON."""
    body = json.dumps(values).encode()
    return Request("POST", ((b"content-type", b"application/json"),), path, body)


@dataclass(frozen=True, slots=True)
class Answer:
    """What an application has answered."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes
    cookies: dict[str, str]


async def ask(app: ASGIApp, request: Request) -> Answer:
    """Call an application directly, as a server would."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": request.body, "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    await app(request.scope, receive, send)
    headers: list[tuple[bytes, bytes]] = list(sent[0]["headers"])
    body = b"".join(message.get("body", b"") for message in sent[1:])
    return Answer(sent[0]["status"], dict(headers), body, _cookies(headers))


def _cookies(headers: list[tuple[bytes, bytes]]) -> dict[str, str]:
    set_cookies = [value.decode().partition(";")[0] for name, value in headers if name == b"set-cookie"]
    return {name: value for name, _, value in (cookie.partition("=") for cookie in set_cookies)}


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody signed up, and the credentials they hold; ``data`` is the cookie cache, where it is on."""

    email: str
    token: str
    signed: str
    data: str = ""

    def cookie(self, *, is_forged: bool = False, is_cached: bool = False) -> tuple[bytes, bytes]:
        """The Cookie header among others a site would set; a forged one ends in another signature."""
        signed = self.signed[:-10] + "AAAAAAAAA=" if is_forged else self.signed
        data = f"; better-auth.session_data={self.data}" if is_cached else ""
        return b"cookie", f"theme=dark; better-auth.session_token={quote(signed, safe='')}{data}; lang=en".encode()

    def bearer(self, *, is_signed: bool) -> tuple[bytes, bytes]:
        """The Authorization header."""
        return b"authorization", f"Bearer {self.signed if is_signed else self.token}".encode()


async def sign_up(auth: Auth, email: str = "ada@example.com") -> Person:
    """Sign somebody up by the endpoint itself."""
    request = post_json("/api/auth/sign-up/email", name="Ada", email=email, password=PASSWORD)
    answer = await ask(auth.wrap(bare), request)
    if answer.status != 200:
        raise RuntimeError(f"sign-up was answered with {answer.status}")
    token = json.loads(answer.body)["token"]
    data = answer.cookies.get("better-auth.session_data", "")
    return Person(email, token, auth.services.signer.sign(token), data)


async def add_people(auth: Auth, *, count: int) -> list[Person]:
    """So many people with a session each, their fields as long as they usually are; quicker than signing up."""
    engine, now = auth.services.engine, auth.services.clock()
    people = []
    async with engine.transaction():
        for number in range(count):
            user_id, token = generate_id(), generate_id(32)
            email, image = (
                f"ada.{user_id[:12].lower()}@example.com",
                f"https://images.example.com/people/{user_id}.jpeg",
            )
            name, times = f"Ada Lovelace {number:06}", {"created_at": now, "updated_at": now}
            await engine.users.add(engine.users.record(id=user_id, name=name, email=email, image=image, **times))
            values = {"id": generate_id(), "token": token, "user_id": user_id, "user_agent": USER_AGENT, **times}
            ends, address = now + auth.config.session.lifetime, f"203.0.{number >> 8 & 255}.{number & 255}"
            await engine.sessions.add(engine.sessions.record(**values, expires_at=ends, ip_address=address))
            people.append(Person(email, token, auth.services.signer.sign(token)))
    return people

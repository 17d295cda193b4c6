"""The demo's application: its one page, one guarded route of its own, the letters it has sent, and /api/auth."""

import base64
import hashlib
import re
import secrets
from datetime import timedelta
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from asgi_auth import (
    Auth,
    AuthConfig,
    CookieOptions,
    DeletionOptions,
    EmailOptions,
    MailOptions,
    Protect,
    RateLimit,
    RateLimitOptions,
    SessionOptions,
)
from examples.demo.letters import Letters

TRYING_OUT = RateLimit(30, timedelta(seconds=10))
"""Whoever tries things out signs in as several people, on several devices, all from one machine."""

PAGE = Path(__file__).with_name("page.html")


def create_app(folder: Path, *, base_url: str) -> ASGIApp:
    """The demo, with its users, sessions and secret in a folder, which is made if it is not there.

    ``base_url`` is where people find it: what the links in letters begin with.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    letters = Letters()
    auth = Auth(
        AuthConfig.development(
            app_name="asgi_auth demo",
            secret=read_secret(folder / "secret"),
            database=f"sqlite:///{folder / 'demo.db'}",
            base_url=base_url,
            mail=MailOptions(sender=letters.send),  # kept and shown, not sent
            email=EmailOptions(verifies_on_sign_up=True, allows_change=True, confirms_change=True),
            deletion=DeletionOptions(is_allowed=True),
            rate_limits=RateLimitOptions(rules={"**": TRYING_OUT}, mails_per_address=None),
            session=SessionOptions(tracks_activity=True),  # "last seen" follows the use of a session
            cookies=CookieOptions(prefix="asgi-auth-demo"),  # cookies know no ports: others use localhost too
        )
    )
    return auth.wrap(create_site(letters))


def create_site(letters: Letters) -> Starlette:
    """What the demo has beside /api/auth."""
    html = PAGE.read_text(encoding="utf-8")
    headers = {
        "content-security-policy": content_security_policy(html),
        "cross-origin-opener-policy": "same-origin",
        "referrer-policy": "same-origin",
        "x-content-type-options": "nosniff",
        "cache-control": "no-cache",
    }

    async def page(_request: Request) -> Response:
        return HTMLResponse(html, headers=headers)

    return Starlette(
        routes=[
            Route("/", page),
            Route("/me", me, middleware=[Middleware(Protect)]),
            Route("/letters", letters.answer),
        ]
    )


async def me(request: Request) -> Response:
    """A route as an application of yours would have it: the guard has let only users come this far."""
    user = request.auth.user
    return JSONResponse({"name": user.name, "email": user.email}, headers={"cache-control": "no-store"})


def read_secret(file: Path) -> str:
    """The secret in a file that its owner alone may read; made at the first start, so that restarts keep sessions."""
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(32))
    return file.read_text()


def content_security_policy(html: str) -> str:
    """The page may run its own script, use its own style and talk to its own server: nothing else (CSP 3)."""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {_hash_of('script', html)}",
            f"style-src {_hash_of('style', html)}",
            "img-src data:",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
        )
    )


def _hash_of(element: str, html: str) -> str:
    (content,) = re.findall(rf"<{element}\b[^>]*>(.*?)</{element}>", html, re.DOTALL)
    digest = hashlib.sha256(content.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"

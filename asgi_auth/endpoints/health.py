"""Endpoints that tell how things are: /ok and /health for machines, and /error for browsers."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from string import Template

from msgspec import UNSET

from asgi_auth.endpoints.answers import Alive, Check, Ok, Page, Readiness
from asgi_auth.endpoints.call import Call
from asgi_auth.endpoints.responses import Answer, redirect
from asgi_auth.endpoints.routing import Endpoints, get
from asgi_auth.endpoints.urls import with_query
from asgi_auth.infrastructure.health import HealthReport

ERROR_CODE = re.compile(r"['A-Za-z0-9_-]+")
MAX_DESCRIPTION = 500

PAGE = Template("""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sign-in did not work</title>
<style>
  body { font: 1rem/1.5 system-ui, sans-serif; max-width: 32rem; margin: 15vh auto; padding: 0 1rem;
    color: #222; background: #fff; }
  code { font-size: .9rem; padding: .1rem .4rem; border-radius: .25rem; background: #eee; color: #222; }
  a { color: #0645ad; }
  @media (prefers-color-scheme: dark) { body { color: #ddd; background: #181818; } a { color: #8ab4f8; } }
</style>
<h1>Something went wrong</h1>
<p>$description</p>
<p><code>$code</code></p>
<p><a href="/">Back to the start page</a></p>
</html>
""")

PAGE_HEADERS: Mapping[str, str] = {
    "content-security-policy": (
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}

NOT_STORED: Mapping[str, str] = {"cache-control": "no-store"}


class HealthEndpoints(Endpoints):
    """Whether the endpoints answer, and what browsers see when something failed."""

    @get("/ok", answers=Ok)
    async def ok(self, call: Call) -> Answer:  # noqa: ARG002  (the handlers' signature)
        """The endpoints answer."""
        return Answer(body={"ok": True})

    @get("/health/live", answers=Alive)
    async def live(self, call: Call) -> Answer:  # noqa: ARG002  (the handlers' signature)
        """The process answers; nobody else is asked."""
        return Answer(body=Alive(), headers=dict(NOT_STORED))

    @get("/health/ready", answers=Readiness, answers_when_down=Readiness)
    async def ready(self, call: Call) -> Answer:
        """Whether requests can be served; 503 where they cannot."""
        return _readiness(await call.services.health.report())

    @get("/health", answers=Readiness, answers_when_down=Readiness)
    async def health(self, call: Call) -> Answer:
        """The same as /health/ready, for those who ask one question."""
        return _readiness(await call.services.health.report())

    @get("/error", answers=Page)
    async def error(self, call: Call) -> Answer:
        """A page for a failed flow, or the application's own page."""
        given = call.query.get("error")
        code = given if isinstance(given, str) and ERROR_CODE.fullmatch(given) else "UNKNOWN"
        said = call.query.get("error_description")
        description = said[:MAX_DESCRIPTION] if isinstance(said, str) else ""
        target = call.web.config.error_url
        if target is None and call.web.config.environment == "production":
            target = "/"
        if target is not None:
            return redirect(with_query(target, error=code, error_description=description or None))
        page = PAGE.substitute(
            code=html.escape(code),
            description=html.escape(description) or "The request could not be completed. Please try again.",
        )
        return Answer(html=page, headers=dict(PAGE_HEADERS))


def _readiness(report: HealthReport) -> Answer:
    checks = {
        name: Check(status="down" if result.trouble else "up", ms=result.milliseconds, trouble=result.trouble or UNSET)
        for name, result in report.checks.items()
    }
    status = 503 if report.status == "down" else 200
    return Answer(body=Readiness(status=report.status, checks=checks), status=status, headers=dict(NOT_STORED))

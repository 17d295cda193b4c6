"""Endpoints that tell how things are: /ok, and /error for browsers."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from string import Template

from asgi_auth.endpoints.answers import Ok, Page
from asgi_auth.endpoints.call import Call
from asgi_auth.endpoints.responses import Answer, redirect
from asgi_auth.endpoints.routing import Endpoints, get
from asgi_auth.endpoints.urls import with_query

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


class HealthEndpoints(Endpoints):
    """Whether the endpoints answer, and what browsers see when something failed."""

    @get("/ok", answers=Ok)
    async def ok(self, call: Call) -> Answer:  # noqa: ARG002  (the handlers' signature)
        """The endpoints answer."""
        return Answer(body={"ok": True})

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

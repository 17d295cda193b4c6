"""The description of the endpoints, for programs and for people: Swagger UI, served from here and nowhere else."""

from __future__ import annotations

import base64
import hashlib
import html
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from string import Template

from asgi_auth.endpoints.answers import Page
from asgi_auth.endpoints.call import Call
from asgi_auth.endpoints.openapi import Schema, Subject, describe
from asgi_auth.endpoints.responses import Answer
from asgi_auth.endpoints.routing import Endpoints, get

START = (
    "SwaggerUIBundle({url: document.body.dataset.schema, domNode: document.getElementById('reference'), "
    "deepLinking: true, withCredentials: true, validatorUrl: null});"
)
START_HASH = base64.b64encode(hashlib.sha256(START.encode()).digest()).decode()

PAGE = Template("""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title: endpoints</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="$base/reference/swagger-ui.css">
<body data-schema="$base/open-api/generate-schema">
<main id="reference"><p>The reference needs JavaScript; the description itself is <a
  href="$base/open-api/generate-schema">here</a>.</p></main>
<script src="$base/reference/swagger-ui-bundle.js"></script>
<script>$start</script>
</body>
</html>
""")

PAGE_HEADERS: Mapping[str, str] = {
    # Swagger UI writes styles of its own into the page; scripts are the two named here.
    "content-security-policy": (
        f"default-src 'none'; script-src 'self' 'sha256-{START_HASH}'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}
ASSET_HEADERS: Mapping[str, str] = {"cache-control": "public, max-age=3600", "x-content-type-options": "nosniff"}


class ReferenceEndpoints(Endpoints):
    """What endpoints there are, what they take and what they answer."""

    def __init__(self, groups: Iterable[Endpoints]) -> None:
        self._groups = (*groups, self)
        self._described: Schema | None = None

    @get("/open-api/generate-schema", answers=dict[str, object])
    async def schema(self, call: Call) -> Answer:
        """The description of the endpoints as an OpenAPI 3.1 document."""
        if self._described is None:  # made once: it takes long enough to keep other requests waiting
            self._described = self._describe(call)
        return Answer(body={**self._described, "servers": [{"url": call.base_url}]})

    def _describe(self, call: Call) -> Schema:
        engine = call.services.engine
        subject = Subject(
            groups=self._groups,
            user=engine.users.record,
            session=engine.sessions.record,
            title=call.web.config.app_name,
            base_url=call.base_url,
            cookie=call.web.cookies.token_name,
        )
        return describe(subject)

    @get("/reference", answers=Page)
    async def reference(self, call: Call) -> Answer:
        """The same as a page for people."""
        title = html.escape(call.web.config.app_name)
        base = html.escape(call.scope.get("root_path") or call.web.config.base_path)
        return Answer(html=PAGE.substitute(title=title, base=base, start=START), headers=dict(PAGE_HEADERS))

    @get("/reference/swagger-ui-bundle.js", is_described=False)
    async def script(self, call: Call) -> Answer:  # noqa: ARG002  (the handlers' signature)
        """The page's script."""
        return _asset("swagger-ui-bundle.js", "text/javascript;charset=utf-8")

    @get("/reference/swagger-ui.css", is_described=False)
    async def style(self, call: Call) -> Answer:  # noqa: ARG002  (the handlers' signature)
        """The page's style."""
        return _asset("swagger-ui.css", "text/css;charset=utf-8")


def _asset(name: str, media_type: str) -> Answer:
    return Answer(raw=_read(name), headers={**ASSET_HEADERS, "content-type": media_type})


@cache
def _read(name: str) -> bytes:
    return files("asgi_auth.endpoints").joinpath("assets", name).read_bytes()

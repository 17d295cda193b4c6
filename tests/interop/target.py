"""Our server as the conformance harness drives it, beside a real Better Auth server.

python -m tests.interop.target --host 127.0.0.1 --port 4711 --config FILE
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import uvicorn
from sqlalchemy import Column, bindparam, update
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from asgi_auth import Auth, Timestamp
from asgi_auth.asgi.types import ASGIApp
from asgi_auth.engine import Engine
from asgi_auth.engine.columns import Json, Moment
from asgi_auth.fields import wire
from asgi_auth.infrastructure.change_feed.base import TRUSTED_FOR
from asgi_auth.infrastructure.change_feed.hub import ChangeHub
from asgi_auth.mails import ConfirmEmailChangeMail, ExistingUserMail, LinkMail, Mail
from tests.interop.target_config import build_config
from tests.interop.target_features import build_features
from tests.servers.postgres import running_postgres


class Outbox:
    """What has been sent, as the harness wants to read it."""

    def __init__(self) -> None:
        self.letters: list[dict[str, Any]] = []

    async def send(self, mail: Mail) -> None:
        letter: dict[str, Any] = {"kind": mail.kind}
        if isinstance(mail, LinkMail):
            letter |= {"user": {**wire(mail.user), "email": mail.to}, "url": mail.url, "token": mail.token}
        if isinstance(mail, ConfirmEmailChangeMail):
            letter["newEmail"] = mail.new_email
        if isinstance(mail, ExistingUserMail):
            letter["user"] = wire(mail.user)
        self.letters.append(letter)


class Rows:
    """The database, changed behind the server's back."""

    def __init__(self, engine: Engine) -> None:
        self._executor = engine._executor
        self._tables = engine._metadata

    async def reset(self) -> None:
        for table in reversed(self._tables.sorted_tables):
            await self._executor.run_text(f'DELETE FROM "{table.name}"')

    async def update(self, model: str, where: dict[str, Any], values: dict[str, Any]) -> int:
        """How many rows were changed; raises KeyError for a table or column that is not there."""
        table = self._tables.tables[model]
        asked = {f"where_{name}": (table.c[name], value) for name, value in where.items()}
        asked |= {f"set_{name}": (table.c[name], value) for name, value in values.items()}
        bound = {key: bindparam(key, type_=column.type) for key, (column, _) in asked.items()}
        statement = update(table).values({table.c[name]: bound[f"set_{name}"] for name in values}).returning(table.c.id)
        for name in where:
            statement = statement.where(table.c[name] == bound[f"where_{name}"])
        given = {key: stored(column, value) for key, (column, value) in asked.items()}
        return len(await self._executor.run(self._executor.compile(statement), given))


def stored(column: Column[Any], value: Any) -> Any:
    """A value of the harness as its column holds it: texts are moments where the column is one, or JSON."""
    if isinstance(column.type, Json) and isinstance(value, str):
        return json.loads(value)
    return Timestamp.parse(value) if isinstance(column.type, Moment) else value


async def heard(hub: ChangeHub) -> None:
    """Wait until whatever has been written by now is known: the harness looks at once, the feed a moment later."""
    written = monotonic()
    while hub.is_complete and hub.complete_until < written + TRUSTED_FOR:  # noqa: ASYNC110  (only asking tells)
        await asyncio.sleep(0.01)


def build_app(document: dict[str, Any], *, base_url: str, database: str) -> ASGIApp:
    outbox = Outbox()
    config = build_config(document, base_url=base_url, database=database, send=outbox.send)
    auth = Auth(config, features=build_features(document))
    rows = Rows(auth.services.engine)

    async def letters(_: Request) -> Response:
        await auth.services.mails.settle()
        return JSONResponse(outbox.letters)

    async def reset(_: Request) -> Response:
        await rows.reset()
        outbox.letters.clear()
        return JSONResponse({"ok": True})

    async def change(request: Request) -> Response:
        asked = await request.json()
        try:
            count = await rows.update(asked["model"], asked.get("where", {}), asked["set"])
        except KeyError as error:  # a table or column of a plugin that is not there
            return JSONResponse({"ok": False, "missing": str(error)}, status_code=400)
        await heard(auth.services.remembering.hub)
        return JSONResponse({"ok": True, "count": count})

    async def unknown(_: Request, __: Exception) -> Response:
        return Response(status_code=404)

    control = Starlette(
        routes=[
            Route("/__outbox", letters),
            Route("/__reset", reset, methods=["POST"]),
            Route("/__db", change, methods=["POST"]),
        ],
        exception_handlers={404: unknown},
        lifespan=auth.lifespan,
    )
    return auth.wrap(control)


@contextmanager
def empty_database(*, is_postgres: bool) -> Iterator[str]:
    if is_postgres:
        with running_postgres() as server, server.database() as url:
            yield url
    else:
        with tempfile.TemporaryDirectory() as folder:
            yield f"sqlite:///{folder}/target.sqlite"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=4711)
    parser.add_argument("--config", type=Path, help="a JSON file of the harness; none: Better Auth's defaults")
    parser.add_argument("--postgres", action="store_true", help="on a fresh PostgreSQL database instead of SQLite")
    given = parser.parse_args()
    document = json.loads(given.config.read_text()) if given.config else {}
    with empty_database(is_postgres=given.postgres) as database:
        app = build_app(document, base_url=f"http://localhost:{given.port}", database=database)
        uvicorn.run(app, host=given.host, port=given.port, log_level="warning")


if __name__ == "__main__":
    main()

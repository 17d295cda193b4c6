"""A key's text is in the answer that gives it, and nowhere else: no row, no log, no report has it."""

from __future__ import annotations

from pathlib import Path

import pytest
from redis.asyncio import Redis

from asgi_auth import SecondaryStorageOptions
from asgi_auth.features.api_key import ApiKeyOptions, ApiKeys
from asgi_auth.features.audit import Audit, AuditService
from asgi_auth.features.jwt import Jwt, JwtOptions
from tests.features.api_key.keys import create, person
from tests.security.canaries import leaks
from tests.security.conftest import listening
from tests.support import ADA

__all__ = ["listening"]  # a fixture


READS = {
    "string": "GET {}",
    "hash": "HGETALL {}",
    "list": "LRANGE {} 0 -1",
    "set": "SMEMBERS {}",
    "zset": "ZRANGE {} 0 -1",
    "stream": "XRANGE {} - +",
}


async def everything_in(redis_url: str) -> str:
    """All names and values that Redis holds."""
    async with Redis.from_url(redis_url, decode_responses=False) as redis:
        kept = []
        for name in await redis.keys("*"):
            command, _, rest = READS[(await redis.type(name)).decode()].partition(" {}")
            kept.append((name, await redis.execute_command(command, name, *rest.split())))
        return repr(kept)


def everything_under(folder: Path) -> str:
    """What stands in the files of a database."""
    return "".join(path.read_bytes().decode("latin-1") for path in folder.glob("*.sqlite*"))


@pytest.mark.parametrize("held_in", ["database", "secondary", "both"])
async def test_a_key_is_nowhere_but_in_its_answer(make_auth, sqlite_url, tmp_path, redis_url, listening, held_in):
    reported = []
    keys = ApiKeys(ApiKeyOptions(enables_sessions=True, allows_metadata=True), storage=held_in)
    auth = make_auth(
        database=sqlite_url,
        redis=redis_url,
        secondary_storage=SecondaryStorageOptions(is_enabled=True),
        features=[keys, Audit(), Jwt(JwtOptions(issuer="https://auth.test"))],
        on_error=lambda error, scope: reported.append(repr((error, vars(error), scope))),
    )
    written = []
    async with person(auth) as ada:
        made = await create(ada, name="backup", metadata={"a": 1})
        key = {"x-api-key": made["key"]}
        answers = [
            await ada.get(f"/api/auth/{path}", headers=key)
            for path in ("list-accounts", "ok", "token", "api-key/list", "list-sessions", "jwks", "error", "nowhere")
        ]
        sent = {"name": "Eve", "email": ADA["email"], "password": ADA["password"], "keyId": made["id"]}
        answers += [
            await ada.post(f"/api/auth/{path}", headers=key, json=sent)
            for path in (
                "update-user",
                "sign-out",
                "api-key/create",
                "revoke-sessions",
                "sign-in/email",
                "change-email",
            )
        ]
        answers.append(await ada.get("/", headers=key))
        written += [f"{each.headers} {each.text}" for each in answers]
        written.append(await everything_in(redis_url))
        written.append(everything_under(tmp_path))
        await auth.services.get(AuditService).flush()
    await auth.services.close()
    written += [*reported, listening(), await everything_in(redis_url), everything_under(tmp_path)]
    assert "api_key.created" in written[-3]
    assert leaks("\n".join(written), {"key": made["key"], "all but its start": made["key"][6:]}) == []

"""API keys written straight into the database, and requests with them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from asgi_auth import Auth, auth_context
from asgi_auth.crypto.tokens import LETTERS, generate_id, hash_token, random_string
from asgi_auth.features.api_key import ApiKeyService
from asgi_auth.features.api_key.models import StoredApiKey
from asgi_auth.features.api_key.verification import ApiKeyVerifier
from asgi_auth.models import to_json
from tests.support import PASSWORD, eventually, until


@dataclass(frozen=True)
class Key:
    """A key of somebody: its text and its row's id."""

    text: str
    id: str
    owner_id: str


def keys_of(auth: Auth) -> Any:
    """The rows of keys."""
    return auth.services.engine.store("apikey", StoredApiKey)


async def person(auth: Auth, email: str = "ada@example.com") -> str:
    """The id of somebody who has just signed up; from now on what is remembered is believed."""
    await auth.services.start()
    await until(lambda: auth.services.remembering.hub.is_complete)
    return (await auth.services.passwords.sign_up(email, PASSWORD, "Ada")).user.id


async def add_key(auth: Auth, owner_id: str, **fields: Any) -> Key:
    """A new key of somebody; without a limit unless one is given."""
    text, now = fields.pop("text", None) or random_string(64, LETTERS), auth.services.clock()
    row: dict[str, Any] = {"id": generate_id(), "reference_id": owner_id, "created_at": now, "updated_at": now}
    row |= {"key": hash_token(text), "rate_limit_enabled": "rate_limit_max" in fields, "rate_limit_time_window": 60_000}
    await keys_of(auth).add(StoredApiKey(**row | fields))
    return Key(text, (row | fields)["id"], owner_id)


async def new_key(auth: Auth, **fields: Any) -> Key:
    """A key of somebody who has just signed up."""
    return await add_key(auth, await person(auth), **fields)


def service(auth: Auth) -> ApiKeyService:
    """What verifies keys."""
    return auth.services.get(ApiKeyService)


async def verify(auth: Auth, key: Key | str, **options: Any) -> Any:
    """The record of a key after one use of it."""
    return await service(auth).verify_api_key(key if isinstance(key, str) else key.text, **options)


async def written(auth: Auth, key: Key) -> Any:
    """A key's row, once all its use has been written."""
    await auth.services.get(ApiKeyVerifier).usage.writer.flush()
    return await keys_of(auth).find(id=key.id)


async def costs_nothing(auth: Auth, use: Callable[[], Awaitable[object]]) -> None:
    """Wait until a use costs no statement; what is written beside requests is not part of it."""

    async def is_so() -> bool:
        with auth.services.engine.recorded() as statements:
            await use()
        return not [sql for sql in statements if sql.startswith("SELECT")]

    await eventually(is_so)


async def tell(scope: Any, receive: Any, send: Any) -> None:
    """A bare application: what it knows of the key that asks."""
    context = auth_context(scope)
    told = {
        "subject": context.subject,
        "email": context.user and context.user.email,
        "credential": context.credential,
        "key": context.api_key and context.api_key.id,
        "scopes": sorted(context.scopes),
        "error": context.error and context.error.code,
    }
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": to_json(told)})

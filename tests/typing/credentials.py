"""What a type checker tells users of JWTs and API keys; checked by mypy, never run."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import assert_type

from asgi_auth import (
    ApiKey,
    ApiKeyMiddleware,
    ApiKeyOptions,
    ApiKeys,
    ApiKeyService,
    Auth,
    AuthConfig,
    CreatedApiKey,
    Guard,
    Issuer,
    Jwt,
    JWTMiddleware,
    JwtOptions,
    JWTService,
    TokenPair,
    VerifiedToken,
    auth_context,
    extract_api_key,
    extract_jwt,
    has_scope,
    require_api_key,
    require_jwt,
)
from asgi_auth.asgi.types import ASGIApp, Scope


def contexts_and_guards_know_both(scope: Scope) -> None:
    context = auth_context(scope)
    assert_type(context.api_key, ApiKey | None)
    assert_type(context.claims, Mapping[str, object] | None)
    assert_type(extract_jwt(scope), str | None)
    assert_type(extract_api_key(scope, headers=("x-key",)), str | None)
    assert_type(require_api_key({"files": ["read"]}), Guard)
    assert_type(require_jwt(), Guard)
    assert_type(has_scope("files:read"), Guard)
    require_api_key(["read"])  # type: ignore[arg-type]


def features_take_their_options(config: AuthConfig) -> None:
    Auth(config, features=[Jwt(JwtOptions(lifetime=timedelta(minutes=5))), ApiKeys(ApiKeyOptions(key_length=40))])
    Jwt(JwtOptions(algorithm="HS256"))  # type: ignore[arg-type]
    ApiKeyOptions(references="team")  # type: ignore[arg-type]
    Issuer("https://login.example.com")  # type: ignore[call-arg]


def middlewares_take_theirs(app: ASGIApp, auth: Auth) -> None:
    JWTMiddleware(app, auth.services, issuers=[Issuer("https://login.example.com", audience="api")], required=True)
    ApiKeyMiddleware(app, auth.services, required_permissions={"files": ["read"]})
    JWTMiddleware(app, auth.services, issuers="https://login.example.com")  # type: ignore[arg-type]


async def services_speak_in_records(auth: Auth) -> None:
    jwts = auth.services.get(JWTService)
    assert_type(jwts, JWTService)
    assert_type(await jwts.verify_jwt("token"), VerifiedToken)
    assert_type(await jwts.sign_jwt({"sub": "me"}), str)
    assert_type(await jwts.refresh_jwt("token"), TokenPair)
    assert_type((await jwts.verify_jwt("token")).claims, Mapping[str, object])
    keys = auth.services.get(ApiKeyService)
    created = await keys.create_api_key("user", name="ci", permissions={"files": ["read"]})
    assert_type(created, CreatedApiKey)
    assert_type(created.key, str)
    assert_type(await keys.verify_api_key("key", {"files": ["read"]}), ApiKey)
    assert_type((await keys.list_api_keys("user")).keys, Sequence[ApiKey])
    await keys.create_api_key("user", nmae="ci")  # type: ignore[call-arg]
    await keys.update_api_key("key", prefix="x")  # type: ignore[call-arg]

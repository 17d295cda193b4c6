"""Better Auth's plugins, as the conformance harness writes their options, as features of ours."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from asgi_auth import Feature, RateLimit
from asgi_auth.features.api_key import ApiKeyOptions, ApiKeys
from asgi_auth.features.jwt import Jwt, JwtOptions
from tests.interop.target_config import Options, Reader, seconds

API_KEYS = {
    "enableSessionForAPIKeys": True,
    "enableMetadata": True,
    "rateLimit": {"enabled": True, "timeWindow": 86_400_000, "maxRequests": 1000},
}
"""What the harness' own server has wherever a document does not say otherwise."""


def build_features(document: Options) -> list[Feature]:
    plugins = document.get("plugins", {})
    features: list[Feature] = []
    if plugins.get("apiKey", {}) is not False:
        features.append(api_keys(plugins.get("apiKey", {})))
    if plugins.get("jwt", {}) is not False:
        features.append(Jwt(jwt_options(Reader(plugins.get("jwt"), "plugins.jwt."))))
    return features


def jwt_options(given: Reader) -> JwtOptions:
    jwks, token = given.group("jwks"), given.group("jwt")
    pair = jwks.group("keyPairConfig")
    lifetimes = {"rotationInterval": "rotation_interval", "gracePeriod": "grace"}
    options = JwtOptions(
        encrypts_keys=not jwks.take("disablePrivateKeyEncryption", False),
        sets_header=not given.take("disableSettingJwtHeader", False),
        **pair.fill({"alg": "algorithm", "crv": "curve", "modulusLength": "modulus_length"}),
        **jwks.fill({"jwksPath": "jwks_path"}),
        **jwks.fill(lifetimes, seconds),
        **token.fill({"issuer": "issuer", "audience": "audience"}),
    )
    for group in (given, jwks, token, pair):
        group.done()
    return options


def api_keys(given: list[Options] | Options) -> ApiKeys:
    documents = given if isinstance(given, list) else [API_KEYS | given]
    return ApiKeys(*(api_key_options(Reader(each, "plugins.apiKey.")) for each in documents))


def api_key_options(given: Reader) -> ApiKeyOptions:
    names = {
        "configId": "config_id",
        "defaultKeyLength": "key_length",
        "defaultPrefix": "default_prefix",
        "minimumPrefixLength": "min_prefix_length",
        "maximumPrefixLength": "max_prefix_length",
        "minimumNameLength": "min_name_length",
        "maximumNameLength": "max_name_length",
        "requireName": "requires_name",
        "enableMetadata": "allows_metadata",
        "enableSessionForAPIKeys": "enables_sessions",
        "references": "references",
    }
    filled = given.fill(names) | given.fill({"apiKeyHeaders": "header_names"}, _several)
    start, permissions = given.group("startingCharactersConfig"), given.group("permissions")
    options = ApiKeyOptions(
        hashes_keys=not given.take("disableKeyHashing", False),
        **filled,
        **start.fill({"shouldStore": "stores_start", "charactersLength": "start_length"}),
        **permissions.fill({"defaultPermissions": "default_permissions"}),
        **lifetimes(given.group("keyExpiration")),
        **rate_limit(given.group("rateLimit")),
    )
    for group in (given, start, permissions):
        group.done()
    return options


def lifetimes(given: Reader) -> dict[str, Any]:
    filled = given.fill({"minExpiresIn": "min_lifetime", "maxExpiresIn": "max_lifetime"}, _days)
    default = given.take("defaultExpiresIn")
    filled["default_lifetime"] = None if default is None else seconds(default)
    filled["allows_custom_lifetime"] = not given.take("disableCustomExpiresTime", False)
    given.done()
    return filled


def rate_limit(given: Reader) -> dict[str, Any]:
    most, window = given.take("maxRequests", 10), given.take("timeWindow", 86_400_000)
    filled = {
        "limits_requests": given.take("enabled", True),
        "rate_limit": RateLimit(most, timedelta(milliseconds=window)),
    }
    given.done()
    return filled


def _days(count: float) -> timedelta:
    return timedelta(days=count)


def _several(names: str | list[str]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names)

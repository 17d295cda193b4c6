"""ApiKeyOptions: what cannot work is refused when it is built."""

from __future__ import annotations

from datetime import timedelta

import pytest

from asgi_auth import AuthConfig, ConfigurationError, RateLimit
from asgi_auth.features.api_key import ApiKeyOptions, ApiKeys
from tests.contracts.rows import query
from tests.features.api_key.keys import service
from tests.support import SECRET


@pytest.mark.parametrize(
    "wrong",
    [
        {"config_id": ""},
        {"config_id": 5},
        {"header_names": ()},
        {"header_names": ("x api key",)},
        {"header_names": "x-api-key"},
        {"header_names": ("x-api-key", "Authorization")},
        {"header_names": ("cookie",)},
        {"key_length": 31},
        {"key_length": 257},
        {"start_length": 0},
        {"start_length": 17},
        {"key_length": 32, "start_length": 9},
        {"min_name_length": 5, "max_name_length": 4},
        {"min_prefix_length": -1},
        {"default_prefix": ""},
        {"default_prefix": "a b"},
        {"min_lifetime": timedelta()},
        {"max_lifetime": timedelta(hours=1)},
        {"max_lifetime": timedelta(days=40_000)},
        {"default_lifetime": timedelta()},
        {"default_lifetime": 86_400},
        {"rate_limit": 10},
        {"references": "team"},
        {"references": "organization", "enables_sessions": True},
        {"default_permissions": {"files": "read"}},
        {"generator": "abc"},
    ],
)
def test_what_cannot_work_is_refused(wrong):
    with pytest.raises(ConfigurationError, match="ApiKeyOptions"):
        ApiKeyOptions(**wrong)


def test_each_configuration_has_a_name_of_its_own():
    with pytest.raises(ConfigurationError, match="config_id"):
        ApiKeys(ApiKeyOptions(), ApiKeyOptions())


@pytest.mark.parametrize("wrong", [ApiKeyOptions, [ApiKeyOptions()], {"default_prefix": "acme_"}, "acme_"])
def test_a_configuration_is_an_instance(wrong):
    with pytest.raises(ConfigurationError, match=r"configurations are instances: ApiKeys\(ApiKeyOptions\("):
        ApiKeys(wrong)


def test_how_many_unknown_keys_are_looked_for_is_a_rate():
    with pytest.raises(ConfigurationError, match="unknown_keys: RateLimit or None"):
        ApiKeys(unknown_keys=60)


async def test_a_new_key_is_limited_as_the_preset_says(make_auth):
    ours = make_auth(features=[ApiKeys()])
    made = await service(ours).create_api_key("ada")
    assert (made.rate_limit_max, made.rate_limit_time_window) == (10_000, 60_000)


async def test_a_compatible_key_is_limited_as_the_contract_says(make_auth):
    theirs = make_auth(features=[ApiKeys()], is_compatible=True)
    made = await service(theirs).create_api_key("ada")
    assert (made.rate_limit_max, made.rate_limit_time_window) == (10, 86_400_000)
    assert AuthConfig.compatible(secret=SECRET, database="sqlite://").is_compatible


async def test_a_limit_that_is_given_counts_everywhere(make_auth):
    given = ApiKeys(ApiKeyOptions(rate_limit=RateLimit(3, timedelta(seconds=9))))
    made = await service(make_auth(features=[given], is_compatible=True)).create_api_key("ada")
    assert (made.rate_limit_max, made.rate_limit_time_window) == (3, 9_000)


async def test_a_configured_lifetime_is_a_new_keys_own(make_auth, clock):
    auth = make_auth(features=[ApiKeys(ApiKeyOptions(default_lifetime=timedelta(hours=1)))])
    assert (await service(auth).create_api_key("ada")).expires_at == clock() + timedelta(hours=1)
    longer = await service(auth).create_api_key("ada", lifetime=timedelta(days=2))
    assert longer.expires_at == clock() + timedelta(days=2)


async def test_keys_can_be_stored_as_better_auth_stores_unhashed_ones(make_auth, sqlite_url):
    auth = make_auth(database=sqlite_url, features=[ApiKeys(ApiKeyOptions(hashes_keys=False))])
    made = await service(auth).create_api_key("ada")
    assert await query(sqlite_url, "SELECT key FROM apikey") == [(made.key,)]

"""Caches are told apart by their names."""

from __future__ import annotations

import pytest

from asgi_auth import CacheOptions, ConfigurationError
from asgi_auth.services.known import user_spec


def test_two_kinds_of_values_cannot_share_a_name(make_auth):
    services = make_auth().services
    with pytest.raises(ConfigurationError, match="user"):
        services.remembering.caches.add(user_spec(CacheOptions(), user=services.engine.users.record))

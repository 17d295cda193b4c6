"""Records: what they say of themselves, and what cannot be changed in them."""

from __future__ import annotations

import pytest

from asgi_auth import ApiKey, Timestamp
from asgi_auth.models import frozen, to_json

NOW = Timestamp.parse("2026-11-26T12:00:00.000Z")


def key(permissions):
    return ApiKey(reference_id="ada", permissions=permissions, created_at=NOW, updated_at=NOW, id="k")


def test_the_scopes_of_a_key_are_its_permissions_one_by_one():
    assert key({"files": ("read", "write"), "mail": ()}).scopes == {"files:read", "files:write"}
    assert key(None).scopes == set()


def test_a_key_allows_what_all_is_among_its_permissions():
    mine = key({"files": ("read", "write")})
    assert mine.allows({"files": ["read"]})
    assert mine.allows({})
    assert not mine.allows({"files": ["read", "delete"]})
    assert not key(None).allows({"files": ["read"]})


def test_frozen_json_cannot_be_changed_anywhere_and_is_written_as_it_was():
    value = {"a": [1, {"b": ["c"]}], "d": None}
    still = frozen(value)
    with pytest.raises(TypeError):
        still["d"] = 1
    with pytest.raises(TypeError):
        still["a"][1]["b"] = []
    with pytest.raises(AttributeError):
        still["a"].append(2)
    value["a"].append(3)
    assert to_json(still) == b'{"a":[1,{"b":["c"]}],"d":null}'

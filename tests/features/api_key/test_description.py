"""The endpoints of API keys are described, and switched off like any others."""

from __future__ import annotations

import pytest
from openapi_spec_validator import validate

from asgi_auth import RequestOptions
from asgi_auth.features.api_key import ApiKeys
from tests.features.api_key.keys import SHOWN, get, person, post
from tests.support import browser, whoami

SCHEMA = "/api/auth/open-api/generate-schema"


@pytest.fixture
async def document(make_auth):
    async with browser(make_auth(features=[ApiKeys()]).wrap(whoami)) as client:
        return (await client.get(SCHEMA)).json()


def answer_of(document, path, method):
    """The properties of an answer, by name."""
    schema = document["paths"][path][method]["responses"]["200"]["content"]["application/json"]["schema"]
    return document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]["properties"]


def test_they_are_described(document):
    validate(document)
    paths = {path: list(methods) for path, methods in document["paths"].items() if path.startswith("/api-key/")}
    assert paths == {
        "/api-key/create": ["post"],
        "/api-key/delete": ["post"],
        "/api-key/get": ["get"],
        "/api-key/list": ["get"],
        "/api-key/update": ["post"],
    }


def test_an_answer_is_described_as_it_is_given(document):
    assert set(answer_of(document, "/api-key/get", "get")) == set(SHOWN)
    assert set(answer_of(document, "/api-key/create", "post")) == {*SHOWN, "key"}
    assert set(answer_of(document, "/api-key/list", "get")) == {"apiKeys", "total", "limit", "offset"}


def test_what_is_asked_for_is_described(document):
    parameters = document["paths"]["/api-key/list"]["get"]["parameters"]
    described = {each["name"]: each["schema"] for each in parameters}
    assert set(described) == {"configId", "organizationId", "limit", "offset", "sortBy", "sortDirection"}
    assert (described["limit"]["type"], described["limit"]["minimum"]) == ("integer", 0)
    assert "key" not in described["sortBy"]["enum"]
    assert set(described["sortBy"]["enum"]) == set(SHOWN)


async def test_they_can_be_switched_off(make_auth):
    off = RequestOptions(disabled_paths=frozenset({"/api-key/create"}))
    async with person(make_auth(features=[ApiKeys()], request=off)) as eve:
        assert (await post(eve, "create")).status_code == 404
        assert (await get(eve, "list")).status_code == 200

"""The description of the endpoints is a valid document and says what the endpoints really take and answer."""

from __future__ import annotations

from typing import Annotated

import msgspec
import pytest
from openapi_spec_validator import validate

from asgi_auth import Feature, FieldRules, OpenApiOptions, User
from asgi_auth.endpoints.app import CORE
from asgi_auth.endpoints.call import Call
from asgi_auth.endpoints.responses import Answer
from asgi_auth.endpoints.routing import Endpoints, post
from asgi_auth.endpoints.schema import Body
from tests.support import ADA, browser, sign_up, whoami

SCHEMA = "/api/auth/open-api/generate-schema"
HOSTS = ("one.example", "two.example")


class Address(msgspec.Struct):
    city: str


class Member(User, frozen=True, kw_only=True):
    age: Annotated[int, msgspec.Meta(ge=18)] = 18
    plan: Annotated[str, FieldRules(input=False)] = "free"
    note: Annotated[str | None, FieldRules(returned=False)] = None
    home: Address | None = None


class SignIn(Body, frozen=True, kw_only=True):
    """Named as one of the core's."""

    code: str


class CodeEndpoints(Endpoints):
    """Ways in by code."""

    @post("/sign-in/code", answers=dict[str, str])
    async def sign_in(self, call: Call, body: SignIn) -> Answer:  # noqa: ARG002
        """Let a user in by code."""
        return Answer(body={"code": body.code})


class Codes(Feature):
    name = "codes"

    def endpoints(self, services):  # noqa: ARG002
        return [CodeEndpoints()]


class CountedEndpoints(CodeEndpoints):
    """Ways in by code that know how often they were looked through."""

    looked = 0

    def handlers(self):
        self.looked += 1
        return super().handlers()


class CountedCodes(Feature):
    name = "codes"

    def __init__(self):
        self.group = CountedEndpoints()

    def endpoints(self, services):  # noqa: ARG002
        return [self.group]


async def describe(auth):
    async with browser(auth.wrap(whoami)) as client:
        response = await client.get(f"{auth.config.base_path}/open-api/generate-schema")
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    return response.json()


def body_of(document, path):
    content = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
    return document["components"]["schemas"][content["$ref"].rpartition("/")[2]]


async def test_the_document_is_valid_openapi(quick):
    validate(await describe(quick))


async def test_types_have_names_of_their_own_so_that_clients_can_be_generated(quick):
    names = (await describe(quick))["components"]["schemas"]
    assert [name for name in names if "." in name] == []


async def test_with_the_applications_own_fields_it_is_valid_too(make_auth):
    validate(await describe(make_auth(user_model=Member)))


async def test_every_endpoint_of_the_core_is_in_it(quick):
    document = await describe(quick)
    there = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    served = {(spec.method, spec.path) for group in CORE for spec, _ in group.handlers()}
    assert there == served | {("GET", "/open-api/generate-schema"), ("GET", "/reference")}


async def test_it_says_where_the_endpoints_are_and_whose(make_auth):
    document = await describe(make_auth(base_url="https://example.com", base_path="/auth/v1", app_name="Shop"))
    assert document["servers"] == [{"url": "https://example.com/auth/v1"}]
    assert document["info"]["title"] == "Shop"
    assert document["components"]["securitySchemes"]["session"]["name"] == "__Secure-better-auth.session_token"


async def test_a_body_is_described_as_it_is_checked(quick):
    document = await describe(quick)
    body = body_of(document, "/sign-up/email")
    assert body["required"] == ["name", "email", "password"]
    assert body["properties"]["email"] == {"type": "string", "format": "email"}
    assert body["properties"]["password"] == {"type": "string", "minLength": 1}
    assert "application/x-www-form-urlencoded" in document["paths"]["/sign-up/email"]["post"]["requestBody"]["content"]
    assert document["paths"]["/sign-out"]["post"]["requestBody"]["required"] is False


async def test_what_is_not_always_in_an_answer_is_described_as_optional(quick):
    signed_out = (await describe(quick))["components"]["schemas"]["SignedOut"]
    assert signed_out["properties"].keys() == {"success", "url", "redirect"}
    assert signed_out["required"] == ["success"]


async def test_a_query_is_described_as_it_is_checked(quick):
    (cache, refresh) = (await describe(quick))["paths"]["/get-session"]["get"]["parameters"]
    assert (cache["name"], cache["in"], cache["required"]) == ("disableCookieCache", "query", False)
    assert (refresh["name"], refresh["schema"]) == ("disableRefresh", {"type": "boolean"})


async def test_additional_fields_follow_their_rules(make_auth):
    document = await describe(make_auth(user_model=Member))
    schemas = document["components"]["schemas"]
    given = body_of(document, "/sign-up/email")["properties"]
    assert given["age"] == {"type": "integer", "minimum": 18, "default": 18}
    assert "plan" not in given
    assert "note" in given
    assert "plan" in schemas["User"]["properties"]
    assert "note" not in schemas["User"]["properties"]
    assert {"age", "plan", "emailVerified", "id"} <= set(schemas["User"]["required"])
    assert body_of(document, "/update-user")["properties"].keys() >= {"age", "note"}


async def test_an_answer_has_just_the_keys_that_are_described(make_auth):
    auth = make_auth(user_model=Member)
    document = await describe(auth)
    async with browser(auth.wrap(whoami)) as client:
        answer = (await sign_up(client, {**ADA, "age": 30})).json()
        session = (await client.get("/api/auth/get-session")).json()["session"]
    schemas = document["components"]["schemas"]
    assert set(answer) == set(schemas["TokenAndUser"]["properties"])
    assert set(answer["user"]) == set(schemas["User"]["properties"])
    assert set(session) == set(schemas["Session"]["properties"])


async def test_the_endpoints_of_features_are_in_it_under_their_own_types(make_auth):
    document = await describe(make_auth(features=[Codes()]))
    validate(document)
    assert list(body_of(document, "/sign-in/code")["properties"]) == ["code"]
    assert "email" in body_of(document, "/sign-in/email")["properties"]
    operation = document["paths"]["/sign-in/code"]["post"]
    assert (operation["summary"], operation["tags"]) == ("Let a user in by code.", ["Code"])


async def test_it_is_put_together_once_however_often_it_is_asked_for(make_auth):
    feature = CountedCodes()
    auth = make_auth(features=[feature])
    first = await describe(auth)
    looked = feature.group.looked
    assert [await describe(auth) for _ in range(3)] == [first] * 3
    assert feature.group.looked == looked


async def test_every_request_is_told_its_own_server(make_auth):
    async with browser(make_auth().wrap(whoami)) as client:
        documents = [(await client.get(SCHEMA, headers={"host": host})).json() for host in HOSTS]
    servers = [document.pop("servers") for document in documents]
    assert servers == [[{"url": f"http://{host}/api/auth"}] for host in HOSTS]
    assert documents[0] == documents[1]


@pytest.mark.parametrize("path", [SCHEMA, "/api/auth/reference", "/api/auth/reference/swagger-ui.css"])
async def test_switched_off_none_of_it_is_there(make_auth, path):
    auth = make_auth(openapi=OpenApiOptions(is_enabled=False))
    async with browser(auth.wrap(whoami)) as client:
        assert (await client.get(path)).status_code == 404

"""The description of the endpoints (OpenAPI 3.1), made of the very structs that they decode and answer with."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from types import UnionType
from typing import Any, Union, get_args, get_origin

import msgspec

from asgi_auth.clock import Timestamp
from asgi_auth.endpoints.answers import Page
from asgi_auth.endpoints.body import FORM, JSON
from asgi_auth.endpoints.routing import Endpoints, Handler, RouteSpec, input_hints
from asgi_auth.endpoints.schema import Body, fields, parted
from asgi_auth.fields import own_fields
from asgi_auth.models import Record, Session, User

OPENAPI_VERSION = "3.1.1"
SCHEMA_REF = "#/components/schemas/{name}"
PATH_PARAM = re.compile(r"\{(\w+)\}")

REFUSALS: Mapping[str, str] = {
    "400": "The request is malformed or breaks a rule.",
    "401": "No credential, or none that was accepted.",
    "403": "The request comes from an untrusted place, or is not allowed.",
    "404": "No such endpoint or thing.",
    "429": "Too many requests; Retry-After says when to come back.",
    "500": "A fault of the server's.",
    "503": "A part of the server's cannot answer now; Retry-After says when to come back.",
}
REFUSAL_REFS: Mapping[str, object] = {status: {"$ref": f"#/components/responses/{status}"} for status in REFUSALS}
ERROR_SCHEMA: Mapping[str, object] = {
    "title": "Error",
    "type": "object",
    "properties": {"message": {"type": "string"}, "code": {"type": "string"}},
    "required": ["message"],
}

Schema = dict[str, Any]
Route = tuple[Endpoints, RouteSpec, Handler]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What is described.

    Attributes:
        groups: the endpoints.
        user: the composed type of users.
        session: the composed type of sessions.
        title: the service's name.
        base_url: where the endpoints are.
        cookie: the name of the session cookie.
    """

    groups: tuple[Endpoints, ...]
    user: type[User]
    session: type[Session]
    title: str
    base_url: str
    cookie: str


def describe(subject: Subject) -> Schema:
    """The document."""
    routes = [(group, *pair) for group in subject.groups for pair in group.handlers() if pair[0].is_described]
    types = _Types(routes, subject)
    groups = dict.fromkeys(group for group, _, _ in routes)
    return {
        "openapi": OPENAPI_VERSION,
        "info": {"title": subject.title, "version": version("asgi-auth")},
        "servers": [{"url": subject.base_url}],
        "security": [{}, {"session": []}, {"bearer": []}],
        "tags": [{"name": _tag(group), "description": _sentence(group)} for group in groups],
        "paths": _paths(routes, types),
        "components": {
            "schemas": {**types.components, "Error": ERROR_SCHEMA},
            "responses": {status: _refusal(text) for status, text in REFUSALS.items()},
            "securitySchemes": {
                "session": {"type": "apiKey", "in": "cookie", "name": subject.cookie},
                "bearer": {"type": "http", "scheme": "bearer"},
            },
        },
    }


class _Types:
    """The schemas of all types that routes take or give, with what msgspec cannot know of them."""

    def __init__(self, routes: Iterable[Route], subject: Subject) -> None:
        composed: dict[type[Record], type[Record]] = {User: subject.user, Session: subject.session}
        hints = [
            hint
            for _, spec, handler in routes
            for hint in (spec.answers, spec.answers_when_down, *input_hints(handler).values())
        ]
        bodies = [kind for hint in hints for kind in _bodies(hint)]
        # msgspec takes no union of structs that nothing in them tells apart: ``of`` puts those together.
        single = [hint for hint in hints if hint not in (None, Page) and len(_bodies(hint)) < 2]
        types = [*single, *bodies, *composed.values(), *composed]
        schemas, self.components = msgspec.json.schema_components(types, schema_hook=_own, ref_template=SCHEMA_REF)
        self._schemas = {id(kind): schema for kind, schema in zip(types, schemas, strict=True)}
        self._fields = {core: self.named(kind)["properties"] for core, kind in composed.items()}
        for body in dict.fromkeys(bodies):
            self._complete(body, composed)
        for core, kind in composed.items():
            name = self._name(core)
            self.components[name] = {**self._shown(kind, core), "title": name}

    def of(self, kind: object) -> Schema:
        """The schema of a type, a reference to a named one for most."""
        if id(kind) not in self._schemas:
            return {"anyOf": [self.of(each) for each in _bodies(kind)]}
        return self._schemas[id(kind)]

    def named(self, kind: type) -> Schema:
        """The schema of a struct, itself."""
        schema: Schema = self.components[self._name(kind)]
        return schema

    def _name(self, kind: type) -> str:
        return str(self.of(kind)["$ref"]).rpartition("/")[2]

    def _shown(self, composed: type[Record], core: type[Record]) -> Schema:
        """A record as answers show it: only returned fields, all of them always there."""
        hidden = {field.wire_name for field in own_fields(composed, core) if not field.rules.returned}
        properties = {name: _without_default(each) for name, each in self._fields[core].items() if name not in hidden}
        return {**self.named(composed), "properties": properties, "required": list(properties)}

    def _complete(self, kind: type[Body], composed: Mapping[type[Record], type[Record]]) -> None:
        schema = self.named(kind)
        properties = schema["properties"]
        if kind.is_closed:
            schema["additionalProperties"] = False
        for name, rule in _rules(kind):
            properties[name].update(rule)
        if kind.extends is None:
            return
        for field in own_fields(composed[kind.extends], kind.extends):
            if field.rules.input:
                properties[field.wire_name] = self._fields[kind.extends][field.wire_name]


def _bodies(hint: object) -> list[type[Body]]:
    return [kind for kind in get_args(hint) or (hint,) if isinstance(kind, type) and issubclass(kind, Body)]


def _rules(kind: type[Body]) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Our own rules about fields, by wire name, as JSON Schema says them."""
    for field in fields(kind):
        is_union = get_origin(field.hint) in (Union, UnionType)
        for hint in get_args(field.hint) if is_union else (field.hint,):
            for rule in parted(hint)[1]:
                yield field.wire_name, rule.schema


def _own(kind: type) -> Schema:
    """The schema of what msgspec does not know."""
    if issubclass(kind, Timestamp):
        return {"type": "string", "format": "date-time"}
    if kind is object:
        return {"description": "Any JSON value."}
    raise NotImplementedError


def _without_default(schema: Schema) -> Schema:
    return {key: value for key, value in schema.items() if key != "default"}


def _paths(routes: Iterable[Route], types: _Types) -> dict[str, Schema]:
    paths: dict[str, Schema] = {}
    for route in sorted(routes, key=lambda route: (route[1].path, route[1].method)):
        paths.setdefault(route[1].path, {})[route[1].method.lower()] = _operation(route, types)
    return paths


def _operation(route: Route, types: _Types) -> Schema:
    group, spec, handler = route
    inputs = input_hints(handler)
    described = {
        "tags": [_tag(group)],
        "operationId": _operation_id(spec),
        "summary": _sentence(handler),
        "parameters": [*_path_params(spec), *_query_params(inputs.get("query"), types)],
        "responses": {**_success(spec, types), **REFUSAL_REFS, **_when_down(spec, types)},
    }
    if "body" in inputs:
        kinds = (JSON, FORM) if spec.takes_forms else (JSON,)
        schema = types.of(inputs["body"])
        is_required = type(None) not in get_args(inputs["body"])
        described["requestBody"] = {"required": is_required, "content": {kind: {"schema": schema} for kind in kinds}}
    return described


def _success(spec: RouteSpec, types: _Types) -> Schema:
    if spec.answers is Page:
        return {"200": {"description": "A page.", "content": {"text/html": {"schema": {"type": "string"}}}}}
    if spec.answers is None:
        return {"302": {"description": "A redirect."}}
    return {"200": {"description": "Done.", "content": {JSON: {"schema": types.of(spec.answers)}}}}


def _when_down(spec: RouteSpec, types: _Types) -> dict[str, Schema]:
    if spec.answers_when_down is None:
        return {}
    schema = types.of(spec.answers_when_down)
    return {"503": {"description": REFUSALS["503"], "content": {JSON: {"schema": schema}}}}


def _path_params(spec: RouteSpec) -> list[Schema]:
    names = PATH_PARAM.findall(spec.path)
    return [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names]


def _query_params(hint: object, types: _Types) -> list[Schema]:
    """The query's fields, each a parameter; where there are several kinds of queries, none is required."""
    params: dict[str, Schema] = {}
    for kind in _bodies(hint):
        schema = types.named(kind)
        for name, each in schema["properties"].items():
            is_required = name in schema["required"] and not get_args(hint)
            params[name] = {"name": name, "in": "query", "required": is_required, "schema": _without_default(each)}
    return list(params.values())


def _operation_id(spec: RouteSpec) -> str:
    words = [word for word in re.split(r"\W+", spec.path) if word]
    return spec.method.lower() + "".join(word[:1].upper() + word[1:] for word in words)


def _refusal(text: str) -> Schema:
    return {"description": text, "content": {JSON: {"schema": {"$ref": SCHEMA_REF.format(name="Error")}}}}


def _tag(group: Endpoints) -> str:
    return type(group).__name__.removesuffix("Endpoints")


def _sentence(documented: object) -> str:
    """The first sentence of a docstring, as plain text."""
    text = inspect.getdoc(documented) or ""
    return " ".join(text.partition("\n\n")[0].replace("``", "").split())

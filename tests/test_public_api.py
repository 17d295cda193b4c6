"""The public face: all of it named, documented and typed."""

from __future__ import annotations

import ast
import importlib.resources
import inspect
import types
import typing
from typing import Any

import pytest

import asgi_auth

NAMES = asgi_auth.__all__
THINGS = {name: getattr(asgi_auth, name) for name in NAMES}
CLASSES = {name: thing for name, thing in THINGS.items() if inspect.isclass(thing)}
FUNCTIONS = {name: thing for name, thing in THINGS.items() if inspect.isfunction(thing)}

# Signatures that say Any, and why.
ANYTHING: dict[str, str] = {}


def imported_names():
    tree = ast.parse(inspect.getsource(asgi_auth))
    return [
        alias.asname or alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names
    ]


def test_the_list_of_names_is_sorted_and_complete():
    assert sorted(NAMES) == NAMES
    assert sorted(imported_names()) == NAMES
    assert len(set(NAMES)) == len(NAMES)


def test_importing_everything_gives_everything():
    given: dict[str, object] = {}
    exec("from asgi_auth import *", given)
    assert set(NAMES) <= set(given)


def test_the_front_door_holds_nothing_but_names():
    tree = ast.parse(inspect.getsource(asgi_auth))
    kinds = {type(node) for node in tree.body}
    assert kinds == {ast.Expr, ast.ImportFrom, ast.Assign}


def test_the_package_says_that_it_is_typed():
    assert importlib.resources.files("asgi_auth").joinpath("py.typed").is_file()


@pytest.mark.parametrize("name", [*CLASSES, *FUNCTIONS])
def test_everything_public_is_documented(name):
    assert THINGS[name].__doc__
    for member, function in public_methods(THINGS[name]).items():
        assert inspect.getdoc(function), f"{name}.{member}"


@pytest.mark.parametrize("name", [*CLASSES, *FUNCTIONS])
def test_nothing_public_takes_or_gives_just_anything(name):
    bare = []
    thing = THINGS[name]
    callables = {"": thing} if name in FUNCTIONS else {f".{member}": of for member, of in public_methods(thing).items()}
    if inspect.isclass(thing) and "__init__" in vars(thing):
        callables[".__init__"] = thing.__init__
    for member, function in callables.items():
        hints = typing.get_type_hints(function)
        bare += [f"{name}{member}: {parameter}" for parameter, hint in hints.items() if is_anything(hint)]
    if inspect.isclass(thing):
        bare += [f"{name}: {field}" for field in vars(thing).get("__annotations__", {}) if says_any(thing, field)]
    assert [where for where in bare if where not in ANYTHING] == []


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_parameter_of_a_public_function_is_typed(name):
    hints = typing.get_type_hints(FUNCTIONS[name])
    assert set(inspect.signature(FUNCTIONS[name]).parameters) | {"return"} == set(hints)


def public_methods(thing):
    """What a class of ours defines itself for others to call, by name."""
    if not inspect.isclass(thing):
        return {}
    members = {name: member for name, member in vars(thing).items() if not name.startswith("_")}
    unwrapped = {
        name: member.fget if isinstance(member, property) else getattr(member, "__func__", member)
        for name, member in members.items()
    }
    return {name: member for name, member in unwrapped.items() if inspect.isfunction(member)}


def is_anything(hint):
    """Whether it is Any itself, or one of its alternatives is."""
    alternatives = typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
    return Any in alternatives


def says_any(thing, field):
    return is_anything(typing.get_type_hints(thing).get(field))

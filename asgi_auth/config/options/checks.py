"""How an option says that it cannot work."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import fields
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from asgi_auth.errors import ConfigurationError


def require(condition: object, sentence: str) -> None:
    """Raise ConfigurationError with this sentence unless the condition holds."""
    if not condition:
        raise ConfigurationError(sentence)


def check_types(options: object, name: str, *, kind: type | None = None) -> None:
    """Raise ConfigurationError for a value that is not of its field's annotated type.

    Args:
        options: a dataclass.
        name: what its fields are called by ("session"); "" for AuthConfig itself.
        kind: the class whose fields are looked at (default: its own).
    """
    kind = kind or type(options)
    hints = get_type_hints(kind)
    for field in fields(kind):
        hint = hints[field.name]
        if not _fits(getattr(options, field.name), hint):
            raise ConfigurationError(f"{name}.{field.name}: {_describe(hint)}".removeprefix("."))


def _fits(value: object, hint: Any) -> bool:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return any(_fits(value, one) for one in arguments)
    if origin is Literal:
        return value in arguments
    if origin is None:
        return _is_instance(value, hint)
    return _fits_generic(value, origin, arguments)


def _is_instance(value: object, kind: Any) -> bool:
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, kind)


def _fits_generic(value: object, origin: Any, arguments: tuple[Any, ...]) -> bool:
    if origin is Callable:
        return callable(value)
    if origin is type:
        return isinstance(value, type) and issubclass(value, arguments[0])
    if origin is Mapping:
        return isinstance(value, Mapping) and all(
            _fits(part, hint) for item in value.items() for part, hint in zip(item, arguments, strict=True)
        )
    several = AbstractSet if origin is frozenset else (tuple, list)
    return isinstance(value, several) and all(_fits(item, arguments[0]) for item in value)


def _describe(hint: Any) -> str:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return _one_of([_describe(one) for one in arguments])
    if origin is Literal:
        return _one_of([f'"{one}"' for one in arguments])
    if origin is None:
        return "None" if hint is types.NoneType else str(hint.__name__)
    return _describe_generic(origin, arguments)


def _describe_generic(origin: Any, arguments: tuple[Any, ...]) -> str:
    if origin is Callable:
        return "a callable"
    if origin is type:
        return f"a subclass of {arguments[0].__name__}"
    return f"a {origin.__name__.lower()} of " + " to ".join(_describe(one) for one in arguments if one is not ...)


def _one_of(names: list[str]) -> str:
    return " or ".join(filter(None, [", ".join(names[:-1]), names[-1]]))

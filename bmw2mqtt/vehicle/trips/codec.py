"""Dataclasses as JSON values and back, for state that outlives a restart."""

from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")

_PLAIN = frozenset({str, int, float, bool, NoneType})
"""Most values are of these types, and they are JSON already."""


def to_json(value: Any) -> Any:
    """Return JSON types: a dataclass becomes an object, a time ISO 8601."""
    if type(value) in _PLAIN:
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    return value.value if isinstance(value, Enum) else _parts_to_json(value)


def _parts_to_json(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {name: to_json(getattr(value, name)) for name in _names(type(value))}
    if isinstance(value, dict):
        return {key: to_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    return value


def from_json(kind: type[T], data: Any) -> T:
    """Return the dataclass that `to_json` was given.

    Raises:
        ValueError: It is none of ours; fields that are unknown or missing are no error.
    """
    try:
        result: T = _decode(kind, data)
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"not a {kind.__name__}: {error}") from error
    return result


def _decode(kind: Any, data: Any, variable: Any = None) -> Any:
    if isinstance(kind, TypeVar):
        kind = variable
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in {Union, UnionType}:
        [inner] = [argument for argument in arguments if argument is not NoneType]
        return None if data is None else _decode(inner, data)
    if origin in {list, tuple}:
        return origin(_decode(arguments[0], item) for item in _list(data))
    if origin is dict:
        return {str(key): _decode(arguments[1], item) for key, item in data.items()}
    if is_dataclass(origin or kind):
        return _decode_fields(origin or kind, data, arguments[0] if arguments else None)
    return _decode_plain(kind, data)


def _decode_fields(kind: Any, data: Any, variable: Any) -> Any:
    if not isinstance(data, dict):
        raise TypeError(f"{data!r} is not an object")
    hints = _hints(kind)
    given = {
        field.name: _decode(hints[field.name], data[field.name], variable)
        for field in fields(kind)
        if field.name in data
    }
    return kind(**given)


@cache
def _names(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


def _decode_plain(kind: Any, data: Any) -> Any:
    if kind is datetime:
        return datetime.fromisoformat(data)
    if issubclass(kind, Enum):
        return kind(data)
    if kind is float and isinstance(data, int) and not isinstance(data, bool):
        return float(data)
    if not isinstance(data, kind):
        raise TypeError(f"{data!r} is not of type {kind.__name__}")
    return data


def _list(data: Any) -> list[Any]:
    if not isinstance(data, list):
        raise TypeError(f"{data!r} is not a list")
    return data

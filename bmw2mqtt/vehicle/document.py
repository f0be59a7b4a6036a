"""Dataclasses to plain JSON and back, validated by their types: state that outlives a restart."""

import types
from collections.abc import Callable
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import datetime
from enum import Enum
from functools import cache
from math import isfinite
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")

_PLAIN = frozenset({str, int, float, bool, types.NoneType})
"""Most values are of these types, and they are plain already."""


class InvalidDocumentError(ValueError):
    """A document that does not fit its type; the message names the place."""


def to_document(value: Any) -> Any:
    """Return a value as dictionaries, lists, texts, numbers, booleans and `None`."""
    if type(value) in _PLAIN:
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    return value.value if isinstance(value, Enum) else _parts_to_document(value)


def _parts_to_document(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {name: to_document(getattr(value, name)) for name in _names(type(value))}
    if isinstance(value, dict):
        return {key: to_document(item) for key, item in value.items()}
    if isinstance(value, frozenset):
        return sorted(to_document(item) for item in value)
    if isinstance(value, list | tuple):
        return [to_document(item) for item in value]
    return value


def from_document(kind: type[T], document: Any) -> T:
    """Return the value that a document stands for.

    Fields that are missing get their default; fields that are unknown are ignored.

    Raises:
        InvalidDocumentError: it does not fit.
    """
    value: T = _read(kind, document, kind.__name__)
    return value


def _read(kind: Any, document: Any, place: str) -> Any:
    origin = get_origin(kind)
    if origin in {Union, types.UnionType}:
        return _read_optional(kind, document, place)
    if origin in {list, tuple, frozenset, dict}:
        return _read_items(origin, get_args(kind), document, place)
    if is_dataclass(origin or kind):
        return _read_dataclass(kind, document, place)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _convert(kind, document, place)
    if kind is datetime:
        return _read_time(document, place)
    return _read_plain(kind, document, place)


def _read_optional(kind: Any, document: Any, place: str) -> Any:
    if document is None:
        return None
    options = [option for option in get_args(kind) if option is not types.NoneType]
    return _read(options[0], document, place)


def _read_items(kind: Any, items: tuple[Any, ...], document: Any, place: str) -> Any:
    if kind is dict:
        _check_object(document, place)
        return {name: _read(items[1], entry, f"{place}.{name}") for name, entry in document.items()}
    if not isinstance(document, list):
        raise InvalidDocumentError(f"{place}: not a list")
    return kind(_read(items[0], entry, f"{place}[{i}]") for i, entry in enumerate(document))


def _check_object(document: Any, place: str) -> None:
    if not isinstance(document, dict):
        raise InvalidDocumentError(f"{place}: not an object")


def _read_dataclass(kind: Any, document: Any, place: str) -> Any:
    _check_object(document, place)
    cls = get_origin(kind) or kind
    values = {}
    for field, hint in _hints(cls):
        name = field.name
        if name in document:
            values[name] = _read(_filled(hint, kind), document[name], f"{place}.{name}")
        elif field.default is MISSING and field.default_factory is MISSING:
            raise InvalidDocumentError(f"{place}.{name}: missing")
    return cls(**values)


@cache
def _names(cls: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(cls))


@cache
def _hints(cls: type) -> tuple[tuple[Field[Any], Any], ...]:
    hints = get_type_hints(cls)
    return tuple((field, hints[field.name]) for field in fields(cls))


def _filled(hint: Any, kind: Any) -> Any:
    """Put the argument of a generic dataclass in the place of its type variable."""
    return get_args(kind)[0] if isinstance(hint, TypeVar) else hint


def _read_time(document: Any, place: str) -> datetime:
    if not isinstance(document, str):
        raise InvalidDocumentError(f"{place}: not a time")
    moment: datetime = _convert(datetime.fromisoformat, document, place)
    if moment.tzinfo is None:
        raise InvalidDocumentError(f"{place}: a time without offset")
    return moment


def _read_plain(kind: Any, document: Any, place: str) -> Any:
    is_number = isinstance(document, int | float) and not isinstance(document, bool)
    if kind is float and is_number and isfinite(document):
        return float(document)
    if kind is not float and type(document) is kind:
        return document
    raise InvalidDocumentError(f"{place}: not a {kind.__name__}")


def _convert(kind: Callable[[Any], Any], document: Any, place: str) -> Any:
    try:
        return kind(document)
    except (TypeError, ValueError) as error:
        raise InvalidDocumentError(f"{place}: {document!r} is not valid") from error

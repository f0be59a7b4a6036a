"""The tree of all setting keys, derived from the models."""

from collections.abc import Iterator
from functools import cache
from types import UnionType
from typing import Annotated, Any, Final, TypeAlias, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr

from bmw2mqtt.config.accounts import ACCOUNT_SETTINGS, AccountSettings
from bmw2mqtt.config.models import Settings

KeyPath: TypeAlias = tuple[str, ...]
KeyTree: TypeAlias = dict[str, "KeyTree | bool"]
"""Maps a key to the keys below it, or a single value's key to whether it is a secret."""

ANY_NAME: Final = "*"
"""Placeholder for keys that a person chooses: account names and VINs."""


def _parts(annotation: Any) -> Iterator[Any]:
    """Yield the types in an annotation, without `Annotated` and unions."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _parts(get_args(annotation)[0])
    elif origin in {Union, UnionType}:
        for part in get_args(annotation):
            yield from _parts(part)
    else:
        yield annotation


def _below(annotation: Any) -> KeyTree | bool:
    tree: KeyTree = {}
    for part in _parts(annotation):
        if get_origin(part) is dict:
            tree[ANY_NAME] = _below(get_args(part)[1])
        elif part is AccountSettings:
            for keys_of_backend in backend_keys().values():
                tree |= keys_of_backend
        elif isinstance(part, type) and issubclass(part, BaseModel):
            tree |= _keys_of(part)
        elif part is SecretStr:
            return True
    return tree or False


def _keys_of(model: type[BaseModel]) -> KeyTree:
    return {name: _below(field.annotation) for name, field in model.model_fields.items()}


def keys() -> KeyTree:
    """Return the keys of all settings; an account has those of every backend."""
    return _keys_with(tuple(ACCOUNT_SETTINGS))


@cache
def _keys_with(_: tuple[str, ...]) -> KeyTree:
    return _keys_of(Settings)


def backend_keys() -> dict[str, KeyTree]:
    """Return the keys of an account, by its backend."""
    return {name: _keys_of(model) for name, model in ACCOUNT_SETTINGS.items()}


def key_at(path: KeyPath) -> KeyTree | bool | None:
    """Return a section's keys, whether a single value is a secret, or None for an unknown path."""
    node: KeyTree | bool | None = keys()
    for part in path:
        if not isinstance(node, dict):
            return None
        node = node.get(ANY_NAME, node.get(part))
    return node


def value_paths(names: KeyPath = (), tree: KeyTree | None = None) -> Iterator[KeyPath]:
    """Yield the path of every single value, with `ANY_NAME` for account names and VINs."""
    for name, below in (keys() if tree is None else tree).items():
        if isinstance(below, dict):
            yield from value_paths((*names, name), below)
        else:
            yield (*names, name)

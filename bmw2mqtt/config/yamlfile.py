"""The YAML file as a layer of settings.

Not pydantic-settings' own YAML source: it reads `0123` as a number, accepts duplicate keys, and
reports no line or column.
"""

import difflib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from bmw2mqtt.config.keys import ANY_NAME, KeyPath, KeyTree, backend_keys
from bmw2mqtt.config.layers import CONFIG_VARIABLE, Entry, Layer, canonical, dotted
from bmw2mqtt.config.text import clean
from bmw2mqtt.config.values import reason
from bmw2mqtt.files import read_named

try:
    from yaml import CSafeLoader as _SafeLoader
except ImportError:  # PyYAML was built without libyaml
    from yaml import SafeLoader as _SafeLoader  # type: ignore[assignment]

DEFAULT_FILES: Final = (Path("config.yaml"), Path("/config/config.yaml"))
_NAMED_DEPTH: Final = 2
_TAG: Final = "tag:yaml.org,2002:"
_RESOLVED_TAGS: Final = {f"{_TAG}null", f"{_TAG}merge"}
_CONSTRUCTED_TAGS: Final = {f"{_TAG}{name}" for name in ("null", "str", "seq", "map")}


def _refuse_tag(_loader: _SafeLoader, node: yaml.Node) -> Any:
    raise yaml.MarkedYAMLError(
        problem="YAML tags (!) are not supported", problem_mark=node.start_mark
    )


class _TextLoader(_SafeLoader):
    """Keeps every scalar but null as text, and refuses duplicate keys."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML's own interface
        first: [entry for entry in entries if entry[0] in _RESOLVED_TAGS]
        for first, entries in _SafeLoader.yaml_implicit_resolvers.items()
    }
    yaml_constructors = {  # noqa: RUF012 - PyYAML's own interface
        None: _refuse_tag,
        **{tag: _SafeLoader.yaml_constructors[tag] for tag in _CONSTRUCTED_TAGS},
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 - PyYAML's own interface
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                name = key.value.partition(":")[0]  # what follows a colon may be a secret
                raise yaml.MarkedYAMLError(
                    problem=f'duplicate key "{name}"', problem_mark=key.start_mark
                )
            seen.add(key.value if isinstance(key, yaml.ScalarNode) else None)
        return super().construct_mapping(node, deep=deep)


class Unreadable(Exception):  # noqa: N818 - named for what the file is
    """The file cannot be used at all; the message is the whole error line."""


def find_file(config_file: Path | None, environ: Mapping[str, str]) -> Path | None:
    """Return the file to read: the named one, or the first of `DEFAULT_FILES` that exists.

    Raises:
        Unreadable: The named file does not exist.
    """
    from_environ = environ.get(CONFIG_VARIABLE)
    if config_file:
        named, place = config_file, f"--config {config_file}"
    elif from_environ:
        from_environ = clean(from_environ)
        named, place = _expanded(from_environ), f"${CONFIG_VARIABLE}: {from_environ}"
    else:
        return next((file for file in DEFAULT_FILES if _missing(file) is None), None)
    why = _missing(named)
    if why:
        raise Unreadable(f"{place}: {why}; correct the path or leave it out")
    return named


def _expanded(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError:  # an unknown user; the file is then reported as missing
        return Path(text)


def _missing(file: Path) -> str | None:
    try:
        file.stat()
    except OSError as error:
        return reason(error)
    except ValueError:
        return "is not a valid path"
    return None


def read_yaml(file: Path, keys: KeyTree) -> Layer:
    """Read settings from `file`.

    Raises:
        Unreadable: It cannot be read, is not YAML, or not a mapping.
    """
    document = _load(file)
    if document is None:
        document = {}
    if not isinstance(document, dict):
        raise Unreadable(
            f"{file}: does not contain settings; write lines like mqtt: {{host: broker}}"
        )
    layer = Layer(lambda path: f"{file}: {dotted(path)}")
    _walk(layer, document, keys, ())
    return layer


def _load(file: Path) -> Any:
    text = ""
    try:
        text = read_named(file).decode("utf-8-sig")
        return yaml.load(text, _TextLoader)  # noqa: S506 - a SafeLoader
    except OSError as error:
        raise Unreadable(f"{file}: {reason(error)}; choose a readable file") from error
    except UnicodeDecodeError as error:
        raise Unreadable(f"{file}: is not UTF-8 text; save it as UTF-8") from error
    except yaml.MarkedYAMLError as error:
        raise Unreadable(_syntax_error(file, text, error)) from None
    except RecursionError:
        raise Unreadable(f"{file}: is nested too deeply; correct it") from None
    except yaml.YAMLError:
        raise Unreadable(f"{file}: contains control characters; remove them") from None


def _syntax_error(file: Path, text: str, error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    problem = error.problem or error.context or "is not valid YAML"
    lines = text.splitlines()[mark.line :] if mark else []
    if lines and re.match(r" *\t", lines[0]):
        return f"{file}: {where}indented with a tab; use spaces"
    if problem.startswith("duplicate key"):
        return f"{file}: {where}{problem}; remove one of them"
    # What PyYAML quotes may be a secret, unless it is a single character.
    problem = re.sub(r"\s*'(?!\W'|\s|$).*", "", problem)
    return f"{file}: {where}{problem}; correct it (put text with special characters in quotes)"


def _walk(layer: Layer, node: Mapping[Any, Any], keys: KeyTree, above: KeyPath) -> None:
    for name, value in node.items():
        path = canonical((*above, str(name)))
        below = keys.get(ANY_NAME, keys.get(str(name)))
        if below is None:
            known = keys
            if above[:1] == ("accounts",):
                known = backend_keys().get(str(node.get("backend")), keys)
            layer.problems[path] = _unknown(layer, path, known)
        elif isinstance(below, dict):
            _section(layer, path, value, below)
        elif isinstance(value, (dict, list)):
            layer.problems[path] = f"{layer.spell(path)}: expects one value; put text in quotes"
        elif value is not None and (text := clean(value)):
            layer.entries[path] = Entry(text, layer.spell(path))


def _section(layer: Layer, path: KeyPath, value: Any, below: KeyTree) -> None:
    if isinstance(value, dict):
        _walk(layer, value, below, path)
    elif value not in (None, ""):
        what = "a list" if isinstance(value, list) else "a single value"
        keys = "names of your choice" if ANY_NAME in below else ", ".join(below)
        if path[:1] == ("accounts",) and len(path) == _NAMED_DEPTH:
            keys = f"backend ({' or '.join(backend_keys())}) and what it needs"
        layer.problems[path] = f"{layer.spell(path)}: is {what}; write keys below it: {keys}"
        return
    is_named = path[0] in {"accounts", "vehicles"} and len(path) == _NAMED_DEPTH
    if is_named and not layer.mentions(path):
        # An account without keys still counts, so that its missing keys are reported.
        layer.entries[path] = Entry({}, layer.spell(path))


def _unknown(layer: Layer, path: KeyPath, keys: KeyTree) -> str:
    name, colon, _ = path[-1].partition(":")
    place = layer.spell((*path[:-1], name))
    if colon:
        # Only the part before the colon is shown: what follows may be a secret.
        return f"{place}: the space after the colon is missing; write {name}: VALUE"
    near = difflib.get_close_matches(name, keys, n=1)
    remedy = f"did you mean {near[0]}?" if near else f"possible keys: {', '.join(keys)}"
    return f"{place}: unknown key; {remedy}"

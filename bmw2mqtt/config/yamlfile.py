"""The YAML file as a layer of settings."""

import difflib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from bmw2mqtt.config.keys import ANY_NAME, KeyPath, KeyTree, backend_keys
from bmw2mqtt.config.layers import CONFIG_VARIABLE, Entry, Layer, canonical, dotted, variable
from bmw2mqtt.config.text import clean
from bmw2mqtt.config.values import reason
from bmw2mqtt.config.yamltext import CUT, UNKNOWN_TAG, Mistake, WrittenText, read_text
from bmw2mqtt.files import read_named

DEFAULT_FILES: Final = (Path("config.yaml"), Path("/config/config.yaml"))
_NAMED_DEPTH: Final = 2
_ACCOUNTS: Final = ("accounts",)
_VARIABLE: Final = re.compile(r"\$\{\w+\}")


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
        return read_text(text)
    except IsADirectoryError as error:
        raise Unreadable(
            f"{file}: is a directory, not a file; choose a readable file (Docker makes a folder"
            " where the file to mount does not exist)"
        ) from error
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
    place = f"{file}: line {mark.line + 1}, column {mark.column + 1}" if mark else f"{file}"
    problem = error.problem or error.context or "is not valid YAML"
    lines = text.splitlines()[mark.line :] if mark else []
    if lines and re.match(r" *\t", lines[0]):
        return f"{place}: indented with a tab; use spaces"
    if problem.startswith("duplicate key"):
        return f"{place}: {problem}; remove one of them"
    # What PyYAML quotes may be a secret, unless it is a single character.
    problem = re.sub(r"\s*'(?!\W'|\s|$).*", "", problem)
    return f"{place}: {problem}; correct it (put text with special characters in quotes)"


def _walk(layer: Layer, node: Mapping[Any, Any], keys: KeyTree, above: KeyPath) -> None:
    if above == _ACCOUNTS:
        node = _without_misplaced(layer, node)
    for name, value in node.items():
        path = canonical((*above, str(name)))
        below = keys.get(ANY_NAME, keys.get(str(name)))
        if below is None:
            known = keys
            if above[:1] == _ACCOUNTS:
                known = backend_keys().get(str(node.get("backend")), keys)
            _put_unknown(layer, path, value, known)
        elif mistake := _mistake(path, value, is_secret=below is True):
            layer.problems[path] = f"{layer.spell(path)}: {mistake.what}; {mistake.remedy}"
        elif isinstance(below, dict):
            _section(layer, path, value, below)
        elif isinstance(value, (dict, list)):
            layer.problems[path] = f"{layer.spell(path)}: expects one value; put text in quotes"
        elif value is not None and (text := clean(value)):
            layer.entries[path] = Entry(text, layer.spell(path))


def _mistake(path: KeyPath, value: Any, *, is_secret: bool) -> Mistake | None:
    """Return what is wrong with how a value is written."""
    if not isinstance(value, WrittenText):
        return None
    if _VARIABLE.fullmatch(value):
        return Mistake("variables are not replaced here", f"set {variable(path)} instead")
    found = value.mistake
    if found is CUT and not is_secret and path[-1] != "name":
        return None  # no other value has a # in it, so it is a comment
    if found and not value and found is not UNKNOWN_TAG and is_secret:
        place = f"{variable(path)}_FILE"
        return Mistake(found.what, f"write the secret itself, or the path of its file into {place}")
    return found


def _section(layer: Layer, path: KeyPath, value: Any, below: KeyTree) -> None:
    if isinstance(value, dict):
        _walk(layer, value, below, path)
    elif isinstance(value, str) and layer.switch(path, value, below):
        return
    elif value not in (None, ""):
        what = "a list" if isinstance(value, list) else "a single value"
        keys = "names of your choice" if ANY_NAME in below else ", ".join(below)
        if path[:1] == _ACCOUNTS and len(path) == _NAMED_DEPTH:
            keys = f"backend ({' or '.join(backend_keys())}) and what it needs"
        layer.problems[path] = f"{layer.spell(path)}: is {what}; write keys below it: {keys}"
        return
    is_named = path[0] in {"accounts", "vehicles"} and len(path) == _NAMED_DEPTH
    if is_named and not layer.mentions(path):
        # An account without keys still counts, so that its missing keys are reported.
        layer.entries[path] = Entry({}, layer.spell(path))


def _without_misplaced(layer: Layer, node: Mapping[Any, Any]) -> Mapping[Any, Any]:
    """Report an account's keys that stand beside its name; return the accounts without them."""
    known = {key for keys in backend_keys().values() for key in keys}
    misplaced = [
        name for name, value in node.items() if name in known and not isinstance(value, dict)
    ]
    if not misplaced:
        return node
    accounts = {str(name): value for name, value in node.items() if name not in misplaced}
    empty = [name for name, value in accounts.items() if value is None]
    owners = empty or list(accounts)
    owner = owners[0] if len(owners) == 1 else "its name"
    problem = f"{', '.join(misplaced)} belong to an account; indent them below {owner}"
    if len(misplaced) == 1:
        problem = f"{misplaced[0]} belongs to an account; indent it below {owner}"
    layer.problems[(*_ACCOUNTS, owner)] = f"{layer.spell(_ACCOUNTS)}: {problem}"
    return {name: value for name, value in accounts.items() if name != owner}


def _put_unknown(layer: Layer, path: KeyPath, value: Any, keys: KeyTree) -> None:
    if len(path) == 1 and isinstance(value, dict) and "backend" in value:
        layer.problems[(*_ACCOUNTS, *path)] = (
            f"{layer.spell(path)}: is an account; indent it below accounts"
        )
    else:
        layer.problems[path] = _unknown(layer, path, keys)


def _unknown(layer: Layer, path: KeyPath, keys: KeyTree) -> str:
    name, colon, _ = path[-1].partition(":")
    place = layer.spell((*path[:-1], name))
    if colon:
        # Only the part before the colon is shown: what follows may be a secret.
        return f"{place}: the space after the colon is missing; write {name}: VALUE"
    near = difflib.get_close_matches(name, keys, n=1)
    remedy = f"did you mean {near[0]}?" if near else f"possible keys: {', '.join(keys)}"
    return f"{place}: unknown key; {remedy}"

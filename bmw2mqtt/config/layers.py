"""The sources of settings. Each is read into a layer: its values, their places, and its errors.

Values are kept as the text that was written, so that `password: 0123` stays what it looks like; the
models convert it. An empty value counts as not set, in every source.

pydantic-settings merges the layers and applies their precedence (`Settings.from_layers`). What its
own sources cannot do is done here:

* environment: they ignore unknown variables, and cannot split an account name that holds `__`;
* secrets: they have no `…_FILE` variables and no error for an empty or unreadable file;
* all: they do not record where a value was found, which every error text names.
"""

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from bmw2mqtt.config.keys import ANY_NAME, KeyPath, KeyTree, key_at, value_paths
from bmw2mqtt.config.text import clean
from bmw2mqtt.config.values import reason
from bmw2mqtt.files import read_named

PREFIX: Final = "BMW2MQTT_"
CONFIG_VARIABLE: Final = "BMW2MQTT_CONFIG"
_FILE_SUFFIX: Final = "_file"
LARGEST_SECRET: Final = 64 * 1024
SWITCHES: Final = frozenset({"true", "false", "yes", "no", "on", "off"})


class Entry(NamedTuple):
    """A value, and its place as an error text names it."""

    value: Any
    place: str


@dataclass(frozen=True, slots=True)
class Layer:
    """The content of one source. `spell` writes a path the way this source does."""

    spell: Callable[[KeyPath], str]
    entries: dict[KeyPath, Entry] = field(default_factory=dict)
    problems: dict[KeyPath, str] = field(default_factory=dict)

    def nested(self) -> dict[str, Any]:
        """Return the values as nested dictionaries."""
        tree: dict[str, Any] = {}
        for path, entry in self.entries.items():
            node = tree
            for name in path[:-1]:
                node = node.setdefault(name, {})
            node[path[-1]] = entry.value
        return tree

    def mentions(self, path: KeyPath) -> bool:
        """Return whether this source has a value at or below `path`."""
        return any(known[: len(path)] == path for known in self.entries)

    def put(self, path: KeyPath, value: str, place: str) -> None:
        """Record a single value, or an error if there is no such setting."""
        value = clean(value)
        key = key_at(path)
        if key is None:
            self.problems[path] = f"{place}: unknown setting; {self._hint(path)}"
        elif isinstance(key, dict) and self.switch(path, value, key):
            return
        elif isinstance(key, dict):
            example = next(known for known in _settings_like(path) if known[: len(path)] == path)
            self.problems[path] = (
                f"{place}: is a section; set its keys, for example {self.spell(example)}"
            )
        elif value:
            self.entries[path] = Entry(value, place)

    def switch(self, path: KeyPath, value: str, keys: KeyTree) -> bool:
        """Read `tls: true` as `tls: {enabled: true}`; return whether it is such a value."""
        if "enabled" not in keys or value.lower() not in SWITCHES:
            return False
        self.entries[*path, "enabled"] = Entry(value, self.spell(path))
        return True

    def _hint(self, path: KeyPath) -> str:
        known = {dotted(known): known for known in _settings_like(path)}
        near = difflib.get_close_matches(dotted(path), known, n=1)
        if near:
            return f"did you mean {self.spell(known[near[0]])}?"
        return "see config.example.yaml for all settings"


def _settings_like(path: KeyPath) -> Iterator[KeyPath]:
    """Yield every setting with the account or VIN of `path`, so that a hint can be copied."""
    chosen = path[1] if path[0] in {"accounts", "vehicles"} and len(path) > 1 else "home"
    for known in value_paths():
        yield tuple(chosen if part == ANY_NAME else part for part in known)


def canonical(path: KeyPath) -> KeyPath:
    """Return `path` with its VIN in upper case."""
    if len(path) > 1 and path[0] == "vehicles" and path[1].isascii():
        return (path[0], path[1].upper(), *path[2:])
    return path


def dotted(path: KeyPath) -> str:
    """Return `path` as error texts write it: mqtt.host."""
    return ".".join(path)


def variable(path: KeyPath) -> str:
    """Return the environment variable of `path`, with a dollar sign."""
    return f"${PREFIX}{'__'.join(path).upper()}"


def read_options(options: Iterable[str]) -> Layer:
    """Read settings from the command line, each `mqtt.host=broker`."""
    layer = Layer(lambda path: f"--option {dotted(path)}")
    for option in options:
        name, equals, value = option.partition("=")
        path = canonical(tuple(name.strip().split(".")))
        if equals:
            layer.put(path, value, layer.spell(path))
        else:
            # What follows the name could be a secret, so it is not shown.
            shown = name.split(":")[0].split(" ")[0]
            layer.problems[path] = f"--option {shown}: has no value; write NAME=VALUE"
    return layer


def read_environment(environ: Mapping[str, str]) -> Layer:
    """Read settings from environment variables, except those that name a secret's file."""
    layer = Layer(variable)
    for name, path, value in _variables(environ):
        if _secret_with_file(path) is None:
            layer.put(path, value, f"${name}")
    return layer


def read_secret_files(environ: Mapping[str, str], directory: Path) -> Layer:
    """Read secrets from `directory` and from the files named by `…_FILE` variables."""
    layer = Layer(variable)
    for file in _files_in(directory):
        path = _path_of(file.name)
        if path and key_at(path) is True:
            _put_file(layer, path, file, str(file))
    for name, path, value in _variables(environ):
        secret = _secret_with_file(path)
        if secret:
            _put_file(layer, secret, Path(clean(value)), f"${name}")
    return layer


def _files_in(directory: Path) -> list[Path]:
    try:
        return sorted(file for file in directory.iterdir() if not file.is_dir())
    except OSError:
        return []


def _put_file(layer: Layer, path: KeyPath, file: Path, place: str) -> None:
    where = place if place == str(file) else f"{place}: {file}"
    try:
        secret = clean(read_named(file.expanduser(), LARGEST_SECRET).decode("utf-8"))
    except OSError as error:
        layer.problems[path] = f"{where}: {reason(error)}; choose a readable file"
    except (ValueError, RuntimeError) as error:
        problem = f"{where}: is not a valid path; write the full path of the file"
        if isinstance(error, UnicodeDecodeError):
            problem = f"{where}: is not UTF-8 text; write only the secret into it"
        layer.problems[path] = problem
    else:
        if secret:
            layer.problems.pop(path, None)
            layer.entries[path] = Entry(secret, place)
        else:
            layer.problems[path] = f"{where}: is empty; write the secret into it"


def _variables(environ: Mapping[str, str]) -> Iterator[tuple[str, KeyPath, str]]:
    for name, value in sorted(environ.items()):
        path = _path_of(name)
        if path and value and name.upper() != CONFIG_VARIABLE:
            yield name, path, value


def _path_of(name: str) -> KeyPath | None:
    """Return the setting that a variable or a secret file is named after; None: not one of ours."""
    if not name.upper().startswith(PREFIX):
        return None
    parts = tuple(name[len(PREFIX) :].lower().split("__"))
    # An account name may contain the separator.
    for end in range(2, len(parts) if parts[0] == "accounts" else 0):
        path = (parts[0], "__".join(parts[1:end]), *parts[end:])
        if key_at(path) is not None or _secret_with_file(path):
            return path
    return canonical(parts)


def _secret_with_file(path: KeyPath) -> KeyPath | None:
    """Return the secret whose `…_FILE` variable has this path; None if it is a setting itself."""
    if not path[-1].endswith(_FILE_SUFFIX) or key_at(path) is not None:
        return None
    secret = (*path[:-1], path[-1].removesuffix(_FILE_SUFFIX))
    return secret if key_at(secret) is True else None

"""The file `settings.yaml` in `data_dir`, which the page's setup writes.

It is the source with the lowest precedence. Comments that a person added to it are kept.
"""

import io
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from bmw2mqtt.config.keys import KeyPath, keys
from bmw2mqtt.config.layers import Layer
from bmw2mqtt.config.yamlfile import read_yaml
from bmw2mqtt.files import open_plain, read_named

SETTINGS_FILE: Final = "settings.yaml"
_DATA_DIR: Final = ("data_dir",)
_HEADER: Final = """\
# Written by the setup page of bmw2mqtt. You may edit it; your comments are kept.
# Every other source has precedence over it: command line, environment, secret files, config.yaml.
"""


def read_settings_file(data_dir: Path) -> Layer:
    """Read the settings that the setup has saved; an empty layer if there are none.

    Raises:
        Unreadable: It cannot be read, is not YAML, or not a mapping.
    """
    file = data_dir / SETTINGS_FILE
    if not file.exists():
        return Layer(lambda path: f"{file}: {'.'.join(path)}")
    layer = read_yaml(file, keys())
    if layer.entries.pop(_DATA_DIR, None):
        layer.problems[_DATA_DIR] = (
            f"{layer.spell(_DATA_DIR)}: cannot be set here, because this file is in that folder;"
            " remove it"
        )
    return layer


def write_settings_file(data_dir: Path, changes: Mapping[KeyPath, object]) -> None:
    """Change values in the file and keep everything else; create it if necessary.

    Args:
        data_dir: The folder; it must exist.
        changes: The new values; `None` removes a value, or everything below its path.

    Raises:
        OSError: It cannot be written.
        ValueError: Its content cannot be changed.
    """
    before = read_content(data_dir) or b""
    _write(data_dir, changed(before.decode("utf-8-sig"), changes).encode())


def read_content(data_dir: Path) -> bytes | None:
    """Return the file's content for `restore_content`; `None` if there is no file."""
    file = data_dir / SETTINGS_FILE
    return read_named(file) if file.exists() else None


def restore_content(data_dir: Path, content: bytes | None) -> None:
    """Undo a change."""
    if content is None:
        (data_dir / SETTINGS_FILE).unlink(missing_ok=True)
    else:
        _write(data_dir, content)


def _write(data_dir: Path, content: bytes) -> None:
    """Replace the file in one step; only the bridge's own user can read it: it has passwords."""
    draft = data_dir / f"{SETTINGS_FILE}.new"
    try:
        with os.fdopen(open_plain(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), "wb") as opened:
            os.fchmod(opened.fileno(), 0o600)
            opened.write(content)
            opened.flush()
            os.fsync(opened.fileno())
        draft.replace(data_dir / SETTINGS_FILE)
    except OSError:
        with suppress(OSError):
            draft.unlink(missing_ok=True)  # it may hold a part of a password
        raise


def changed(text: str, changes: Mapping[KeyPath, object]) -> str:
    """Return the YAML in `text` with other values, and with its comments.

    Raises:
        ValueError: It cannot be read by the library that keeps comments.
    """
    from ruamel.yaml import YAML  # noqa: PLC0415 - only when something is saved
    from ruamel.yaml.error import YAMLError  # noqa: PLC0415

    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096  # a long line is not broken: it may be a password
    try:
        document = yaml.load(text)
    except YAMLError as error:
        raise ValueError("it has YAML that only a person can change") from error
    if document is None:
        document = yaml.load(f"{text or _HEADER}{{}}\n")
        document.fa.set_block_style()
    if not isinstance(document, dict):
        raise ValueError("it does not contain settings")  # noqa: TRY004 - the file's fault
    for path, value in changes.items():
        _set(document, path, value)
    written = io.StringIO()
    yaml.dump(document, written)
    return written.getvalue()


def _set(node: Any, path: KeyPath, value: object) -> None:
    """Set or remove one value; sections are created and removed with their values."""
    name, *below = path
    if not below:
        if value is None:
            node.pop(name, None)
        else:
            node[name] = value
        return
    if not isinstance(node.get(name), dict):
        if value is None:
            return
        node[name] = {}
    _set(node[name], tuple(below), value)
    if not node[name]:
        del node[name]

"""The blueprints, read as Home Assistant reads them."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.markdown import ROOT
from tests.yaml_text import SafeLoader

FOLDER = ROOT / "blueprints" / "automation" / "bmw2mqtt"
LANGUAGES = ("en", "de")
PATHS = sorted(FOLDER.rglob("*.yaml"))


@dataclass(frozen=True)
class Input:
    """`!input NAME`: the place of what a user chooses."""

    name: str


class Loader(SafeLoader):
    """Reads `!input` too."""


Loader.add_constructor("!input", lambda _, node: Input(str(node.value)))


@cache
def load(path: Path) -> dict[str, Any]:
    """Return a blueprint, to be read only."""
    document: dict[str, Any] = yaml.load(path.read_text("utf-8"), Loader)  # noqa: S506 - a safe one
    return document


def leaves(part: Any, *place: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield each value of a document with the names that lead to it."""
    if isinstance(part, dict):
        for name, value in part.items():
            yield from leaves(value, *place, str(name))
    elif isinstance(part, list):
        for number, value in enumerate(part):
            yield from leaves(value, *place, str(number))
    else:
        yield place, part

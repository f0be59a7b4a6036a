"""The package's modules as syntax trees, for tests that read the code."""

import ast
from functools import cache
from pathlib import Path
from typing import NamedTuple

PACKAGE = Path(__file__).parents[1] / "bmw2mqtt"


class SourceModule(NamedTuple):
    """One module."""

    path: Path
    text: str
    tree: ast.Module
    nodes: tuple[ast.AST, ...]
    """The tree's, as `ast.walk` yields them."""


@cache
def modules() -> dict[str, SourceModule]:
    """Return the modules by their dotted names."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        name = ".".join(part for part in parts if part != "__init__")
        text = path.read_text("utf-8")
        tree = ast.parse(text)
        found[name] = SourceModule(path, text, tree, tuple(ast.walk(tree)))
    return found

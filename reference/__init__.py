"""Generates parts of the documentation from the code: `python -m reference`.

`DOCUMENTS` maps every generated file to what returns its text; a test compares it with docs/.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from reference.asyncapi import asyncapi
from reference.configuration import configuration
from reference.entities import entities
from reference.schema import schema

_DOCS: Final = Path(__file__).parent.parent / "docs"

DOCUMENTS: Final[dict[Path, Callable[[], str]]] = {
    _DOCS / "asyncapi.yaml": asyncapi,
    _DOCS / "config.schema.json": schema,
    _DOCS / "configuration.md": configuration,
    _DOCS / "entities.md": entities,
}

"""Generates parts of the documentation from the code: `python -m reference`.

`documents()` maps every generated file to its text; a test compares them with the files in docs/.
"""

from pathlib import Path

from reference.asyncapi import asyncapi
from reference.configuration import configuration
from reference.entities import entities
from reference.schema import schema

DOCS = Path(__file__).parent.parent / "docs"


def documents() -> dict[Path, str]:
    """Return the text of every generated file."""
    return {
        DOCS / "asyncapi.yaml": asyncapi(),
        DOCS / "config.schema.json": schema(),
        DOCS / "configuration.md": configuration(),
        DOCS / "entities.md": entities(),
    }

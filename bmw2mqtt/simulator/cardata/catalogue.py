"""BMW's catalogue of descriptors: which are streamed, and which a container may have."""

from __future__ import annotations

from importlib.resources import files
from typing import Final


def _read() -> dict[str, tuple[bool, bool]]:
    """Return whether each descriptor of `catalogue.tsv` is streamed, and allowed in containers."""
    _, *lines = files(__package__).joinpath("catalogue.tsv").read_text().splitlines()
    rows = (line.split("\t") for line in lines)
    return {name: (stream == "stream", rest == "container") for name, stream, rest in rows}


_CATALOGUE: Final = _read()
DESCRIPTORS: Final = frozenset(_CATALOGUE)
STREAMABLE: Final = frozenset(name for name, (stream, _) in _CATALOGUE.items() if stream)
CONTAINABLE: Final = frozenset(name for name, (_, contain) in _CATALOGUE.items() if contain)

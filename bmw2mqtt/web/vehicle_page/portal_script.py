"""The helper that selects what a car streams: a script for the owner's own tab at BMW.

It does what BMW's page does when the owner saves a selection, as public projects describe it:

* the page's address has the car: `/{locale}/my{brand}/mapped-vehicle/{id}/…`, `brand` is `bmw` or
  `mini`, by the host;
* `GET /{locale}/utilities/{brand}/api/cd/streams/{id}?includeAttributes=true` has what is selected,
* `GET …/cd/catalogue?streamable=true&offset={n}` what BMW offers, ten at a time,
* `POST …/cd/streams/{id}` with `{"attributes": [...]}` replaces the selection: 201, or 500 if one
  of them is nothing that this car streams.
"""

import json
import re
from functools import cache
from importlib.resources import files
from typing import Final
from urllib.parse import quote

from bmw2mqtt.entities.catalogue import catalogue

_WANTED: Final = "[/* WANTED */]"
_COMMENT: Final = re.compile(r"^\s*//.*\n", re.MULTILINE)


@cache
def console_text() -> str:
    """Return the script, to be pasted into the browser's console."""
    source = files("bmw2mqtt.web").joinpath("static", "portal.js").read_text(encoding="utf-8")
    wanted = [row.descriptor for row in catalogue().values() if row.is_streamable]
    return _COMMENT.sub("", source).replace(_WANTED, json.dumps(sorted(wanted)))


@cache
def bookmarklet() -> str:
    """Return the script as the address of a bookmark."""
    return f"javascript:{quote(console_text(), safe='')}"

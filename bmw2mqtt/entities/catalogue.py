"""BMW's catalogue of what CarData cars can tell: one `Descriptor` per value.

The table is `catalogue.tsv`: BMW's names, with readable ones, units as Home Assistant spells them,
and BMW's own mistakes put right (watts for charging power, the words of the charging status).
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from types import MappingProxyType


class Kind(StrEnum):
    """What a value is."""

    NUMBER = "number"
    BOOLEAN = "boolean"
    WORD = "word"
    """One of a few words; BMW's lists of them are not complete."""
    TEXT = "text"
    """Short free text."""
    TIME = "time"
    JSON = "json"
    """A document as text, JSON or XML, too long for a state."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Descriptor:
    """One value that a car can send.

    Attributes:
        descriptor: BMW's name: `vehicle.cabin.door.status`.
        name: English, unique.
        unit: what numbers are converted to, as Home Assistant spells it.
        device_class: Home Assistant's.
        state_class: Home Assistant's.
        options: the words BMW lists, in BMW's spelling.
        minimum: a number below is nonsense.
        maximum: a number above is nonsense.
        follows_display: without a unit of its own it is in that of the car's display, km or miles.
        is_streamable: whether the stream can carry it.
        rest_via: where REST gives it: `container`, or the name of an endpoint; empty if nowhere.
        category: BMW's.
        entity: id of the entity that shows just this; empty: it has one of its own, a diagnostic.
    """

    descriptor: str
    name: str
    kind: Kind
    unit: str | None = None
    device_class: str | None = None
    state_class: str | None = None
    options: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    follows_display: bool = False
    is_streamable: bool = False
    rest_via: str = ""
    category: str = ""
    entity: str = ""


@cache
def catalogue() -> Mapping[str, Descriptor]:
    """Return all descriptors by BMW's name; read at the first call."""
    text = files("bmw2mqtt.entities").joinpath("catalogue.tsv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    return MappingProxyType({row["descriptor"]: _descriptor(row) for row in rows})


def _descriptor(row: Mapping[str, str]) -> Descriptor:
    return Descriptor(
        descriptor=row["descriptor"],
        name=row["name"],
        kind=Kind(row["kind"]),
        unit=row["unit"] or None,
        device_class=row["device_class"] or None,
        state_class=row["state_class"] or None,
        options=tuple(row["options"].split("|")) if row["options"] else (),
        minimum=float(row["minimum"]) if row["minimum"] else None,
        maximum=float(row["maximum"]) if row["maximum"] else None,
        follows_display=row["follows_display"] == "yes",
        is_streamable=row["streamable"] == "yes",
        rest_via=row["rest_via"],
        category=row["category"],
        entity=row["entity"],
    )

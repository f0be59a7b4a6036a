"""BMW's catalogue of CarData values: one `Descriptor` per value.

The table is `catalogue.tsv`: BMW's descriptors with readable names and Home Assistant's units.
BMW's mistakes are corrected there (watts for charging power, the words of the charging status).
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from types import MappingProxyType


class Kind(StrEnum):
    """The type of a value."""

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
    """One kind of value that a car can send.

    Attributes:
        descriptor: BMW's name: `vehicle.cabin.door.status`.
        name: English, unique.
        unit: the unit numbers are converted to, as Home Assistant spells it.
        device_class: Home Assistant's.
        state_class: Home Assistant's.
        options: the words BMW lists, in BMW's spelling.
        minimum: smaller numbers are invalid.
        maximum: larger numbers are invalid.
        follows_display: sent without a unit, it is in the unit of the car's display, km or miles.
        is_streamable: whether the stream can carry it.
        rest_via: `container` or the name of a REST endpoint; empty if REST does not have it.
        category: BMW's.
        entity: id of the entity that publishes it; empty if it is a raw reading.
        kinds: BMW's short names of the drive trains that send it (`ICE`, `MHEV`, `PHEV`, `BEV`);
            empty: every one.
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
    kinds: frozenset[str] = frozenset()


@cache
def catalogue() -> Mapping[str, Descriptor]:
    """Return all descriptors by BMW's name; the file is read by the first call."""
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
        kinds=frozenset(row["kinds"].split("|")) if row["kinds"] else frozenset(),
    )

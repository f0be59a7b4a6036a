"""Every entity as text: the reference in the documentation is this output."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from bmw2mqtt.entities import ACCOUNT_ENTITIES, VEHICLE_ENTITIES
from bmw2mqtt.entities.base import Entity, Number, Sensor
from bmw2mqtt.vehicle.account import AccountState, BackendTraits
from bmw2mqtt.vehicle.snapshot import Vehicle

Tables = Sequence[tuple[BackendTraits, Sequence[Entity[Vehicle]]]]
"""What a car of each backend may have."""

_COLUMNS = ("Name", "Topic", "Unit", "Class", "Command", "Backend")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceRow:
    """What is said of one entity."""

    section: str
    name: str
    topic: str
    """Below the base topic."""
    unit: str | None
    device_class: str | None
    command: str | None
    backends: tuple[str, ...]
    is_enabled: bool
    """Whether Home Assistant shows it without being asked to."""


def reference_rows(tables: Tables) -> list[ReferenceRow]:
    """Return every entity: a car's usual ones first, an account's last."""
    rows = [
        _row(
            "A car's entities" if entity.enabled else "A car's entities that are off by default",
            "{VIN}",
            entity,
            (traits.name for traits, table in tables if entity in table),
        )
        for entity in sorted(VEHICLE_ENTITIES, key=lambda entity: not entity.enabled)
    ]
    for traits, table in tables:
        section = f"A {traits.title} car's further readings"
        further = (entity for entity in table if entity not in VEHICLE_ENTITIES)
        rows += [_row(section, "{VIN}", entity, [traits.name]) for entity in further]
    return rows + [
        _row(
            "An account's entities",
            "account/{name}",
            entity,
            (t.name for t, _ in tables if entity.exists(AccountState(name="", backend=t))),
        )
        for entity in ACCOUNT_ENTITIES
    ]


def reference(tables: Tables) -> str:
    """Return a Markdown table for each kind of entities."""
    parts = []
    for section, rows in itertools.groupby(reference_rows(tables), lambda row: row.section):
        lines = [_COLUMNS, tuple("---" for _ in _COLUMNS), *map(_cells, rows)]
        table = "\n".join("| " + " | ".join(line) + " |" for line in lines)
        parts.append(f"## {section}\n\n{table}")
    return "\n\n".join(parts)


def _row(section: str, root: str, entity: Entity[Any], backends: Iterable[str]) -> ReferenceRow:
    suffix = "" if entity.has_state or not entity.attributes else "/attributes"
    return ReferenceRow(
        section=section,
        name=entity.name or "(the car)",
        topic=f"{root}/{entity.platform}/{entity.key}{suffix}",
        unit=entity.unit if isinstance(entity, Sensor | Number) else None,
        device_class=getattr(entity, "device_class", None),
        command=_command(entity),
        backends=tuple(backends),
        is_enabled=entity.enabled,
    )


def _cells(row: ReferenceRow) -> tuple[str, ...]:
    return (
        row.name,
        f"`{row.topic}`",
        row.unit or "",
        row.device_class or "",
        row.command or "",
        ", ".join(row.backends),
    )


def _command(entity: Entity[Any]) -> str | None:
    if entity.command_suffix is None:
        return None
    words = {
        "lock": "`LOCK` `UNLOCK`",
        "button": "`PRESS`",
        "switch": "`ON` `OFF`",
        "select": "one of its options",
        "notify": "JSON, `geo:` URI or `latitude,longitude[,name]`",
    }
    if isinstance(entity, Number):
        payload = f"{entity.minimum}…{entity.maximum}, step {entity.step}"
    else:
        payload = words[entity.platform]
    return f"`/{entity.command_suffix}`: {payload}"

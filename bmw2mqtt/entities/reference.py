"""Every entity as text: the reference in the documentation is this output."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from bmw2mqtt.entities import ACCOUNT_ENTITIES, VEHICLE_ENTITIES
from bmw2mqtt.entities.base import Entity, Number, Sensor
from bmw2mqtt.vehicle.account import AccountState, BackendTraits
from bmw2mqtt.vehicle.snapshot import Vehicle

Tables = Sequence[tuple[BackendTraits, Sequence[Entity[Vehicle]]]]
"""What a car of each backend may have."""

_COLUMNS = ("Topic", "Name", "Unit", "Class", "Command", "Backend")


def reference(tables: Tables) -> str:
    """Return Markdown tables: a car's entities, those of one backend alone, and an account's."""
    vehicle = [
        _row("{VIN}", row, _names(traits for traits, table in tables if row in table))
        for row in VEHICLE_ENTITIES
    ]
    account = [
        _row(
            "account/{name}",
            row,
            _names(t for t, _ in tables if row.exists(AccountState(name="", backend=t))),
        )
        for row in ACCOUNT_ENTITIES
    ]
    lines = ["## A car's entities", "", *_table(vehicle), ""]
    for traits, table in tables:
        further = [row for row in table if row not in VEHICLE_ENTITIES]
        if further:
            lines += _further(traits, further)
    return "\n".join((*lines, "## An account's entities", "", *_table(account)))


def as_json(tables: Tables) -> list[dict[str, Any]]:
    """Return the same for programs: one object per entity."""
    every = dict.fromkeys(row for _, table in tables for row in (*VEHICLE_ENTITIES, *table))
    cars = [_object("{VIN}", row, [t for t, table in tables if row in table]) for row in every]
    return cars + [
        _object(
            "account/{name}",
            row,
            [t for t, _ in tables if row.exists(AccountState(name="", backend=t))],
        )
        for row in ACCOUNT_ENTITIES
    ]


def _object(root: str, entity: Entity[Any], backends: Iterable[BackendTraits]) -> dict[str, Any]:
    suffix = entity.command_suffix
    topic = f"{root}/{entity.platform}/{entity.key}"
    return {
        "topic": topic if entity.has_state else None,
        "attributes_topic": f"{topic}/attributes" if entity.attributes else None,
        "command_topic": f"{topic}/{suffix}" if suffix else None,
        "platform": entity.platform,
        "key": entity.key,
        "name": entity.name,
        "unit": entity.unit if isinstance(entity, Sensor | Number) else None,
        "device_class": getattr(entity, "device_class", None),
        "enabled": entity.enabled,
        "backends": [traits.name for traits in backends],
    }


def _further(traits: BackendTraits, rows: Iterable[Entity[Vehicle]]) -> Iterator[str]:
    yield from (f"## A {traits.title} car's further readings", "")
    yield from ("A car has those that it has sent. All are off by default.", "")
    yield from _table(_row("{VIN}", row, traits.name) for row in rows)
    yield ""


def _names(backends: Iterable[BackendTraits]) -> str:
    return ", ".join(traits.name for traits in backends)


def _row(root: str, entity: Entity[Any], backends: str) -> tuple[str, ...]:
    suffix = "" if entity.has_state or not entity.attributes else "/attributes"
    topic = f"{root}/{entity.platform}/{entity.key}{suffix}"
    return (
        f"`{topic}`",
        (entity.name or "(the car)") + ("" if entity.enabled else " (off by default)"),
        (entity.unit or "") if isinstance(entity, Sensor | Number) else "",
        (getattr(entity, "device_class", None) or ""),
        _command(entity),
        backends,
    )


def _command(entity: Entity[Any]) -> str:
    if entity.command_suffix is None:
        return ""
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


def _table(rows: Iterable[tuple[str, ...]]) -> list[str]:
    lines = [_COLUMNS, tuple("---" for _ in _COLUMNS), *rows]
    return ["| " + " | ".join(line) + " |" for line in lines]

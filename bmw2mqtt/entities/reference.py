"""Every entity as text: docs/entities.md is this output."""

from collections.abc import Iterable
from typing import Any

from bmw2mqtt.entities import (
    ACCOUNT_ENTITIES,
    VEHICLE_ENTITIES,
    account_entities,
    vehicle_entities,
)
from bmw2mqtt.entities.base import Entity, Number, Sensor

_COLUMNS = ("Topic", "Name", "Unit", "Class", "Command", "Backend")


def reference() -> str:
    """Return Markdown tables: a car's entities, CarData's further ones, and an account's."""
    cardata = vehicle_entities(has_commands=False, has_readings=True)
    every_account = account_entities(has_quota=False, has_stream=False, has_login_button=False)
    vehicle = [
        _row("{VIN}", entity, "mybmw, cardata" if entity in cardata else "mybmw")
        for entity in VEHICLE_ENTITIES
    ]
    readings = [
        _row("{VIN}", entity, "cardata") for entity in cardata if entity not in VEHICLE_ENTITIES
    ]
    account = [
        _row("account/{name}", entity, "mybmw, cardata" if entity in every_account else "cardata")
        for entity in ACCOUNT_ENTITIES
    ]
    return "\n".join(
        (
            "## A car's entities",
            "",
            *_table(vehicle),
            "",
            "## A CarData car's further readings",
            "",
            "A car has those that it has sent. All are off by default.",
            "",
            *_table(readings),
            "",
            "## An account's entities",
            "",
            *_table(account),
        )
    )


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

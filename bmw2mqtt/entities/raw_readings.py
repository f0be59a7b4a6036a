"""Everything else that a CarData car tells: a diagnostic entity, off by default, a descriptor.

Its key is made of BMW's name, so that it stays the same whatever becomes of the table.
"""

import json
import re
from collections.abc import Callable
from functools import cache

from bmw2mqtt.entities.base import (
    MAX_STATE_LENGTH,
    Attributes,
    BinarySensor,
    Entity,
    Sensor,
    Value,
)
from bmw2mqtt.entities.catalogue import Descriptor, Kind, catalogue
from bmw2mqtt.vehicle.snapshot import Vehicle


@cache
def readings() -> tuple[Entity[Vehicle], ...]:
    """Return a row for each descriptor that cars send and that no other entity shows."""
    return tuple(
        _entity(row)
        for row in catalogue().values()
        if not row.entity and (row.is_streamable or row.rest_via == "container")
    )


def key(descriptor: str) -> str:
    """`vehicle.cabin.door.row1.isOpen` becomes `cabin_door_row1_is_open`."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", descriptor.removeprefix("vehicle."))
    return re.sub(r"[^a-z0-9]+", "_", words.lower())


def _entity(row: Descriptor) -> Entity[Vehicle]:
    name = row.descriptor

    def exists(vehicle: Vehicle) -> bool:
        return name in vehicle.readings

    def value(vehicle: Vehicle) -> Value:
        reading = vehicle.readings.get(name)
        return None if reading is None else reading.value

    if row.kind is Kind.BOOLEAN:
        return BinarySensor(
            key=key(name),
            name=row.name,
            value=_not(value) if row.device_class == "lock" else value,
            exists=exists,
            device_class=row.device_class,
            category="diagnostic",
            enabled=False,
        )
    is_document = row.kind is Kind.JSON
    return Sensor(
        key=key(name),
        name=row.name,
        value=_short(value) if is_document else value,
        attributes=_text(value) if is_document else None,
        exists=exists,
        unit=row.unit,
        device_class=row.device_class,
        state_class=row.state_class,
        category="diagnostic",
        enabled=False,
    )


def _not(value: Callable[[Vehicle], Value]) -> Callable[[Vehicle], Value]:
    """Say whether it is unlocked: Home Assistant's sense of a lock."""

    def opposite(vehicle: Vehicle) -> Value:
        is_locked = value(vehicle)
        return None if is_locked is None else not is_locked

    return opposite


def _short(value: Callable[[Vehicle], Value]) -> Callable[[Vehicle], Value]:
    """Count a list or a fault memory; of another text show the beginning."""

    def short(vehicle: Vehicle) -> Value:
        text = value(vehicle)
        if not isinstance(text, str):
            return None
        count = _count(text)
        if count is not None:
            return count
        is_long = len(text) > MAX_STATE_LENGTH
        return f"{text[: MAX_STATE_LENGTH - 1]}…" if is_long else text

    return short


def _count(text: str) -> int | None:
    if text.startswith("["):
        try:
            return len(json.loads(text))
        except (ValueError, RecursionError):
            return None
    return len(re.findall(r"<dtc[\s/>]", text)) if "<dtc" in text else None


def _text(value: Callable[[Vehicle], Value]) -> Callable[[Vehicle], Attributes]:
    def text(vehicle: Vehicle) -> Attributes:
        return {"text": value(vehicle)}

    return text

"""Raw readings of CarData cars: one diagnostic entity per descriptor that no other entity covers.

They are disabled by default. Their keys are derived from BMW's descriptors, so they never change.
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
    """Return an entity for each descriptor that cars send and that no other entity covers."""
    return tuple(
        _entity(row)
        for row in catalogue().values()
        if not row.entity and (row.is_streamable or row.rest_via == "container")
    )


def key(descriptor: str) -> str:
    """Return a descriptor's key: `vehicle.cabin.door.row1.isOpen` is `cabin_door_row1_is_open`."""
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
            appears_with_value=True,
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
        appears_with_value=True,
        unit=row.unit,
        device_class=row.device_class,
        state_class=row.state_class,
        category="diagnostic",
        enabled=False,
    )


def _not(value: Callable[[Vehicle], Value]) -> Callable[[Vehicle], Value]:
    """Return whether it is unlocked: in Home Assistant a lock that is on is open."""

    def opposite(vehicle: Vehicle) -> Value:
        is_locked = value(vehicle)
        return None if is_locked is None else not is_locked

    return opposite


def _short(value: Callable[[Vehicle], Value]) -> Callable[[Vehicle], Value]:
    """Return the number of entries of a list or fault memory, or the beginning of other text."""

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

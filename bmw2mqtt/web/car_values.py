"""All values of one car for the page. Never a position."""

import re
from collections.abc import Iterator
from typing import Any, Final

from bmw2mqtt.entities.base import Entity, Value, iso
from bmw2mqtt.mqtt.topics import Topics
from bmw2mqtt.registered_vehicle import RegisteredVehicle
from bmw2mqtt.vehicle.snapshot import Vehicle

_PLATFORMS: Final = {"sensor", "binary_sensor", "lock", "number", "select", "switch"}
_POSITION: Final = re.compile(r"(^|_)(latitude|longitude|altitude|heading)(_|$)")
"""Keys of CarData's readings that are part of a position."""


def car_values(car: RegisteredVehicle, topics: Topics) -> dict[str, Any]:
    """Return every value of a car, in the order of the entity table."""
    return {
        "vin": car.vehicle.vin,
        "values": [_value(entity, car.vehicle, topics) for entity in shown_entities(car)],
    }


def shown_entities(car: RegisteredVehicle) -> Iterator[Entity[Vehicle]]:
    """Yield the entities whose values may be shown; none is part of a position."""
    for entity in car.device.entities:
        is_shown = entity.platform in _PLATFORMS and not _POSITION.search(entity.key)
        if is_shown and entity.exists(car.vehicle):
            yield entity


def _value(entity: Entity[Vehicle], vehicle: Vehicle, topics: Topics) -> dict[str, Any]:
    value = native(entity.value(vehicle))
    measured_at = vehicle.measured_at.get(f"{entity.platform}/{entity.key}")
    return {
        "name": entity.name,
        "value": value,
        "measured_at": None if value is None else native(measured_at),
        "unit": getattr(entity, "unit", None),
        "device_class": getattr(entity, "device_class", None),
        "is_raw": entity.category == "diagnostic" and not entity.enabled,
        "topic": topics.vehicle(vehicle.vin).state(entity.platform, entity.key),
    }


def native(value: Value) -> Any:
    """Return a value as JSON: times and dates as ISO 8601 text."""
    return iso(value) if hasattr(value, "isoformat") else value  # type: ignore[arg-type] # dates

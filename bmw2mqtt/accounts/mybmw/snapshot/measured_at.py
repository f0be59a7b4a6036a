"""When each entity's value was measured: with MyBMW always when the vehicle reported."""

from collections.abc import Mapping
from datetime import datetime

from bmw2mqtt.entities import VEHICLE_ENTITIES
from bmw2mqtt.vehicle.snapshot import Vehicle


def measured_times(vehicle: Vehicle) -> Mapping[str, datetime]:
    """Return the measured time of every known value, by `{platform}/{key}` of its entity."""
    at = vehicle.updated_at
    if at is None:
        return {}
    return {
        f"{entity.platform}/{entity.key}": at
        for entity in VEHICLE_ENTITIES
        if entity.has_state and entity.exists(vehicle) and entity.value(vehicle) is not None
    }

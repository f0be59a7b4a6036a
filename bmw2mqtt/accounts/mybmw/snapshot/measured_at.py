"""When each entity's value was measured: with MyBMW always when the vehicle reported."""

from dataclasses import replace
from types import MappingProxyType
from typing import Final

from bmw2mqtt.entities import VEHICLE_ENTITIES
from bmw2mqtt.vehicle.snapshot import Vehicle

_VALUES: Final = tuple(
    (f"{entity.platform}/{entity.key}", entity.exists, entity.value)
    for entity in VEHICLE_ENTITIES
    if entity.has_state
)


def with_measured_times(vehicle: Vehicle) -> Vehicle:
    """Add the measured time of every known value, by `{platform}/{key}` of its entity.

    Times that are known already stay: the vehicle finder's answer has its own.
    """
    at = vehicle.updated_at
    if at is None:
        return vehicle
    times = {
        name: at
        for name, exists, value in _VALUES
        if exists(vehicle) and value(vehicle) is not None
    }
    return replace(vehicle, measured_at=MappingProxyType(times | dict(vehicle.measured_at)))

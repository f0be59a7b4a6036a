"""When each published value was measured, by `{platform}/{key}` of its entity."""

from collections.abc import Mapping
from datetime import datetime
from functools import cache

from bmw2mqtt.accounts.cardata.telemetry.descriptors import (
    BATTERY_SIZE,
    CHARGING_END_REASON,
    CHARGING_RANGE,
    CHARGING_STATUS,
    CLIMATE,
    CLIMATE_REMAINING,
    DC_PLUG,
    DOOR_LOCK,
    DOORS,
    ELECTRIC_RANGE,
    FUEL_RANGE,
    HOOD,
    LAST_RANGE,
    MAX_ENERGY,
    ODOMETER,
    PLUG,
    SERVICES,
    SUN_ROOF,
    SUN_ROOF_TILT,
    TIME_TO_FULL,
    TIME_TO_TARGET,
    TIRE_TEMPERATURE,
    TOTAL_RANGE,
    TRUNK,
    TRUNK_DOORS,
    TRUNK_WINDOW,
    WINDOWS,
    Chain,
)
from bmw2mqtt.entities.catalogue import Descriptor, Kind, catalogue
from bmw2mqtt.entities.raw_readings import key
from bmw2mqtt.vehicle.snapshot import Reading

_CHAINS: dict[str, Chain] = {
    "sensor/mileage": ODOMETER,
    "sensor/remaining_range_total": (*TOTAL_RANGE, ELECTRIC_RANGE),
    "sensor/remaining_range_electric": (ELECTRIC_RANGE, CHARGING_RANGE, LAST_RANGE),
    "sensor/remaining_range_fuel": (FUEL_RANGE, *TOTAL_RANGE),
    "sensor/charging_status": CHARGING_STATUS,
    "binary_sensor/charging_status": CHARGING_STATUS,
    "binary_sensor/connection_status": (*PLUG, DC_PLUG),
    "sensor/charging_end_time": (TIME_TO_TARGET, TIME_TO_FULL),
    "sensor/charging_time_remaining": (TIME_TO_TARGET, TIME_TO_FULL),
    "sensor/charging_end_reason": CHARGING_END_REASON,
    "sensor/battery_capacity": (MAX_ENERGY, BATTERY_SIZE),
    "sensor/climate_status": CLIMATE,
    "sensor/preconditioning_time_remaining": CLIMATE_REMAINING,
    "binary_sensor/door_lock_state": DOOR_LOCK,
    "binary_sensor/lids": (*DOORS.values(), HOOD, *TRUNK, *TRUNK_DOORS.values()),
    "binary_sensor/trunk": TRUNK,
    "binary_sensor/windows": (*WINDOWS.values(), TRUNK_WINDOW),
    "sensor/sunroof": (*SUN_ROOF, SUN_ROOF_TILT),
    **{
        f"sensor/{name}": (SERVICES,)
        for name in (
            "next_service_date",
            "service_engine_oil",
            "service_brake_fluid",
            "service_vehicle_check",
        )
    },
    **{
        f"sensor/tire_temperature_{end}_{side}": (TIRE_TEMPERATURE[row, side],)
        for row, end in (("1", "front"), ("2", "rear"))
        for side in ("left", "right")
    },
}
"""Facts of several descriptors, and entities that share one; the catalogue names the others."""
_PLATFORMS = ("binary_sensor", "device_tracker", "sensor")


def measured_times(
    readings: Mapping[str, Reading], soc_at: datetime | None
) -> Mapping[str, datetime]:
    """Return when each value was measured: of a fact's descriptors the newest one.

    Args:
        readings: the car's, by descriptor.
        soc_at: when the state of charge was measured that counts.
    """
    times: dict[str, datetime] = {}
    places_of = _places()
    for name, reading in readings.items():
        measured_at = reading.measured_at
        if measured_at is None or reading.value is None:
            continue
        for place in places_of.get(name, ()):
            known = times.get(place)
            if known is None or measured_at > known:
                times[place] = measured_at
    if soc_at is not None:
        times["sensor/remaining_battery_percent"] = soc_at
    return times


@cache
def _places() -> Mapping[str, tuple[str, ...]]:
    """Return the entities that each descriptor belongs to."""
    places: dict[str, list[str]] = {}
    for place, chain in _CHAINS.items():
        for name in chain:
            places.setdefault(name, []).append(place)
    for name, row in catalogue().items():
        place = _place(row)
        if place not in _CHAINS:
            places.setdefault(name, []).append(place)
    return {name: tuple(entities) for name, entities in places.items()}


def _place(row: Descriptor) -> str:
    """Return the entity that shows just this descriptor."""
    if not row.entity:
        return f"{'binary_sensor' if row.kind is Kind.BOOLEAN else 'sensor'}/{key(row.descriptor)}"
    platform = next(p for p in _PLATFORMS if row.entity.startswith(f"{p}_"))
    return f"{platform}/{row.entity.removeprefix(f'{platform}_')}"

"""When each published value was measured, by `{platform}/{key}` of its entity."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache

from bmw2mqtt.accounts.cardata.snapshot.charging import capacity_reading
from bmw2mqtt.accounts.cardata.snapshot.climate import activity_reading
from bmw2mqtt.accounts.cardata.snapshot.doors_windows import lock_reading
from bmw2mqtt.accounts.cardata.snapshot.ranges import Ranges
from bmw2mqtt.accounts.cardata.telemetry.descriptors import (
    BATTERY_12V_RECHARGE,
    BATTERY_12V_REPLACE,
    BATTERY_12V_VOLTAGE,
    CHARGING_END_REASON,
    CHARGING_STATUS,
    CLIMATE_REMAINING,
    DC_PLUG,
    DOORS,
    HOOD,
    ODOMETER,
    PLUG,
    SERVICES,
    SUN_ROOF,
    SUN_ROOF_TILT,
    TIME_TO_FULL,
    TIME_TO_TARGET,
    TIRE_TEMPERATURE,
    TRUNK,
    TRUNK_DOORS,
    TRUNK_WINDOW,
    WINDOWS,
    Chain,
)
from bmw2mqtt.accounts.cardata.telemetry.lookup import ReadingLookup
from bmw2mqtt.accounts.cardata.telemetry.vehicle_readings import VehicleReadings
from bmw2mqtt.entities.catalogue import Descriptor, Kind, catalogue
from bmw2mqtt.entities.raw_readings import key
from bmw2mqtt.vehicle.snapshot import Reading

_CHAINS: dict[str, Chain] = {
    "sensor/mileage": ODOMETER,
    "sensor/charging_status": CHARGING_STATUS,
    "binary_sensor/charging_status": CHARGING_STATUS,
    "binary_sensor/connection_status": (*PLUG, DC_PLUG),
    "sensor/charging_end_time": (TIME_TO_TARGET, TIME_TO_FULL),
    "sensor/charging_time_remaining": (TIME_TO_TARGET, TIME_TO_FULL),
    "sensor/charging_end_reason": CHARGING_END_REASON,
    "sensor/preconditioning_time_remaining": CLIMATE_REMAINING,
    "binary_sensor/lids": (*DOORS.values(), HOOD, *TRUNK, *TRUNK_DOORS.values()),
    "binary_sensor/trunk": TRUNK,
    "binary_sensor/battery_12v_problem": (
        BATTERY_12V_REPLACE,
        BATTERY_12V_RECHARGE,
        BATTERY_12V_VOLTAGE,
    ),
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
_FOUND: dict[str, Callable[[ReadingLookup], Reading | None]] = {
    "sensor/battery_capacity": capacity_reading,
    "sensor/climate_status": activity_reading,
    "binary_sensor/door_lock_state": lock_reading,
}
"""Facts of several descriptors of which the newest one does not always count."""
_ELSEWHERE = {
    *_FOUND,
    "sensor/remaining_range_total",
    "sensor/remaining_range_electric",
    "sensor/remaining_range_fuel",
    "sensor/remaining_battery_percent",
}
"""Their times come from what the value is made of."""
_PLATFORMS = ("binary_sensor", "device_tracker", "sensor")


def measured_times(
    readings: VehicleReadings,
    ranges: Ranges,
    *,
    soc_at: datetime | None,
    is_left_hand_drive: bool,
) -> Mapping[str, datetime]:
    """Return when each value was measured: of a fact's descriptors the newest one."""
    times: dict[str, datetime] = {}
    places_of = _places(is_left_hand_drive=is_left_hand_drive)
    view, lookup = readings.view, readings.lookup(_ignore)
    for name, reading in view.items():
        measured_at = reading.measured_at
        if measured_at is None or reading.value is None:
            continue
        for place in places_of.get(name, ()):
            known = times.get(place)
            if known is None or measured_at > known:
                times[place] = measured_at
    found = {place: find(lookup) for place, find in _FOUND.items()}
    exact = {place: reading.measured_at for place, reading in found.items() if reading}
    exact |= {
        "sensor/remaining_range_total": ranges.total_at,
        "sensor/remaining_range_electric": ranges.electric_at,
        "sensor/remaining_range_fuel": ranges.fuel_at,
        "sensor/remaining_battery_percent": soc_at,
    }
    return {**times, **{place: at for place, at in exact.items() if at is not None}}


@cache
def _places(*, is_left_hand_drive: bool) -> Mapping[str, tuple[str, ...]]:
    """Return the entities that each descriptor belongs to."""
    places: dict[str, list[str]] = {}
    for place, chain in _CHAINS.items():
        for name in chain:
            places.setdefault(name, []).append(place)
    sided = () if is_left_hand_drive else (*DOORS.values(), *WINDOWS.values())
    for name, row in catalogue().items():
        place = _mirrored(_place(row)) if name in sided else _place(row)
        if place not in _CHAINS and place not in _ELSEWHERE:
            places.setdefault(name, []).append(place)
    return {name: tuple(entities) for name, entities in places.items()}


def _mirrored(place: str) -> str:
    """Return the door or window on the other side."""
    sides = ("left", "right") if place.endswith("left") else ("right", "left")
    return place.removesuffix(sides[0]) + sides[1]


def _place(row: Descriptor) -> str:
    """Return the entity that shows just this descriptor."""
    if not row.entity:
        return f"{'binary_sensor' if row.kind is Kind.BOOLEAN else 'sensor'}/{key(row.descriptor)}"
    platform = next(p for p in _PLATFORMS if row.entity.startswith(f"{p}_"))
    return f"{platform}/{row.entity.removeprefix(f'{platform}_')}"


def _ignore(*_: str) -> None:
    """Ignore an unknown word: it is logged where its fact is looked up."""

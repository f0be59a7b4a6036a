"""When each published value was measured, by `{platform}/{key}` of its entity."""

from collections.abc import Mapping
from datetime import datetime
from functools import cache

from bmw2mqtt.accounts.cardata.telemetry.descriptors import (
    ALARM,
    ALARM_TRIGGERED,
    BATTERY_12V_CHARGE,
    BATTERY_12V_RECHARGE,
    BATTERY_12V_REPLACE,
    BATTERY_12V_VOLTAGE,
    BATTERY_HEALTH,
    BATTERY_PRECONDITIONING,
    BATTERY_SIZE,
    CABLE_LOCK,
    CHARGING_END_REASON,
    CHARGING_METHOD,
    CHARGING_POWER,
    CHARGING_STATUS,
    CLIMATE,
    CONSUMPTION,
    CONVERTIBLE_ROOF,
    DC_PLUG,
    DOOR_LOCK,
    DOORS,
    ELECTRIC_RANGE,
    FLAP,
    FUEL_RANGE,
    HOOD,
    IGNITION,
    IS_MOVING,
    LATITUDE,
    LIFETIME_ENERGY,
    LIFETIME_FUEL,
    LIGHTS,
    MAX_ENERGY,
    ODOMETER,
    PLUG,
    SUN_ROOF,
    TIME_TO_FULL,
    TIME_TO_TARGET,
    TOTAL_RANGE,
    TRUNK,
    TRUNK_DOORS,
    WINDOWS,
    Chain,
)
from bmw2mqtt.accounts.cardata.telemetry.lookup import ReadingLookup
from bmw2mqtt.entities.catalogue import catalogue

_CHAINS: dict[str, Chain] = {
    "sensor/mileage": ODOMETER,
    "sensor/remaining_range_total": (*TOTAL_RANGE, ELECTRIC_RANGE),
    "sensor/remaining_range_fuel": (FUEL_RANGE, *TOTAL_RANGE),
    "sensor/lifetime_fuel_used": (LIFETIME_FUEL,),
    "sensor/charging_status": CHARGING_STATUS,
    "binary_sensor/charging_status": CHARGING_STATUS,
    "binary_sensor/connection_status": (*PLUG, DC_PLUG),
    "sensor/charging_power": (CHARGING_POWER,),
    "sensor/charging_end_time": (TIME_TO_TARGET, TIME_TO_FULL),
    "sensor/charging_time_remaining": (TIME_TO_TARGET, TIME_TO_FULL),
    "sensor/charging_method": (CHARGING_METHOD,),
    "sensor/charging_end_reason": CHARGING_END_REASON,
    "binary_sensor/charging_cable_lock": (CABLE_LOCK,),
    "binary_sensor/charging_flap": (FLAP,),
    "sensor/battery_preconditioning": (BATTERY_PRECONDITIONING,),
    "sensor/battery_capacity": (MAX_ENERGY, BATTERY_SIZE),
    "sensor/battery_health": (BATTERY_HEALTH,),
    "sensor/average_consumption": (CONSUMPTION,),
    "sensor/lifetime_energy_charged": (LIFETIME_ENERGY,),
    "sensor/climate_status": CLIMATE,
    "binary_sensor/door_lock_state": DOOR_LOCK,
    "binary_sensor/lids": (*DOORS.values(), HOOD, *TRUNK, *TRUNK_DOORS.values()),
    "binary_sensor/hood": (HOOD,),
    "binary_sensor/trunk": TRUNK,
    "binary_sensor/windows": tuple(WINDOWS.values()),
    "sensor/sunroof": SUN_ROOF,
    "sensor/convertible_roof": (CONVERTIBLE_ROOF,),
    "sensor/alarm": (ALARM,),
    "binary_sensor/alarm_triggered": (ALARM_TRIGGERED,),
    "binary_sensor/moving": (IS_MOVING,),
    "binary_sensor/ignition": (IGNITION,),
    "binary_sensor/lights": (LIGHTS,),
    "sensor/battery_12v_voltage": (BATTERY_12V_VOLTAGE,),
    "sensor/battery_12v_percent": (BATTERY_12V_CHARGE,),
    "sensor/battery_12v_health": (BATTERY_12V_REPLACE,),
    "binary_sensor/battery_12v_recharge": (BATTERY_12V_RECHARGE,),
    "device_tracker/location": (LATITUDE,),
}
"""Facts that have several descriptors, or whose entity the catalogue does not name."""
_PLATFORMS = ("binary_sensor", "device_tracker", "sensor")


def measured_times(readings: ReadingLookup, soc_at: datetime | None) -> Mapping[str, datetime]:
    """Return when each value was measured.

    Args:
        readings: the car's.
        soc_at: when the state of charge was measured that counts.
    """
    times: dict[str, datetime] = {}
    for place, chain in _places().items():
        reading = readings.find(*chain)
        if reading is not None and reading.measured_at is not None:
            times[place] = reading.measured_at
    if soc_at is not None:
        times["sensor/remaining_battery_percent"] = soc_at
    return times


@cache
def _places() -> Mapping[str, Chain]:
    """Return the chains of all entities."""
    chains = dict(_CHAINS)
    for name, row in catalogue().items():
        platform = next((p for p in _PLATFORMS if row.entity.startswith(f"{p}_")), None)
        if platform is not None:
            chains.setdefault(f"{platform}/{row.entity.removeprefix(f'{platform}_')}", (name,))
    return chains

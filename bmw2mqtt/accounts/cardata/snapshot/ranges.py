"""Ranges: total, electric and fuel."""

from datetime import timedelta
from typing import NamedTuple

from bmw2mqtt.accounts.cardata.telemetry.descriptors import (
    CHARGING_RANGE,
    ELECTRIC_RANGE,
    FUEL_RANGE,
    LAST_RANGE,
    TOTAL_RANGE,
)
from bmw2mqtt.accounts.cardata.telemetry.lookup import NEVER, ReadingLookup
from bmw2mqtt.vehicle.snapshot import DriveTrain, Reading

SAME_MOMENT = timedelta(minutes=1)
"""Only ranges measured this close together are added or subtracted."""


class Ranges(NamedTuple):
    """The ranges in km."""

    total_km: float | None
    electric_km: float | None
    fuel_km: float | None


def ranges(readings: ReadingLookup, drive_train: DriveTrain | None, *, is_charging: bool) -> Ranges:
    """Return the ranges of a car.

    Args:
        readings: the car's.
        drive_train: what it runs on; an unknown one counts as electric.
        is_charging: whether the forecast that the car makes while it charges counts.
    """
    if drive_train is None or not drive_train.has_engine:
        return _electric(readings, is_charging=is_charging)
    if not drive_train.has_battery:
        fuel_km = _km(readings.find(*TOTAL_RANGE, FUEL_RANGE))
        return Ranges(fuel_km, None, fuel_km)
    return _hybrid(readings, is_charging=is_charging)


def _electric(readings: ReadingLookup, *, is_charging: bool) -> Ranges:
    """Electric cars report 0 for ranges that they do not measure."""
    candidates = (
        _electric_range(readings, is_charging=is_charging),
        readings.find(LAST_RANGE),
        readings.find(*TOTAL_RANGE),
    )
    km = next((km for reading in candidates if (km := _km(reading))), None)
    return Ranges(km, km, None)


def _hybrid(readings: ReadingLookup, *, is_charging: bool) -> Ranges:
    total = readings.find(*TOTAL_RANGE)
    electric = _electric_range(readings, is_charging=is_charging)
    fuel = readings.find(FUEL_RANGE)
    total_km, electric_km, fuel_km = _km(total), _km(electric), _km(fuel)
    if fuel_km is None and total_km is not None and electric_km is not None:
        fuel_km = max(total_km - electric_km, 0) if _is_same_moment(total, electric) else None
    elif total_km is None and fuel_km is not None and electric_km is not None:
        total_km = fuel_km + electric_km if _is_same_moment(fuel, electric) else None
    return Ranges(total_km, electric_km, fuel_km)


def _electric_range(readings: ReadingLookup, *, is_charging: bool) -> Reading | None:
    """Return the range of the instrument cluster, unless a charge makes a newer forecast."""
    if is_charging:
        return readings.find(ELECTRIC_RANGE, CHARGING_RANGE)
    return readings.find(ELECTRIC_RANGE) or readings.find(CHARGING_RANGE)


def _km(reading: Reading | None) -> float | None:
    is_number = reading is not None and isinstance(reading.value, float)
    return reading.value if is_number and reading.value >= 0 else None  # type: ignore[union-attr, operator, return-value] # is_number


def _is_same_moment(one: Reading | None, other: Reading | None) -> bool:
    if one is None or other is None:
        return False
    times = sorted(reading.measured_at or NEVER for reading in (one, other))
    return times[1] - times[0] <= SAME_MOMENT

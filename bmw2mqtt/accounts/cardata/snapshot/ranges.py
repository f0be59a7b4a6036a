"""Ranges: total, electric and fuel."""

from datetime import datetime, timedelta
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
"""Only ranges measured this close together are added or subtracted, unless the battery is empty."""


class Ranges(NamedTuple):
    """The ranges in km."""

    total_km: float | None = None
    electric_km: float | None = None
    fuel_km: float | None = None
    total_at: datetime | None = None
    """When it was measured; so the others."""
    electric_at: datetime | None = None
    fuel_at: datetime | None = None


def ranges(readings: ReadingLookup, drive_train: DriveTrain | None, *, is_charging: bool) -> Ranges:
    """Return the ranges of a car; an unknown drive train counts as electric.

    While it charges, the forecast that it makes of its range counts.
    """
    if drive_train is None or not drive_train.has_engine:
        return _electric(readings, is_charging=is_charging)
    if not drive_train.has_battery:
        fuel = readings.find(*TOTAL_RANGE, FUEL_RANGE)
        return _ranges(fuel, None, fuel)
    return _hybrid(readings, is_charging=is_charging)


def _electric(readings: ReadingLookup, *, is_charging: bool) -> Ranges:
    """Electric cars report 0 for ranges that they do not measure."""
    candidates = (
        _electric_range(readings, is_charging=is_charging),
        readings.find(LAST_RANGE),
        readings.find(*TOTAL_RANGE),
    )
    known = next((reading for reading in candidates if _km(reading)), None)
    return _ranges(known, known, None)


def _hybrid(readings: ReadingLookup, *, is_charging: bool) -> Ranges:
    total = readings.find(*TOTAL_RANGE)
    electric = _electric_range(readings, is_charging=is_charging)
    fuel = readings.find(FUEL_RANGE)
    known = _ranges(total, electric, fuel)
    total_km, electric_km, fuel_km = known[:3]
    if electric_km is None:
        return known
    if fuel_km is None and total_km is not None and _goes_with(electric, total):
        return known._replace(fuel_km=max(total_km - electric_km, 0), fuel_at=known.total_at)
    if total_km is None and fuel_km is not None and _goes_with(electric, fuel):
        return known._replace(total_km=fuel_km + electric_km, total_at=known.fuel_at)
    return known


def _ranges(total: Reading | None, electric: Reading | None, fuel: Reading | None) -> Ranges:
    return Ranges(_km(total), _km(electric), _km(fuel), _at(total), _at(electric), _at(fuel))


def _at(reading: Reading | None) -> datetime | None:
    return None if reading is None else reading.measured_at


def _electric_range(readings: ReadingLookup, *, is_charging: bool) -> Reading | None:
    """Return the range of the instrument cluster, unless a charge makes a newer forecast."""
    if is_charging:
        return readings.find(ELECTRIC_RANGE, CHARGING_RANGE)
    return readings.find(ELECTRIC_RANGE) or readings.find(CHARGING_RANGE)


def _km(reading: Reading | None) -> float | None:
    is_number = reading is not None and isinstance(reading.value, float)
    return reading.value if is_number and reading.value >= 0 else None  # type: ignore[union-attr, operator, return-value] # is_number


def _goes_with(electric: Reading | None, other: Reading | None) -> bool:
    """Return whether an electric range may be added to another range, or subtracted from it.

    An empty battery stays empty until its range is sent again.
    """
    if electric is None or other is None:
        return False
    electric_at, other_at = (reading.measured_at or NEVER for reading in (electric, other))
    if electric.value == 0 and electric_at <= other_at:
        return True
    return abs(electric_at - other_at) <= SAME_MOMENT

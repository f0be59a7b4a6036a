"""What the rules about trips read of a car: its newest readings, each with its time."""

from datetime import datetime, timedelta
from typing import Final, TypeVar

from bmw2mqtt.accounts.cardata.snapshot.doors_windows import door_lock
from bmw2mqtt.accounts.cardata.telemetry.descriptors import (
    BATTERY_12V_VOLTAGE,
    DOOR_LOCK,
    DOORS,
    FUEL_L,
    FUEL_PERCENT,
    IGNITION,
    IS_MOVING,
    PLUG,
    SOC_AT_TRIP_END,
    TRAVELLED_DISTANCE,
    TRIP_TRAVELLED_DISTANCE,
)
from bmw2mqtt.accounts.cardata.telemetry.lookup import ReadingLookup
from bmw2mqtt.accounts.cardata.telemetry.position import PositionFix
from bmw2mqtt.vehicle.charging.session import ChargingSession
from bmw2mqtt.vehicle.charging.shown import ChargingState
from bmw2mqtt.vehicle.observed import charging_sign
from bmw2mqtt.vehicle.snapshot import DriveTrain, LockState
from bmw2mqtt.vehicle.trips import Coordinates, Measured, Observation, TripEndBlock

T = TypeVar("T")

SAME_BLOCK: Final = timedelta(minutes=1)
"""Parts of a trip end block measured this close together belong together."""
_DRIVERS_DOOR: Final = DOORS["1", "driver"]
_LOCKED: Final = {LockState.LOCKED, LockState.SECURED}


def driving(
    readings: ReadingLookup,
    fix: PositionFix | None,
    charge: ChargingState,
    session: ChargingSession | None,
    *,
    drive_train: DriveTrain | None,
    capacity_kwh: float | None,
    now: datetime,
) -> Observation:
    """Return what a car's readings say about trips."""
    lock, lock_word = door_lock(readings), _measured(readings, str, *DOOR_LOCK)
    position, soc, is_locked = None, None, None
    if lock is not None and lock_word is not None:
        is_locked = Measured(lock in _LOCKED, lock_word.at)
    if fix is not None:
        position = Measured(Coordinates(fix.latitude, fix.longitude), fix.measured_at)
    if charge.soc_percent is not None and charge.soc_at is not None:
        soc = Measured(charge.soc_percent, charge.soc_at)
    return Observation(
        received_at=now,
        drive_train=drive_train,
        capacity_kwh=capacity_kwh,
        odometer_km=_measured(readings, float, TRAVELLED_DISTANCE),
        is_moving=_measured(readings, bool, IS_MOVING),
        is_ignition_on=_measured(readings, bool, IGNITION),
        position=position,
        is_driver_door_open=_measured(readings, bool, _DRIVERS_DOOR),
        is_locked=is_locked,
        is_plugged_in=_measured(readings, bool, *PLUG),
        is_charging=charging_sign(session),
        soc_percent=soc,
        fuel_l=_measured(readings, float, FUEL_L),
        fuel_percent=_measured(readings, float, FUEL_PERCENT),
        trip_end=_trip_end(readings),
    )


def battery_12v_v(readings: ReadingLookup) -> Measured[float] | None:
    """Return the voltage of the 12 V battery."""
    return _measured(readings, float, BATTERY_12V_VOLTAGE)


def _measured(readings: ReadingLookup, kind: type[T], *names: str) -> Measured[T] | None:
    reading = readings.find(*names)
    if reading is None or reading.measured_at is None or not isinstance(reading.value, kind):
        return None
    return Measured(reading.value, reading.measured_at)


def _trip_end(readings: ReadingLookup) -> TripEndBlock | None:
    """Return the newest trip end block; its parts carry their own times."""
    odometer = _measured(readings, float, TRIP_TRAVELLED_DISTANCE)
    soc = _measured(readings, float, SOC_AT_TRIP_END)
    known = [part.at for part in (odometer, soc) if part is not None]
    if not known:
        return None
    at = max(known)
    return TripEndBlock(
        at=at,
        odometer_km=odometer.value if odometer and at - odometer.at <= SAME_BLOCK else None,
        soc_percent=soc.value if soc and at - soc.at <= SAME_BLOCK else None,
    )

"""What the history records of a vehicle: its last report, with the time of that report."""

from datetime import datetime
from typing import Final, TypeVar

from bmw2mqtt.accounts.mybmw.snapshot.responses import ReportTrackers, VehicleResponses
from bmw2mqtt.vehicle.charging.shown import ChargingState
from bmw2mqtt.vehicle.observed import ObservedVehicle, charging_sign
from bmw2mqtt.vehicle.snapshot import LockState, Vehicle
from bmw2mqtt.vehicle.trips import Coordinates, Measured, Observation

T = TypeVar("T")

_LOCKED: Final = {LockState.LOCKED, LockState.SECURED}
_LOCATION: Final = "device_tracker/location"


def observed(
    vehicle: Vehicle, responses: VehicleResponses, trackers: ReportTrackers
) -> ObservedVehicle:
    """Return what the history records; this takes the transitions of the charging."""
    charge = trackers.charging.machine.state(responses.fetched_at)
    return ObservedVehicle(
        vin=vehicle.vin,
        at=responses.fetched_at,
        transitions=trackers.charging.pop_transitions(),
        session=trackers.charging.machine.session,
        driving=_driving(vehicle, responses, trackers, charge),
        power_kw=charge.power_kw,
        range_km=vehicle.charging.range_km or vehicle.range_km,
    )


def _driving(
    vehicle: Vehicle, responses: VehicleResponses, trackers: ReportTrackers, charge: ChargingState
) -> Observation:
    locked = None if vehicle.door_lock is None else vehicle.door_lock in _LOCKED
    values = (
        vehicle.mileage_km,
        vehicle.position,
        locked,
        vehicle.charging.is_plugged_in,
        vehicle.fuel.remaining_l,
        vehicle.fuel.remaining_percent,
    )
    at = trackers.driving.update(
        values, reported_at=responses.reported_at, received_at=responses.fetched_at
    )
    position = None
    if vehicle.position is not None:
        place = Coordinates(vehicle.position.latitude, vehicle.position.longitude)
        is_found = responses.found is not None
        found_at = vehicle.measured_at.get(_LOCATION) if is_found else None
        position = Measured(place, found_at or at)
    return Observation(
        received_at=responses.fetched_at,
        drive_train=vehicle.drive_train,
        capacity_kwh=trackers.charging.capacity_kwh(vehicle.model),
        odometer_km=_measured(vehicle.mileage_km, at),
        position=position,
        is_locked=_measured(locked, at),
        is_plugged_in=_measured(vehicle.charging.is_plugged_in, at),
        is_charging=charging_sign(trackers.charging.machine.session),
        soc_percent=_measured(charge.soc_percent, charge.soc_at or at),
        fuel_l=_measured(vehicle.fuel.remaining_l, at),
        fuel_percent=_measured(vehicle.fuel.remaining_percent, at),
    )


def _measured(value: T | None, at: datetime) -> Measured[T] | None:
    return None if value is None else Measured(value, at)

"""When time alone changes a snapshot next: an expected end, or a wrong time stamp, is past."""

from collections.abc import Iterator
from datetime import datetime

from bmw2mqtt.accounts.mybmw.snapshot.builder import CLIMATE_OVERDUE
from bmw2mqtt.accounts.mybmw.snapshot.responses import (
    FUTURE_TOLERANCE,
    ReportTrackers,
    VehicleResponses,
)
from bmw2mqtt.vehicle.snapshot import Vehicle


def next_change_at(
    vehicle: Vehicle, responses: VehicleResponses, trackers: ReportTrackers
) -> datetime | None:
    """Return from when on the same answers may make another snapshot; `None`: never."""
    changes = _changes(vehicle, responses, trackers)
    return min((at for at in changes if at and at >= responses.fetched_at), default=None)


def _changes(
    vehicle: Vehicle, responses: VehicleResponses, trackers: ReportTrackers
) -> Iterator[datetime | None]:
    yield trackers.charging.machine.next_deadline(responses.fetched_at)
    yield vehicle.charging.start_time
    climate_ends_at = vehicle.climate.end_time
    yield climate_ends_at and climate_ends_at + CLIMATE_OVERDUE
    stamp = responses.stamp
    yield stamp and stamp - FUTURE_TOLERANCE

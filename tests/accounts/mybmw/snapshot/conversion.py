"""The recorded cars' answers, converted without a server: thousands a second."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from bmw2mqtt.accounts.mybmw.snapshot.builder import to_vehicle
from bmw2mqtt.accounts.mybmw.snapshot.responses import ReportTrackers, VehicleResponses
from bmw2mqtt.simulator.mybmw import RecordedCar
from bmw2mqtt.vehicle.snapshot import Vehicle

NOON = datetime(2023, 6, 22, 10, 30, tzinfo=UTC)


def ignore(*_: str) -> None:
    """Take reports of unknown words."""


def answers_of(car: RecordedCar) -> dict[str, Any]:
    """Return BMW's answers by the names the conversion has for them."""
    return {
        "attributes": car.profile_data,
        "capabilities": car.state_data["capabilities"],
        "state": car.state_data["state"],
        "charging_settings": car.charging_data,
    }


def convert(
    vin: str,
    answers: dict[str, Any],
    previous: Vehicle | None = None,
    fetched_at: datetime = NOON,
    report: Callable[[str, str], None] = ignore,
    trackers: ReportTrackers | None = None,
) -> Vehicle:
    """Make a snapshot, as an account does after a poll."""
    made = VehicleResponses(vin=vin, brand="BMW", fetched_at=fetched_at, **answers)
    return to_vehicle(made, previous=previous, trackers=trackers or ReportTrackers(), report=report)


def convert_car(
    car: RecordedCar,
    previous: Vehicle | None = None,
    fetched_at: datetime = NOON,
    trackers: ReportTrackers | None = None,
) -> Vehicle:
    """Make a snapshot of what the car would answer now."""
    return convert(car.vin, answers_of(car), previous, fetched_at, trackers=trackers)

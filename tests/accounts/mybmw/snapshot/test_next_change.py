"""A snapshot is built again only when time changes it; nobody may notice that."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from bmw2mqtt.accounts.mybmw.snapshot.builder import next_change_at, to_vehicle
from bmw2mqtt.accounts.mybmw.snapshot.responses import ReportTrackers, VehicleResponses
from bmw2mqtt.vehicle.snapshot import Vehicle
from tests.accounts.mybmw.snapshot.conversion import NOON, answers_of, ignore
from tests.fixture_cars import fixture_car

IX, REX = "WBA00000000DEMO01", "WBY00000000REXI01"


def build(
    responses: VehicleResponses, previous: Vehicle | None, trackers: ReportTrackers
) -> Vehicle:
    return to_vehicle(responses, previous=previous, trackers=trackers, report=ignore)


def charging(state: dict[str, Any]) -> None:
    state["electricChargingState"] |= {
        "chargingStatus": "CHARGING",
        "isChargerConnected": True,
        "remainingChargingMinutes": 17,
    }


def waiting(state: dict[str, Any]) -> None:
    state["electricChargingState"] |= {
        "chargingStatus": "WAITING_FOR_CHARGING",
        "isChargerConnected": True,
    }


def heating(state: dict[str, Any]) -> None:
    state["climateControlState"] = {"activity": "HEATING", "remainingSeconds": 1234}


def unknown_status(state: dict[str, Any]) -> None:
    state["electricChargingState"]["chargingStatus"] = "UNKNOWN"


def ahead_of_time(state: dict[str, Any]) -> None:
    state["lastUpdatedAt"] = (NOON + timedelta(minutes=37)).isoformat()


def without_stamp(state: dict[str, Any]) -> None:
    del state["lastUpdatedAt"]


@pytest.mark.no_cover
@pytest.mark.parametrize("vin", [IX, REX])
@pytest.mark.parametrize(
    "change",
    [charging, waiting, heating, unknown_status, ahead_of_time, without_stamp, lambda _: None],
)
def test_same_snapshots_as_when_built_every_minute(vin: str, change: Any) -> None:
    car = fixture_car(vin)
    car.state_data["state"]["lastUpdatedAt"] = NOON.isoformat()
    change(car.state_data["state"])
    responses = VehicleResponses(vin=vin, brand="BMW", fetched_at=NOON, **answers_of(car))
    always, due = ReportTrackers(), ReportTrackers()
    expected = shown = None
    next_at: datetime | None = NOON - timedelta(minutes=1)
    builds = 0
    for minute in (*range(180), *range(180, 26 * 60, 10)):
        now = NOON + timedelta(minutes=minute)
        present = replace(responses, fetched_at=now)
        expected = build(present, expected, always)
        if next_at is not None and now >= next_at:
            shown = build(present, shown, due)
            next_at = next_change_at(shown, present, due)
            builds += 1
        assert shown == expected, minute
    assert builds < 10
